"""Comparisons in their thread: rows as they come, an end at any time, one sentence for a fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from flowmap_studio.core import comparison
from flowmap_studio.core.comparison_table import Entry, entries_to_train
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.drawing.layers import STAGE_POINTS, STAGE_SEED
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.randomness import source_noise
from flowmap_studio.runtime import comparing
from flowmap_studio.runtime.comparing import ComparisonControl
from flowmap_studio.runtime.frames import Rival, Sampling
from flowmap_studio.runtime.session import Session
from flowmap_studio.runtime.workers import join


@pytest.fixture
def control(qapp: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[ComparisonControl]:
    monkeypatch.setattr(comparing, "POINTS", 200)
    monkeypatch.setattr(comparison, "TIMED_POINTS", 64)
    made = ComparisonControl()
    yield made
    made.cancel()
    assert join(made.workers(), 10)


def test_rows_come_one_by_one(qtbot: Any, control: ComparisonControl, small_config: Any) -> None:
    counts: list[int] = []
    control.changed.connect(lambda: counts.append(len(control.rows)))
    control.start(entries_to_train(small_config, ["rectified-flow", "semigroup"]))
    assert control.running
    qtbot.waitUntil(lambda: not control.running)
    assert [row.steps for row in control.rows] == [1, 8, 1, 2, 4, 8]
    assert set(range(7)) <= set(counts)
    assert control.floor["sliced_w2"] > 0


def test_more_maps_of_the_same_target_join_the_table(
    qtbot: Any, control: ComparisonControl, snapshot: Any, small_config: RunConfig, train: Any
) -> None:
    def compare(name: str, made: Any) -> list[str]:
        control.start([Entry(name, made.config, made)], keep=True)
        qtbot.waitUntil(lambda: not control.running)
        return list(dict.fromkeys(row.name for row in control.rows))

    assert compare("one", snapshot) == ["one"]
    assert compare("two", snapshot) == ["one", "two"]
    assert compare("other", train(small_config.replace(target="rings"))) == ["other"]
    control.clear()
    assert (control.rows, control.floor) == ([], {})


def test_it_ends_when_asked_and_keeps_its_rows(
    qtbot: Any, control: ComparisonControl, snapshot: Any, endless: RunConfig
) -> None:
    config = endless.replace(target=snapshot.config.target)
    entries = [Entry("done", snapshot.config, snapshot), Entry("endless", config)]
    control.start(entries)
    control.start(entries)  # one at a time
    qtbot.waitUntil(lambda: len(control.rows) == 4)
    control.cancel()
    qtbot.waitUntil(lambda: not control.running)
    assert len(control.rows) == 4


def test_a_fault_is_one_sentence(qtbot: Any, control: ComparisonControl, small_config: Any) -> None:
    said: list[str] = []
    control.failed.connect(lambda sentence, _details: said.append(sentence))
    control.start([Entry("lost", small_config.replace(target="nowhere.csv"))])
    qtbot.waitUntil(lambda: not control.running)
    assert len(said) == 1
    assert "nowhere.csv" in said[0]


def test_a_session_that_ends_takes_its_comparison_along(
    qtbot: Any, session: Session, endless: RunConfig
) -> None:
    session.comparison.start([Entry("endless", endless)])
    session.shutdown()
    assert join(session.comparison.workers(), 10)


def test_a_rival_takes_the_place_of_the_composed_cloud(
    qtbot: Any, session: Session, snapshot: Any, preset_path: Any, train: Any
) -> None:
    session.open_preset(preset_path)
    velocity = train(snapshot.config.replace(method="flow-matching"))
    session.set_time(0.6)
    session.set_sampling(rival=Rival("baseline", velocity, 3, "heun"))
    qtbot.waitUntil(
        lambda: session.frame is not None and session.frame.request.sampling.rival is not None
    )
    frame = session.frame
    noise = source_noise(STAGE_POINTS, 2, STAGE_SEED)
    expected = LoadedMap(velocity).at(noise, 0.6, 3, solver="heun")
    assert np.allclose(frame.clouds["composed"], expected, atol=1e-5)
    assert np.allclose(frame.clouds["one_step"], LoadedMap(snapshot).at(noise, 0.6, 1), atol=1e-5)
    assert frame.evaluations == 6


def test_what_does_not_go_with_a_map_is_left_out(snapshot: Any, small_config: RunConfig) -> None:
    rival = Rival("same", snapshot, 2)
    sampling = Sampling(solver="rk4", label="moon 1", guidance=2.0, rival=rival)
    fitted = sampling.fitted(snapshot)
    assert fitted == Sampling(solver="rk4", label=None, guidance=2.0, rival=rival)
