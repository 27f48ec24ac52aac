"""Trajectories of points, and the energy of their paths."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from flowmap_studio.core.guidance import Guide
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.probes.flow import Flow, Wide
from flowmap_studio.core.probes.inverse import solve_inverse
from flowmap_studio.core.samplers import even_times

ENERGY_STEPS = 32


class Trajectories(NamedTuple):
    """Where points are at some times.

    Attributes:
        positions: (n_times, n, dim) in data units.
        converged: (n,) whether the noise that the points come from was found; where not, the path
            is that of the nearest.
    """

    positions: Wide
    converged: npt.NDArray[np.bool_]


@torch.no_grad()
def trajectories(
    loaded: LoadedMap,
    points: npt.NDArray[np.floating],
    times: Sequence[float],
    at: float = 0.0,
    guide: Guide | None = None,
) -> Trajectories:
    """X_{0,t}(z) at the times t given, of the noise z that is at `points` at time `at`.

    Args:
        loaded: The map.
        points: (n, dim) in data units at time `at`: noise at 0, else points that are followed back
            to their noise first.
        times: Flow times in rising order.
        at: The points' own time.
        guide: Classes of the points of a conditional map.

    Raises:
        DataError: The points have to be followed back and the map has too many axes.
    """
    flow = Flow.of(loaded, guide)
    x = flow.normalised(points)
    converged = np.ones(len(x), np.bool_)
    if at > 0:
        found = solve_inverse(flow, x, 0.0, at)
        x, converged = found.points, found.converged.numpy()
    start, before, places = x, 0.0, []
    for t in times:
        if flow.clock == "start":  # the ODE goes on from where it is
            x, before = flow(x, before, t), t
        else:
            x = flow(start, 0.0, t)
        places.append(flow.in_data_units(x))
    shape = (len(times), *start.shape)
    return Trajectories(np.array(places).reshape(shape), converged)


@torch.no_grad()
def path_energy(
    loaded: LoadedMap,
    points: npt.NDArray[np.floating],
    steps: int = ENERGY_STEPS,
    guide: Guide | None = None,
) -> Wide:
    """(n,) ∫ |v|² dt from 0 to 1 along composed steps, in squared data units.

    Benamou and Brenier 2000: over all flows between noise and data the least mean energy is W2
    squared. Each of the even steps counts as |x_{i+1} − x_i|² / Δt, a lower bound of its part.

    Args:
        loaded: The map.
        points: (n, dim) noise in data units.
        steps: Composed steps.
        guide: Classes of the points of a conditional map.
    """
    flow = Flow.of(loaded, guide)
    x = flow.normalised(points)
    energy = torch.zeros(len(x), dtype=x.dtype)
    for s, t in pairwise(even_times(0.0, 1.0, steps)):
        moved = flow(x, s, t)
        energy += ((moved - x) * flow.scale).square().sum(dim=1) / (t - s)
        x = moved
    found: Wide = energy.numpy()
    return found
