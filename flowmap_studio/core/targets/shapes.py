"""The named targets of the plane, sampled without end on any device."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from flowmap_studio.core.target_names import CLASSES, TARGETS

Labelled = tuple[torch.Tensor, torch.Tensor]
"""(count, 2) float32 points and (count,) int64 indices of the part that each comes from."""
Sampler = Callable[[int, torch.Generator], Labelled]


@dataclass(frozen=True)
class Shape:
    """A named target: an endless supply of points.

    Attributes:
        name: As on the command line.
        summary: One line for lists.
        sampler: (count, generator) → points and labels on the generator's device.
        classes: Names of the parts that labels count; empty where there is only one.
        dim: Always 2.
    """

    name: str
    summary: str
    sampler: Sampler
    classes: tuple[str, ...] = ()
    dim: int = 2

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """(count, 2) points on the generator's device."""
        return self.sampler(count, generator)[0]

    def sample_labelled(self, count: int, generator: torch.Generator) -> Labelled:
        """The same points as `sample` gives, and (count,) indices into `classes`."""
        return self.sampler(count, generator)

    def split(self, count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Two fresh samples of `count` points each."""
        return self.sample(count, generator), self.sample(count, generator)


def _alike(points: torch.Tensor) -> Labelled:
    return points, torch.zeros(len(points), dtype=torch.int64, device=points.device)


def _uniform(count: int, g: torch.Generator) -> torch.Tensor:
    return torch.rand(count, generator=g, device=g.device)


def _normal(count: int, g: torch.Generator, columns: int = 2) -> torch.Tensor:
    return torch.randn(count, columns, generator=g, device=g.device)


def _choice(count: int, options: int, g: torch.Generator) -> torch.Tensor:
    return torch.randint(options, (count,), generator=g, device=g.device)


def _polar(radius: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    return torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=1)


def moons(count: int, g: torch.Generator) -> Labelled:
    """Two half circles of radius 1 that reach into each other, noise 0.06."""
    label = _choice(count, 2, g)
    lower = label.bool()
    angle = math.pi * _uniform(count, g)
    upper_arc = torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)
    lower_arc = torch.stack([1 - torch.cos(angle), 0.5 - torch.sin(angle)], dim=1)
    return torch.where(lower[:, None], lower_arc, upper_arc) + 0.06 * _normal(count, g), label


def checkerboard(count: int, g: torch.Generator) -> Labelled:
    """The 8 dark unit squares of a 4 × 4 board on [−2, 2]²: floor(x) + floor(y) is even."""
    x = 4 * _uniform(count, g) - 2
    upper = _choice(count, 2, g)
    row = 2 * upper - 2 + torch.floor(x) % 2
    label = 2 * (torch.floor(x).long() + 2) + upper
    return torch.stack([x, row + _uniform(count, g)], dim=1), label


def eight_gaussians(count: int, g: torch.Generator) -> Labelled:
    """Eight Gaussians of deviation 0.15 on a circle of radius 2."""
    label = _choice(count, 8, g)
    angle = label * (math.pi / 4)
    return _polar(torch.full_like(angle, 2.0), angle) + 0.15 * _normal(count, g), label


def spiral(count: int, g: torch.Generator) -> Labelled:
    """Two arms that wind once and a half round the centre, noise 0.05."""
    turn = 3 * math.pi * torch.sqrt(_uniform(count, g))
    label = _choice(count, 2, g)
    arm = math.pi * label
    return _polar(turn / (1.5 * math.pi), turn + arm) + 0.05 * _normal(count, g), label


def rings(count: int, g: torch.Generator) -> Labelled:
    """Three circles of radius ⅔, 1⅓ and 2, equally likely, noise 0.05."""
    label = _choice(count, 3, g)
    radius = (label + 1) * (2 / 3)
    angle = 2 * math.pi * _uniform(count, g)
    return _polar(radius, angle) + 0.05 * _normal(count, g), label


def pinwheel(count: int, g: torch.Generator) -> Labelled:
    """Five blades, stretched along the radius and twisted by it."""
    label = _choice(count, 5, g)
    blade = label * (2 * math.pi / 5)
    spread = _normal(count, g)
    radius = 1 + 0.3 * spread[:, 0]
    twist = 0.25 * torch.exp(radius)
    angle = blade + twist
    x, y = radius, 0.1 * spread[:, 1]
    turned = torch.stack(
        [x * torch.cos(angle) - y * torch.sin(angle), x * torch.sin(angle) + y * torch.cos(angle)],
        dim=1,
    )
    return 2 * turned, label


def swissroll(count: int, g: torch.Generator) -> Labelled:
    """One arm from 1.5π to 4.5π seen from above the roll, noise 0.05."""
    turn = 1.5 * math.pi * (1 + 2 * _uniform(count, g))
    return _alike(_polar(turn / (2.25 * math.pi), turn) + 0.05 * _normal(count, g))


def s_curve(count: int, g: torch.Generator) -> Labelled:
    """The letter S: sin θ against sign(θ)(cos θ − 1), noise 0.05."""
    angle = 3 * math.pi * (_uniform(count, g) - 0.5)
    points = torch.stack([torch.sin(angle), torch.sign(angle) * (torch.cos(angle) - 1)], dim=1)
    return _alike(points + 0.05 * _normal(count, g))


GAUSSIAN_MEAN = (1.0, -0.5)
GAUSSIAN_ROOT = ((1.0, 0.4), (0.4, 0.6))
"""Mean and symmetric root Σ^(1/2) of the target `gaussian`, for closed forms."""


def gaussian(count: int, g: torch.Generator) -> Labelled:
    """One correlated Gaussian, whose flow maps are known in closed form."""
    root = torch.tensor(GAUSSIAN_ROOT, device=g.device)
    return _alike(_normal(count, g) @ root + torch.tensor(GAUSSIAN_MEAN, device=g.device))


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
    name: Shape(name, line, _SAMPLERS[name], CLASSES.get(name, ()))
    for name, line in TARGETS.items()
}
"""Named targets by name."""
