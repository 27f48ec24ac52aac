"""Short trainings on Gaussians end at the maps that are known in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from flowmap_studio.core.advice import Figures, advise
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.metrics import spread_ratio
from flowmap_studio.core.randomness import source_noise
from flowmap_studio.core.run import Run
from flowmap_studio.core.samplers import even_times

POINTS = 2000


def train(target: Any, **changes: Any) -> LoadedMap:
    values = {
        "target": "gaussian",
        "normalisation": "none",
        "hidden_dim": 64,
        "time_embed_dim": 32,
        "position_features": 0,  # the true maps are linear: no edge to resolve
        "batch_size": 256,
        "steps": 300,
        "learning_rate": 3e-3,
        "ema_decay": 0.98,
        "device": "cpu",
    }
    run = Run(RunConfig(**values | changes), target)
    for _ in run.run():
        pass
    return LoadedMap(run.snapshot())


def error(loaded: LoadedMap, truth: Any, s: float, t: float, spread: float) -> float:
    """Root mean square distance from the true X_{s,t}, in units of the data's spread per axis.

    The points looked at are where the true map has taken noise by time s.
    """
    noise = source_noise(POINTS, loaded.snapshot.dim, 9).double()
    column = torch.ones(POINTS, 1, dtype=torch.float64)
    start = truth(noise, 0 * column, s * column)
    expected = truth(start, s * column, t * column)
    found = loaded.normalised(start.float(), [s, t]).double()
    return float((found - expected).square().mean().sqrt()) / spread


CASES = [
    ("semigroup", "independent", 300, 0.15),
    ("semigroup", "ot", 300, 0.1),
    ("lagrangian", "independent", 300, 0.15),
    ("eulerian", "independent", 300, 0.15),
    ("trajectory", "independent", 600, 0.15),  # half of them are its teacher's
]


@pytest.mark.parametrize(("method", "coupling", "steps", "limit"), CASES)
def test_two_time_methods_learn_the_map(
    plane_gaussian: Any, method: str, coupling: str, steps: int, limit: float
) -> None:
    gaussian = plane_gaussian
    loaded = train(gaussian, method=method, coupling=coupling, steps=steps)
    truth = gaussian.independent if coupling == "independent" else gaussian.optimal
    errors = {
        (s, t): error(loaded, truth, s, t, gaussian.spread())
        for s, t in [(0.0, 1.0), (0.0, 0.5), (0.3, 0.8), (0.5, 1.0), (0.6, 0.65)]
    }
    assert max(errors.values()) < limit, errors


def test_flow_matching_learns_the_velocity_whose_ode_is_the_map(plane_gaussian: Any) -> None:
    loaded = train(plane_gaussian, method="flow-matching", coupling="independent")
    noise = source_noise(POINTS, 2, 9)
    truth = plane_gaussian.independent(noise, torch.zeros(POINTS, 1), torch.ones(POINTS, 1))
    found = {k: loaded.normalised(noise, even_times(0.0, 1.0, k)).double() for k in (1, 50)}
    errors = {
        k: float((x - truth).square().mean().sqrt()) / plane_gaussian.spread()
        for k, x in found.items()
    }
    assert errors[50] < 0.12, errors
    assert errors[1] > 3 * errors[50]  # its paths are bent: one Euler step misses


def test_reflow_straightens(plane_gaussian: Any) -> None:
    """Rectified flow: one Euler step does what fifty did, on pairs of its own ODE."""
    loaded = train(plane_gaussian, method="rectified-flow", coupling="independent", steps=600)
    noise = source_noise(POINTS, 2, 9)
    truth = plane_gaussian.independent(noise, torch.zeros(POINTS, 1), torch.ones(POINTS, 1))
    made = loaded.normalised(noise, [0.0, 1.0]).double()
    assert float((made - truth).square().mean().sqrt()) / plane_gaussian.spread() < 0.15


def test_article_with_optimal_pairs_learns_the_optimal_map(gaussian: Any) -> None:
    loaded = train(gaussian, method="article", coupling="ot", lambda_cons=0.0)
    errors = {t: error(loaded, gaussian.optimal, 0.0, t, gaussian.spread()) for t in (0.25, 0.5, 1)}
    # Minibatches of 256 pair a little short of the optimal map, the more so in higher dimension.
    assert max(errors.values()) < 0.2, errors
    samples = loaded.normalised(source_noise(POINTS, gaussian.dim, 3), [0.0, 1.0])
    ratio = spread_ratio(samples, torch.tensor(loaded.snapshot.data))
    assert ratio == pytest.approx(1, abs=0.15)
    assert advise(loaded.snapshot.config, Figures(300, spread_ratio=ratio)) == []


def test_article_with_independent_pairs_collapses_to_the_mean(gaussian: Any) -> None:
    loaded = train(gaussian, method="article", coupling="independent", lambda_cons=0.0)

    def collapsed(x: torch.Tensor, _s: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return (1 - t) * x + t * gaussian.mean

    errors = {t: error(loaded, collapsed, 0.0, t, gaussian.spread()) for t in (0.25, 0.5, 1)}
    assert max(errors.values()) < 0.12, errors
    samples = loaded.normalised(source_noise(POINTS, gaussian.dim, 3), [0.0, 1.0])
    ratio = spread_ratio(samples, torch.tensor(loaded.snapshot.data))
    assert ratio < 0.1
    (advice,) = advise(loaded.snapshot.config, Figures(300, spread_ratio=ratio))
    assert advice.kind == "mean-collapse"
    assert f"{ratio:.0%}" in advice.sentence
    assert "mean of the data" in advice.sentence
    cured = loaded.snapshot.config.replace(**advice.change)
    assert cured.coupling == "ot"


def test_training_in_other_units_learns_the_same_map(plane_gaussian: Any) -> None:
    """Normalisation is undone on output: samples have the data's mean and covariance."""
    loaded = train(plane_gaussian, coupling="ot", normalisation="per-axis")
    made = loaded.sample(20_000, 1, seed=4)
    drawn = loaded.snapshot.data
    np.testing.assert_allclose(made.mean(axis=0), plane_gaussian.mean, atol=0.1)
    np.testing.assert_allclose(np.cov(made.T), plane_gaussian.covariance, atol=0.2)
    np.testing.assert_allclose(drawn.mean(axis=0), plane_gaussian.mean, atol=0.1)
