"""Samples by whatever way the command line asks for: jumps, a solver, an SDE or cached steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from flowmap_studio.cli import console

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from flowmap_studio.core.cached_steps import LatticeCost
    from flowmap_studio.core.loaded_map import LoadedMap


class Wanted(NamedTuple):
    """Which samples, as in `LoadedMap.sample`."""

    num: int
    steps: int
    seed: int
    label: str | None
    scale: float


class Drawn(NamedTuple):
    """Samples and what they cost.

    Attributes:
        points: (num, dim) in data units.
        evaluations: Of map or velocity on the points; None where they were looked up.
        cost: Of cached steps.
    """

    points: npt.NDArray[np.float32]
    evaluations: int | None
    cost: LatticeCost | None = None


def draw(loaded: LoadedMap, wanted: Wanted, solver: str | None, lattice: int | None) -> Drawn:
    """The samples.

    Args:
        loaded: The map.
        wanted: Which.
        solver: A name in `odes.SOLVERS` or "sde"; the map's own jumps when None.
        lattice: Nodes along each axis of cached steps; none when None.

    Raises:
        StudioError: The map can't be sampled that way.
    """
    num, steps, seed, label, scale = wanted
    if lattice is not None:
        from flowmap_studio.core.cached_steps import sample_cached

        points, cost = sample_cached(loaded, num, steps, seed, lattice, label, scale)
        return Drawn(points, None, cost)
    if solver == "sde":
        from flowmap_studio.core.sde import diffused

        guide = loaded.guide(num, seed, label, scale)
        return Drawn(diffused(loaded, loaded.noise(num, seed), 1.0, steps, seed, guide), steps)
    if solver is not None:
        from flowmap_studio.core.ode_samples import sample_ode

        return Drawn(*sample_ode(loaded, num, steps, seed, solver, label, scale))
    return Drawn(loaded.sample(num, steps, seed, label, scale), steps)


def in_words(cost: LatticeCost) -> str:
    """What cached steps cost, in a sentence."""
    return (
        f"Cached steps, {cost.resolution:,} × {cost.resolution:,} nodes: error "
        f"{console.number(cost.rms_error)} RMS, {console.number(cost.largest_error)} at most, in "
        f"units of the data's spread; {cost.build_seconds:.2f} s to build and {cost.seconds:.2f} s "
        f"to look up, against {cost.direct_seconds:.2f} s without."
    )
