"""The window under the benchmark's hand: what it waits for was painted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QTimer

from flowmap_studio.core.errors import StudioError
from flowmap_studio.resources import asset
from flowmap_studio.runtime import evaluation

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")


@pytest.fixture
def studio(qapp: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from flowmap_studio.cli.bench_window import Studio

    monkeypatch.setattr(evaluation, "WARM_UP", ())
    made = Studio(asset("presets", "moons.flowmap"))
    made.until(lambda: made.session.frame is not None and made.painted_at > 0)
    yield made
    made.close()


def test_a_move_ends_when_the_clouds_of_its_time_are_painted(studio: Any) -> None:
    studio.session.looks_up = False
    with studio.dragging():
        for place in (250, 700):
            assert studio.move_to(place) > 0
            frame = studio.session.frame
            assert frame.request.t == place / 1000
            assert not frame.request.full
            shown = studio.window.stage.displayed("one_step")
            assert np.array_equal(shown, frame.clouds["one_step"])
    cloud = np.zeros((30, 2), np.float32)
    assert studio.repaint({"one_step": cloud}) > 0
    assert np.array_equal(studio.window.stage.displayed("one_step"), cloud)
    with pytest.raises(StudioError, match="did not get there"):
        studio.until(lambda: False, seconds=0.05)


def test_what_was_waited_for_before_ends_no_later_waiting(studio: Any) -> None:
    """Left over from there is a wish to quit the loop."""
    studio.until(lambda: True)
    QTimer.singleShot(0, studio._loop.quit)
    began = time.perf_counter()
    studio.until(lambda: time.perf_counter() - began > 0.1)
    QTimer.singleShot(0, studio._loop.quit)
    began = time.perf_counter()
    studio.rest(0.1)
    assert time.perf_counter() - began > 0.09
