"""Targets whose flow maps are known exactly: a Gaussian, and a mixture up to a tight ODE solve.

The source is N(0, I) and the interpolant (1 − t) x0 + t x1. Everything is float64 but the samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from flowmap_studio.core.odes import solve
from flowmap_studio.core.targets import Unlabelled

TIGHT = 1e-8
"""Tolerance of the solution that stands for the exact map of a mixture."""


class GaussianTarget(Unlabelled):
    """N(mean, covariance), with its flow maps from N(0, I).

    Times are (batch, 1).

    Args:
        mean: (dim,) float64.
        covariance: (dim, dim) float64, symmetric and positive definite.
    """

    name = "gaussian"

    def __init__(self, mean: torch.Tensor, covariance: torch.Tensor) -> None:
        self.mean = mean
        self.covariance = covariance
        self.dim = len(mean)
        self.spectrum, self.axes = torch.linalg.eigh(covariance)
        self.root = self.axes @ torch.diag(self.spectrum.sqrt()) @ self.axes.T

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """(count, dim) float32 points on the generator's device."""
        at = generator.device
        normal = torch.randn(count, self.dim, generator=generator, device=at)
        points: torch.Tensor = normal @ self.root.to(at, torch.float32)
        return points + self.mean.to(at, torch.float32)

    def split(self, count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Two samples of `count` points."""
        return self.sample(count, generator), self.sample(count, generator)

    def variance_at(self, t: torch.Tensor) -> torch.Tensor:
        """(batch, dim) eigenvalues of C_t = (1 − t)² I + t² Σ."""
        variance: torch.Tensor = (1 - t) ** 2 + t**2 * self.spectrum
        return variance

    def independent(self, x: torch.Tensor, s: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """X_{s,t}(x) = m_t + C_t^½ C_s^−½ (x − m_s), with independent pairs."""
        stretch = (self.variance_at(t) / self.variance_at(s)).sqrt()
        centred = (x.double() - s * self.mean) @ self.axes
        moved: torch.Tensor = t * self.mean + (stretch * centred) @ self.axes.T
        return moved

    def independent_velocity(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """v_t(x) = μ + ½ C_t' C_t⁻¹ (x − m_t), with independent pairs."""
        slope = (t * self.spectrum - (1 - t)) / self.variance_at(t)
        centred = (x.double() - t * self.mean) @ self.axes
        velocity: torch.Tensor = self.mean + (slope * centred) @ self.axes.T
        return velocity

    def optimal(self, x: torch.Tensor, s: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """X_{s,t} = X_{0,t} ∘ X_{0,s}⁻¹, X_{0,t}(x) = (1 − t) x + t (μ + Σ^½ x): optimal pairs."""
        roots = self.spectrum.sqrt()
        stretch = (1 - t + t * roots) / (1 - s + s * roots)
        centred = (x.double() - s * self.mean) @ self.axes
        moved: torch.Tensor = t * self.mean + (stretch * centred) @ self.axes.T
        return moved

    def log_density(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """(batch,) log p_t(x) with independent pairs, in nats; p_1 is the data's own density."""
        variance = self.variance_at(t)
        centred = (x.double() - t * self.mean) @ self.axes
        squares = (centred**2 / variance).sum(dim=1)
        volume = variance.log().sum(dim=1) + self.dim * math.log(2 * math.pi)
        density: torch.Tensor = -0.5 * (squares + volume)
        return density

    def path(self, x0: torch.Tensor, times: Sequence[float]) -> torch.Tensor:
        """(times, batch, dim) X_{0,t}(x0) at each time, with independent pairs."""
        column = torch.ones(len(x0), 1, dtype=torch.float64)
        return torch.stack([self.independent(x0, 0 * column, t * column) for t in times])

    def spread(self) -> float:
        """Root mean variance."""
        return float(self.spectrum.mean().sqrt())


class GaussianMixture(Unlabelled):
    """A mixture of Gaussians, whose velocity for independent pairs is known in closed form.

    Args:
        weights: (components,) float64, summing to 1.
        parts: The components.
    """

    name = "mixture"

    def __init__(self, weights: torch.Tensor, parts: list[GaussianTarget]) -> None:
        self.weights = weights
        self.parts = parts
        self.dim = parts[0].dim

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """(count, dim) float32 points on the generator's device."""
        at = generator.device
        drawn = torch.multinomial(self.weights.to(at), count, replacement=True, generator=generator)
        every = torch.stack([part.sample(count, generator) for part in self.parts])
        return every[drawn, torch.arange(count, device=at)]

    def split(self, count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Two samples of `count` points."""
        return self.sample(count, generator), self.sample(count, generator)

    def log_density(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """(batch,) log p_t(x) with independent pairs, in nats."""
        return torch.logsumexp(self._weighted_logs(x, t), dim=1)

    def independent_velocity(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """v_t(x) = E[x1 − x0 | I_t = x]: the components' velocities, weighted by posterior."""
        posterior = torch.softmax(self._weighted_logs(x, t), dim=1)
        velocities = torch.stack([part.independent_velocity(x, t) for part in self.parts], dim=1)
        return (posterior[:, :, None] * velocities).sum(dim=1)

    def path(self, x0: torch.Tensor, times: Sequence[float]) -> torch.Tensor:
        """(times, batch, dim) states of an adaptive solve from x0 at times[0], to 1e-8."""
        return solve(self.independent_velocity, x0.double(), times, "dopri5", TIGHT).states

    def _weighted_logs(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        logs = torch.stack([part.log_density(x, t) for part in self.parts], dim=1)
        return logs + self.weights.log()


def random_gaussian(dim: int, condition: float, seed: int) -> GaussianTarget:
    """A Gaussian with a random mean and random axes.

    The variances run geometrically from 1/√condition to √condition, the mean is a draw of N(0, I).

    Args:
        dim: Axes, at least 2.
        condition: Largest over smallest variance.
        seed: Of mean and axes.
    """
    draw = torch.Generator().manual_seed(seed)
    axes = torch.linalg.qr(torch.randn(dim, dim, generator=draw, dtype=torch.float64)).Q
    variances = condition ** torch.linspace(-0.5, 0.5, dim, dtype=torch.float64)
    mean = torch.randn(dim, generator=draw, dtype=torch.float64)
    return GaussianTarget(mean, axes @ torch.diag(variances) @ axes.T)


def random_mixture(dim: int, components: int, seed: int) -> GaussianMixture:
    """A mixture with random weights, means of length about 2 and narrow, unequal components."""
    draw = torch.Generator().manual_seed(seed)
    weights = 0.5 + torch.rand(components, generator=draw, dtype=torch.float64)
    parts = []
    for _ in range(components):
        way = torch.randn(dim, generator=draw, dtype=torch.float64)
        turned = torch.linalg.qr(torch.randn(dim, dim, generator=draw, dtype=torch.float64)).Q
        widths = 0.2 + 0.4 * torch.rand(dim, generator=draw, dtype=torch.float64)
        mean = way * (2 / way.norm())
        parts.append(GaussianTarget(mean, turned @ torch.diag(widths**2) @ turned.T))
    return GaussianMixture(weights / weights.sum(), parts)
