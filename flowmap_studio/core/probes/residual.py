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
    noise = loaded.noise(count, SEED).double()
    data = flow.normalised(loaded.snapshot.data)
    spread = float(data.var(dim=0).mean().sqrt())
    found = np.full((len(times), len(times)), np.nan)
    for row, s in enumerate(times):
        x = flow(noise, 0.0, s)
        for column in range(row + 1, len(times)):
            t = times[column]
            u = (s + t) / 2
            gap = flow(flow(x, s, u), u, t) - flow(x, s, t)
            found[row, column] = float(gap.square().mean().sqrt()) / spread
    return found
