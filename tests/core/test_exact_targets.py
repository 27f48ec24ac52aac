"""The closed forms themselves: their velocities, densities and maps agree with each other."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from flowmap_studio.core.closed_forms import random_gaussian, random_mixture

TARGETS = {
    "gaussian": random_gaussian(3, 20.0, seed=1),
    "mixture": random_mixture(2, 3, seed=2),
}
STEP = 1e-4


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> Any:
    return TARGETS[request.param]


def points_at(target: Any, t: float, count: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """Interpolants of independent pairs at time t, and the times (count, 1)."""
    draw = torch.Generator().manual_seed(3)
    x1 = target.sample(count, draw).double()
    x0 = torch.randn(count, target.dim, generator=draw, dtype=torch.float64)
    return (1 - t) * x0 + t * x1, torch.full((count, 1), t, dtype=torch.float64)


@pytest.mark.parametrize("t", [0.1, 0.5, 0.9])
def test_velocity_and_density_keep_the_continuity_equation(target: Any, t: float) -> None:
    """∂_t log p + v · ∇ log p + ∇ · v = 0, by central differences."""
    x, times = points_at(target, t)
    rate = (target.log_density(x, times + STEP) - target.log_density(x, times - STEP)) / (2 * STEP)
    advected, divergence = torch.zeros(len(x)), torch.zeros(len(x))
    velocity = target.independent_velocity(x, times)
    for axis in range(target.dim):
        along = torch.zeros(target.dim, dtype=torch.float64)
        along[axis] = STEP
        density = target.log_density(x + along, times) - target.log_density(x - along, times)
        moved = target.independent_velocity(x + along, times)
        before = target.independent_velocity(x - along, times)
        advected = advected + velocity[:, axis] * density / (2 * STEP)
        divergence = divergence + (moved - before)[:, axis] / (2 * STEP)
    torch.testing.assert_close(rate, -(advected + divergence), rtol=1e-5, atol=1e-5)


def test_density_is_the_normal_at_the_start_and_integrates_to_one(target: Any) -> None:
    x, _ = points_at(target, 0.5)
    zero = torch.zeros(len(x), 1, dtype=torch.float64)
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(x).sum(dim=1)
    torch.testing.assert_close(target.log_density(x, zero), normal)
    # E_q[p/q] = 1 for any wide q: here a normal of deviation 4.
    draw = torch.Generator().manual_seed(4)
    wide = torch.randn(200_000, target.dim, generator=draw, dtype=torch.float64) * 4
    one = torch.ones(len(wide), 1, dtype=torch.float64)
    proposal = torch.distributions.Normal(0.0, 4.0).log_prob(wide).sum(dim=1)
    mass = (target.log_density(wide, one) - proposal).exp().mean()
    assert float(mass) == pytest.approx(1, abs=0.05)


def test_the_path_moves_with_the_velocity(target: Any) -> None:
    noise = torch.randn(50, target.dim, generator=torch.Generator().manual_seed(5)).double()
    states = target.path(noise, [0.0, 0.4 - STEP, 0.4, 0.4 + STEP])
    torch.testing.assert_close(states[0], noise)
    slope = (states[3] - states[1]) / (2 * STEP)
    times = torch.full((50, 1), 0.4, dtype=torch.float64)
    # The mixture's states carry the solver's error of 1e-8, here over a step of 2e-4.
    torch.testing.assert_close(
        slope, target.independent_velocity(states[2], times), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("kind", ["independent", "optimal"])
def test_a_gaussians_maps_are_a_semigroup(kind: str) -> None:
    gaussian = TARGETS["gaussian"]
    move = getattr(gaussian, kind)
    x, s = points_at(gaussian, 0.2)
    u, t = s + 0.3, s + 0.7
    torch.testing.assert_close(move(move(x, s, u), u, t), move(x, s, t))
    torch.testing.assert_close(move(move(x, s, t), t, s), x)
    torch.testing.assert_close(move(x, s, s), x)


@pytest.mark.parametrize("kind", ["independent", "optimal"])
def test_a_gaussians_maps_carry_the_normal_to_the_target(kind: str) -> None:
    gaussian = TARGETS["gaussian"]
    zero, one = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    origin = torch.zeros(1, gaussian.dim, dtype=torch.float64)
    basis = torch.eye(gaussian.dim, dtype=torch.float64)
    move = getattr(gaussian, kind)
    mean = move(origin, zero, one)
    linear = (move(basis, zero, one) - mean).T
    torch.testing.assert_close(mean[0], gaussian.mean)
    torch.testing.assert_close(linear @ linear.T, gaussian.covariance)


def test_the_mixtures_path_ends_at_its_density(target: Any) -> None:
    """log p_1(X(z)) = log p_0(z) − log |det ∂X/∂z|, the determinant by central differences."""
    noise = torch.randn(30, target.dim, generator=torch.Generator().manual_seed(6)).double()
    step = 1e-3
    columns = []
    for axis in range(target.dim):
        along = torch.zeros(target.dim, dtype=torch.float64)
        along[axis] = step
        ahead = target.path(noise + along, [0.0, 1.0])[-1]
        behind = target.path(noise - along, [0.0, 1.0])[-1]
        columns.append((ahead - behind) / (2 * step))
    stretch = torch.linalg.det(torch.stack(columns, dim=2)).abs().log()
    zero, one = torch.zeros(30, 1).double(), torch.ones(30, 1).double()
    ends = target.path(noise, [0.0, 1.0])[-1]
    expected = target.log_density(noise, zero) - stretch
    torch.testing.assert_close(target.log_density(ends, one), expected, rtol=0, atol=0.02)


def test_samples_have_the_mixtures_mean_and_spread() -> None:
    mixture = TARGETS["mixture"]
    drawn = mixture.sample(100_000, torch.Generator().manual_seed(7)).double()
    means = torch.stack([part.mean for part in mixture.parts])
    mean = mixture.weights @ means
    within = sum(w * p.covariance for w, p in zip(mixture.weights, mixture.parts, strict=True))
    between = (means - mean).T @ torch.diag(mixture.weights) @ (means - mean)
    torch.testing.assert_close(drawn.mean(dim=0), mean, rtol=0, atol=0.03)
    torch.testing.assert_close(drawn.T.cov(), within + between, rtol=0, atol=0.05)


def test_a_random_gaussian_has_the_condition_that_was_asked_for() -> None:
    spectrum = torch.linalg.eigvalsh(random_gaussian(8, 20.0, seed=0).covariance)
    assert float(spectrum[-1] / spectrum[0]) == pytest.approx(20)
