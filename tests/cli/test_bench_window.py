"""The window under the benchmark's hand: what it waits for was painted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

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
    with pytest.raises(TimeoutError, match="did not get there"):
        studio.until(lambda: False, seconds=0.05)
