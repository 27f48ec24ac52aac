"""A trained map's composed sampling by cached small steps, with their error measured."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

import torch

from flowmap_studio.core.guidance import Guide
from flowmap_studio.core.lattice import Jump, Lattice
from flowmap_studio.core.loaded_map import LoadedMap, Points
from flowmap_studio.core.samplers import even_times

CHECKED = 4096
"""Points on which cached steps are compared with the map itself."""


class LatticeError(NamedTuple):
    """How far cached steps end from the map's own, in units of the data's spread.

    Attributes:
        rms: Root mean square over points of the distance.
        largest: Of the farthest point.
    """

    rms: float
    largest: float


class CachedMap:
    """A map's composed sampling from t = 0 through lattices, one for each class that is asked for.

    Attributes:
        build_seconds: Time that the lattices took so far.

    Args:
        loaded: The map.
        noise: (n, 2) points at t = 0 in normalised units; the grids are laid round them.
        steps: Jumps from 0 to 1.
        resolution: Nodes along each axis of the grids.
        guide: Classes of these points, for conditional maps.

    Raises:
        DataError: The map is not one of the plane.
    """

    def __init__(
        self,
        loaded: LoadedMap,
        noise: torch.Tensor,
        steps: int,
        resolution: int,
        guide: Guide | None = None,
    ) -> None:
        self._loaded = loaded
        self._times = even_times(0.0, 1.0, steps)
        self._resolution = resolution
        self._lattices: dict[int, Lattice] = {}
        self.build_seconds = 0.0
        for label, rows, one in _by_class(noise, guide):
            self._lattice(label, noise[rows], one)

    @torch.inference_mode()
    def carry(
        self, noise: torch.Tensor, t: float = 1.0, guide: Guide | None = None
    ) -> torch.Tensor:
        """(n, 2) where noise (n, 2) is at time t, normalised; classes as when it was built."""
        moved = torch.empty_like(noise)
        for label, rows, one in _by_class(noise, guide):
            moved[rows] = self._lattice(label, noise[rows], one).carry(noise[rows], t)
        return moved

    def at(self, noise: torch.Tensor, t: float, guide: Guide | None = None) -> Points:
        """(n, 2) where noise (n, 2, normalised, time 0) is at time t, in data units."""
        return self._loaded.snapshot.normalisation.undo(self.carry(noise, t, guide).numpy())

    def error(self, noise: torch.Tensor, guide: Guide | None = None) -> LatticeError:
        """Cached against true composed samples at t = 1 of up to `CHECKED` of these points."""
        noise = noise[:CHECKED]
        some = None if guide is None else guide.rows(slice(len(noise)))
        truth = self._loaded.normalised(noise, self._times, some)
        gap = (self.carry(noise, guide=some) - truth).double().norm(dim=1)
        return LatticeError(float(gap.square().mean().sqrt()), float(gap.max()))

    def _lattice(self, label: int, noise: torch.Tensor, one: Guide | None) -> Lattice:
        """The lattice of a class, made round these points where there is none yet."""
        if label not in self._lattices:
            began = time.perf_counter()
            jump = _jump_of(self._loaded, one)
            self._lattices[label] = Lattice(jump, noise, self._times, self._resolution)
            self.build_seconds += time.perf_counter() - began
        return self._lattices[label]


class LatticeCost(NamedTuple):
    """What cached steps cost, in error and in time.

    Attributes:
        resolution: Nodes along each axis.
        rms_error: Root mean square distance from the map's own samples, in units of the data's
            spread.
        largest_error: Of the farthest point.
        build_seconds: For the lattices.
        seconds: For the samples, once the lattices stand.
        direct_seconds: For as many samples without lattices, from those that were compared.
    """

    resolution: int
    rms_error: float
    largest_error: float
    build_seconds: float
    seconds: float
    direct_seconds: float


def sample_cached(
    loaded: LoadedMap,
    count: int,
    steps: int,
    seed: int,
    resolution: int,
    label: str | None = None,
    scale: float = 1.0,
) -> tuple[Points, LatticeCost]:
    """Samples as `LoadedMap.sample` draws them, looked up, and what that cost.

    Args:
        loaded: The map.
        count: Number of samples.
        steps: Number of jumps.
        seed: Of the noise.
        resolution: Nodes along each axis of the grids.
        label: Class of a conditional map; all, as often as the data has them, when None.
        scale: Of the guidance.

    Returns:
        (count, 2) samples in data units, and the cost.

    Raises:
        DataError: The map is not one of the plane, or has no such class.
    """
    noise, guide = loaded.noise(count, seed), loaded.guide(count, seed, label, scale)
    some = None if guide is None else guide.rows(slice(CHECKED))
    cached = CachedMap(loaded, noise[:CHECKED], steps, resolution, some)
    began = time.perf_counter()
    points = cached.at(noise, 1.0, guide)
    looked_up = time.perf_counter()
    loaded.normalised(noise[:CHECKED], even_times(0.0, 1.0, steps), some)
    direct = (time.perf_counter() - looked_up) * count / len(noise[:CHECKED])
    error = cached.error(noise, guide)
    return points, LatticeCost(resolution, *error, cached.build_seconds, looked_up - began, direct)


def _by_class(
    noise: torch.Tensor, guide: Guide | None
) -> Iterator[tuple[int, torch.Tensor, Guide | None]]:
    """Class, row numbers and guide of each class among the points; one of all without classes."""
    if guide is None:
        yield 0, torch.arange(len(noise)), None
        return
    labels = guide.cond.argmax(dim=1)
    for label in torch.unique(labels).tolist():
        rows = torch.nonzero(labels == label)[:, 0]
        yield label, rows, Guide(guide.cond[rows[:1]], guide.scale)


def _jump_of(loaded: LoadedMap, one: Guide | None) -> Jump:
    """The map's jump, all points in the class of a guide of one row."""

    def jump(x: torch.Tensor, s: float, t: float) -> torch.Tensor:
        guide = None if one is None else Guide(one.cond.expand(len(x), -1), one.scale)
        return loaded.normalised(x, [s, t], guide)

    return jump
