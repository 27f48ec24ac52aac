"""The velocity that a map follows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from flowmap_studio.core.guidance import Guide
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.probes.flow import Flow, Wide
from flowmap_studio.core.probes.inverse import solve_inverse


@torch.no_grad()
def map_velocity(
    loaded: LoadedMap, points: npt.NDArray[np.floating], t: float, guide: Guide | None = None
) -> Wide:
    """v_t(x) at points (n, dim) in data units, in data units per unit of flow time.

    Two-time maps and velocities have it on their diagonal. Of a one-time map it is ∂_t φ_t(z) at
    z = φ_t⁻¹(x); rows are NaN where φ_t reaches no such x.

    Raises:
        DataError: A one-time map of too many axes to be inverted.
    """
    flow = Flow.of(loaded, guide)
    x = flow.normalised(points)
    if flow.clock == "elapsed":
        start = solve_inverse(flow, x, 0.0, t)
        slope = flow.time_derivative(start.points, 0.0, t)
        slope[~start.converged] = torch.nan
    else:
        slope = flow.velocity(x, torch.full_like(x[:, :1], t))
    found: Wide = (slope * flow.scale).numpy()
    return found
