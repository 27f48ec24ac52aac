"""Runs that are over: few, thin, each once, and shown by rule or by choice."""

from __future__ import annotations

import numpy as np
import pytest

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.history import TERMS, LossHistory
from flowmap_studio.core.past_runs import MOST_POINTS, MOST_RUNS, PastRuns


def losses(steps: int, seed: int = 0) -> LossHistory:
    history = LossHistory()
    rng = np.random.default_rng(seed)
    history.append(rng.lognormal(size=(steps, len(TERMS))).astype(np.float32))
    return history


def keep(past: PastRuns, seed: int = 0, steps: int = 40, measured: int = 3) -> bool:
    places = list(range(measured))
    series = {"one_step": [1.0 - 0.1 * p for p in places], "composed": [0.5] * measured}
    return past.keep(RunConfig(seed=seed), losses(steps, seed), places, series)


def numbers(runs: tuple) -> list[int]:
    return [run.number for run in runs]


def test_a_run_keeps_what_it_was() -> None:
    past = PastRuns()
    assert keep(past, seed=4)
    (run,) = past.runs()
    assert (run.number, run.config.seed, run.steps) == (1, 4, 40)
    assert run.one_step == pytest.approx(0.8)
    np.testing.assert_array_equal(run.losses.view().mean, losses(40, 4).view().mean)
    np.testing.assert_array_equal(run.measured, [0, 1, 2])


def test_a_run_without_measurements_has_no_figure() -> None:
    past = PastRuns()
    past.keep(RunConfig(), losses(9), [4], {"one_step": [np.nan], "composed": [np.nan]})
    past.keep(RunConfig(seed=1), losses(9), [], {"one_step": [], "composed": []})
    assert [run.one_step for run in past.runs()] == [None, None]


@pytest.mark.parametrize("steps", [0, 1])
def test_what_has_no_curve_is_not_kept(steps: int) -> None:
    past = PastRuns()
    assert not keep(past, steps=steps)
    assert past.runs() == ()


def test_long_runs_are_thinned_and_reach_as_far_as_before() -> None:
    past, long = PastRuns(), losses(100_000)
    measured = list(range(0, 90_000, 10))
    values = np.linspace(1, 0.1, len(measured))
    past.keep(RunConfig(), long, measured, {"one_step": values, "composed": values})
    (run,) = past.runs()
    assert run.steps == 100_000
    assert MOST_POINTS / 2 < len(run.losses.view().steps) <= MOST_POINTS
    assert len(run.measured) == len(run.quality["composed"]) == MOST_POINTS
    assert (run.measured[0], run.measured[-1]) == (0, measured[-1])
    assert run.one_step == pytest.approx(0.1)
    assert run.losses.view().steps[-1] > 100_000 - 2 * run.losses.stride
    # The mean of all is kept by merging; only the last steps may be missing.
    whole, thin = long.view().mean.mean(axis=0), run.losses.view().mean.mean(axis=0)
    np.testing.assert_allclose(thin, whole, rtol=0.01)


def test_only_the_newest_runs_are_kept() -> None:
    past = PastRuns()
    for seed in range(MOST_RUNS + 3):
        keep(past, seed)
    assert numbers(past.runs()) == list(range(MOST_RUNS + 3, 3, -1))
    past.show(1, True)  # long gone
    assert numbers(past.shown()) == [MOST_RUNS + 3]


def test_the_previous_run_is_shown_and_gives_way_to_the_next() -> None:
    past = PastRuns()
    for seed in range(3):
        keep(past, seed)
        assert numbers(past.shown()) == [seed + 1]


def test_what_was_chosen_stays_chosen() -> None:
    past = PastRuns()
    keep(past, 0)
    past.show(1, True)  # shown anyway, but now by choice
    keep(past, 1)
    assert numbers(past.shown()) == [2, 1]
    past.show(2, False)
    assert numbers(past.shown()) == [1]
    keep(past, 2)
    assert numbers(past.shown()) == [3, 1]
    past.show(1, False)
    assert numbers(past.shown()) == [3]


def test_the_same_run_again_takes_the_place_of_the_former() -> None:
    past = PastRuns()
    keep(past, 0)
    keep(past, 1)
    keep(past, 0)
    assert numbers(past.runs()) == [3, 2]
    assert numbers(past.shown()) == [3]


def test_after_clearing_numbers_go_on() -> None:
    past = PastRuns()
    keep(past, 0)
    past.clear()
    assert past.runs() == past.shown() == ()
    keep(past, 0)
    assert numbers(past.shown()) == [2]
