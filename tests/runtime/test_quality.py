"""The quality history: when to measure, what is kept, and what goes into presets."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from flowmap_studio.core.advice import Figures
from flowmap_studio.runtime.frames import Measurement, MeasureRequest
from flowmap_studio.runtime.quality import LONGEST_GAP, QualityHistory


def measurement(snapshot: Any, step: int, one_step: float = 0.5, jumps: int = 8) -> Measurement:
    request = MeasureRequest(run=1, snapshot=replace(snapshot, step=step), steps=jumps)
    return Measurement(request, one_step, composed=0.25, floor=0.03, spread_ratio=0.9)


def test_measurements_thin_out_as_learning_slows_down() -> None:
    quality = QualityHistory()
    asked = [step for step in range(0, 10_001, 10) if quality.due(step)]
    assert asked[:4] == [0, 50, 100, 150]
    gaps = [b - a for a, b in pairwise(asked)]
    assert gaps == sorted(gaps)
    assert 700 < gaps[-1] < 900
    assert not quality.due(asked[-1])


def test_a_long_run_is_measured_every_few_seconds_all_the_same() -> None:
    quality = QualityHistory()
    seconds = [second for second in range(40) if quality.due(100_000 + second, float(second))]
    assert seconds == list(range(0, 40, int(LONGEST_GAP)))


def test_measurements_are_kept_in_order(snapshot: Any) -> None:
    quality = QualityHistory()
    for step, value in ((0, 1.0), (100, 0.6), (200, 0.4)):
        quality.add(measurement(snapshot, step, value))
    assert quality.steps == [0, 100, 200]
    assert quality.one_step == [1.0, 0.6, 0.4]
    assert quality.composed == [0.25] * 3
    assert (quality.floor, quality.spread_ratio) == (0.03, 0.9)


def test_a_new_measurement_of_the_newest_step_replaces_it(snapshot: Any) -> None:
    quality = QualityHistory()
    quality.add(measurement(snapshot, 100, 0.6, jumps=8))
    quality.add(measurement(snapshot, 100, 0.6, jumps=2))
    assert (quality.steps, quality.jumps) == ([100], [2])
    assert len(quality.one_step) == len(quality.composed) == 1


def test_a_measurement_that_comes_late_is_dropped(snapshot: Any) -> None:
    quality = QualityHistory()
    quality.add(measurement(snapshot, 200))
    quality.add(measurement(snapshot, 100))
    assert quality.steps == [200]


def test_figures_of_a_step_are_named_as_in_presets(snapshot: Any) -> None:
    quality = QualityHistory()
    quality.add(measurement(snapshot, 100, 0.6))
    quality.add(measurement(snapshot, 200, 0.5, jumps=4))
    assert quality.metrics_at(100) == {
        "sliced_w2_8": 0.25,
        "sliced_w2_1": 0.6,
        "sliced_w2_floor": 0.03,
    }
    assert quality.metrics_at(200) == {
        "sliced_w2_4": 0.25,
        "sliced_w2_1": 0.5,
        "sliced_w2_floor": 0.03,
        "spread_ratio": 0.9,
    }
    assert quality.metrics_at(150) == {}


@pytest.mark.parametrize(
    ("metrics", "composed", "jumps"),
    [
        ({"sliced_w2_1": 0.5, "sliced_w2_2": 0.4, "sliced_w2_8": 0.2}, 0.2, 8),
        ({"sliced_w2_1": 0.5, "sliced_w2_4": 0.3}, 0.3, 4),
        ({"sliced_w2_1": 0.5}, 0.5, 1),
    ],
)
def test_a_presets_figures_are_shown_as_what_they_are(
    snapshot: Any, metrics: dict[str, float], composed: float, jumps: int
) -> None:
    extra = {"sliced_w2_floor": 0.03, "spread_ratio": 0.8, "energy_distance": 0.1}
    quality = QualityHistory()
    quality.load(snapshot.with_metrics(metrics | extra))
    assert (quality.steps, quality.one_step) == ([snapshot.step], [0.5])
    assert (quality.composed, quality.jumps) == ([composed], [jumps])
    assert (quality.floor, quality.spread_ratio) == (0.03, 0.8)
    saved = quality.metrics_at(snapshot.step)
    assert saved[f"sliced_w2_{jumps}"] == composed
    assert saved["sliced_w2_1"] == 0.5


def test_the_advisers_are_given_the_newest_figures_and_one_of_before(snapshot: Any) -> None:
    quality = QualityHistory()
    assert quality.figures(1.0) == Figures(0)
    for step, value in ((0, 1.0), (300, 0.7), (700, 0.6), (800, 0.55), (1000, 0.5)):
        quality.add(replace(measurement(snapshot, step, value), folded=0.1))
    assert quality.figures(1.0) == Figures(
        1000,
        progress=1.0,
        spread_ratio=0.9,
        one_step=0.5,
        composed=0.25,
        jumps=8,
        floor=0.03,
        folded=0.1,
        earlier=0.6,
    )
    assert quality.metrics_at(1000)["folded_share"] == 0.1


def test_a_preset_without_figures_shows_none(snapshot: Any) -> None:
    quality = QualityHistory()
    quality.load(snapshot)
    assert quality.steps == []
    assert quality.metrics_at(snapshot.step) == {}
