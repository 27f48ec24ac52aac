"""The named targets of the plane, sampled without end on any device."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from flowmap_studio.core.target_names import TARGETS

Sampler = Callable[[int, torch.Generator], torch.Tensor]


@dataclass(frozen=True)
class Shape:
    """A named target: an endless supply of points.

    Attributes:
        name: As on the command line.
        summary: One line for lists.
        sampler: (count, generator) → (count, 2) float32 points on the generator's device.
        dim: Always 2.
    """

    name: str
    summary: str
    sampler: Sampler
    dim: int = 2

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """(count, 2) points on the generator's device."""
        return self.sampler(count, generator)

    def split(self, count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Two fresh samples of `count` points each."""
        return self.sampler(count, generator), self.sampler(count, generator)


def _uniform(count: int, g: torch.Generator) -> torch.Tensor:
    return torch.rand(count, generator=g, device=g.device)


def _normal(count: int, g: torch.Generator, columns: int = 2) -> torch.Tensor:
    return torch.randn(count, columns, generator=g, device=g.device)


def _choice(count: int, options: int, g: torch.Generator) -> torch.Tensor:
    return torch.randint(options, (count,), generator=g, device=g.device)


def _polar(radius: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    return torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=1)


def moons(count: int, g: torch.Generator) -> torch.Tensor:
    """Two half circles of radius 1 that reach into each other, noise 0.06."""
    lower = _choice(count, 2, g).bool()
    angle = math.pi * _uniform(count, g)
    upper_arc = torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)
    lower_arc = torch.stack([1 - torch.cos(angle), 0.5 - torch.sin(angle)], dim=1)
    return torch.where(lower[:, None], lower_arc, upper_arc) + 0.06 * _normal(count, g)


def checkerboard(count: int, g: torch.Generator) -> torch.Tensor:
    """The 8 dark unit squares of a 4 × 4 board on [−2, 2]²: floor(x) + floor(y) is even."""
    x = 4 * _uniform(count, g) - 2
    row = 2 * _choice(count, 2, g) - 2 + torch.floor(x) % 2
    return torch.stack([x, row + _uniform(count, g)], dim=1)


def eight_gaussians(count: int, g: torch.Generator) -> torch.Tensor:
    """Eight Gaussians of deviation 0.15 on a circle of radius 2."""
    angle = _choice(count, 8, g) * (math.pi / 4)
    return _polar(torch.full_like(angle, 2.0), angle) + 0.15 * _normal(count, g)


def spiral(count: int, g: torch.Generator) -> torch.Tensor:
    """Two arms that wind once and a half round the centre, noise 0.05."""
    turn = 3 * math.pi * torch.sqrt(_uniform(count, g))
    arm = math.pi * _choice(count, 2, g)
    return _polar(turn / (1.5 * math.pi), turn + arm) + 0.05 * _normal(count, g)


def rings(count: int, g: torch.Generator) -> torch.Tensor:
    """Three circles of radius ⅔, 1⅓ and 2, equally likely, noise 0.05."""
    radius = (_choice(count, 3, g) + 1) * (2 / 3)
    angle = 2 * math.pi * _uniform(count, g)
    return _polar(radius, angle) + 0.05 * _normal(count, g)


def pinwheel(count: int, g: torch.Generator) -> torch.Tensor:
    """Five blades, stretched along the radius and twisted by it."""
    blade = _choice(count, 5, g) * (2 * math.pi / 5)
    spread = _normal(count, g)
    radius = 1 + 0.3 * spread[:, 0]
    twist = 0.25 * torch.exp(radius)
    angle = blade + twist
    x, y = radius, 0.1 * spread[:, 1]
    turned = torch.stack(
        [x * torch.cos(angle) - y * torch.sin(angle), x * torch.sin(angle) + y * torch.cos(angle)],
        dim=1,
    )
    return 2 * turned


def swissroll(count: int, g: torch.Generator) -> torch.Tensor:
    """One arm from 1.5π to 4.5π seen from above the roll, noise 0.05."""
    turn = 1.5 * math.pi * (1 + 2 * _uniform(count, g))
    return _polar(turn / (2.25 * math.pi), turn) + 0.05 * _normal(count, g)


def s_curve(count: int, g: torch.Generator) -> torch.Tensor:
    """The letter S: sin θ against sign(θ)(cos θ − 1), noise 0.05."""
    angle = 3 * math.pi * (_uniform(count, g) - 0.5)
    points = torch.stack([torch.sin(angle), torch.sign(angle) * (torch.cos(angle) - 1)], dim=1)
    return points + 0.05 * _normal(count, g)


GAUSSIAN_MEAN = (1.0, -0.5)
GAUSSIAN_ROOT = ((1.0, 0.4), (0.4, 0.6))
"""Mean and symmetric root Σ^(1/2) of the target `gaussian`, for closed forms."""


def gaussian(count: int, g: torch.Generator) -> torch.Tensor:
    """One correlated Gaussian, whose flow maps are known in closed form."""
    root = torch.tensor(GAUSSIAN_ROOT, device=g.device)
    return _normal(count, g) @ root + torch.tensor(GAUSSIAN_MEAN, device=g.device)


_SAMPLERS: Mapping[str, Sampler] = {
    "moons": moons,
    "checkerboard": checkerboard,
    "8gaussians": eight_gaussians,
    "spiral": spiral,
    "rings": rings,
    "pinwheel": pinwheel,
    "swissroll": swissroll,
    "s_curve": s_curve,
    "gaussian": gaussian,
}
SHAPES: Mapping[str, Shape] = {
    name: Shape(name, line, _SAMPLERS[name]) for name, line in TARGETS.items()
}
"""Named targets by name."""
