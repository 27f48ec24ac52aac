"""The semigroup residual: how far two short jumps end from one long one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from flowmap_studio.core.guidance import Guide
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.probes.flow import Flow, Wide

POINTS = 512
SEED = 4_000_037


@torch.no_grad()
def semigroup_residual(
    loaded: LoadedMap, times: Sequence[float], count: int = POINTS, guide: Guide | None = None
) -> Wide:
    """Root mean square of X_{u,t}(X_{s,u}(x)) − X_{s,t}(x), u half way, over pairs of times.

    The points x are noise that the map has carried to time s. A velocity's X is its ODE, which
    composes to within the solver's error.

    Args:
        loaded: The map.
        times: k flow times in rising order.
        count: Points.
        guide: Classes of the points of a conditional map; all its classes when None.

    Returns:
        (k, k) root mean square per axis in units of the data's spread, row s and column t; NaN
        where t is not later than s.
    """
    flow = Flow.of(loaded, loaded.guide(count, SEED) if guide is None else guide)
    noise, spread = loaded.noise(count, SEED).double(), _spread(loaded, flow)
    found = np.full((len(times), len(times)), np.nan)
    for row, s in enumerate(times):
        x = flow(noise, 0.0, s)
        for column in range(row + 1, len(times)):
            t = times[column]
            u = (s + t) / 2
            gap = flow(flow(x, s, u), u, t) - flow(x, s, t)
            found[row, column] = float(gap.square().mean().sqrt()) / spread
    return found


@torch.no_grad()
def semigroup_gaps(loaded: LoadedMap, points: Wide, t: float, guide: Guide | None = None) -> Wide:
    """‖X_{t/2,t}(X_{0,t/2}(z)) − X_{0,t}(z)‖: where a map fails to compose, place by place.

    Args:
        loaded: The map.
        points: (n, dim) places z at time 0 in data units.
        t: Flow time in [0, 1].
        guide: Classes of the points of a conditional map.

    Returns:
        (n,) distances in units of the data's spread.
    """
    flow = Flow.of(loaded, guide)
    start, half = flow.normalised(points), t / 2
    gap = flow(flow(start, 0.0, half), half, t) - flow(start, 0.0, t)
    distances: Wide = (gap.norm(dim=1) / _spread(loaded, flow)).numpy()
    return distances


def _spread(loaded: LoadedMap, flow: Flow) -> float:
    """Of the data, in the map's units: root mean variance of its axes."""
    return float(flow.normalised(loaded.snapshot.data).var(dim=0).mean().sqrt())
