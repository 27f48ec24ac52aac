"""Bookmarks: in order, each once, found from anywhere round the ends."""

from __future__ import annotations

import pytest

from flowmap_studio.runtime.bookmarks import Bookmarks


@pytest.fixture
def marks() -> Bookmarks:
    made = Bookmarks()
    for t in (0.7, 0.2, 0.5):
        made.toggle_time(t)
    return made


def test_they_are_kept_in_order_and_deleted_where_they_are(marks: Bookmarks) -> None:
    assert marks.times == [0.2, 0.5, 0.7]
    assert not marks.toggle_time(0.5002)  # the same place on the slider
    assert marks.times == [0.2, 0.7]


@pytest.mark.parametrize(
    ("here", "after", "before"),
    [(0.0, 0.2, 0.7), (0.2, 0.5, 0.7), (0.3, 0.5, 0.2), (0.7, 0.2, 0.5), (1.0, 0.2, 0.7)],
)
def test_next_and_previous_go_round(
    marks: Bookmarks, here: float, after: float, before: float
) -> None:
    assert marks.time_from(here, 1) == after
    assert marks.time_from(here, -1) == before


def test_steps_are_forgotten_with_their_run_and_times_are_not(marks: Bookmarks) -> None:
    told = []
    marks.changed.connect(lambda: told.append(1))
    assert marks.step_from(5, 1) is None
    marks.toggle_step(10)
    assert marks.step_from(5, -1) == 10
    marks.forget_steps()
    marks.forget_steps()
    assert marks.steps == []
    assert len(marks.times) == 3
    assert len(told) == 2
