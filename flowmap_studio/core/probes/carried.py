"""What a map does to a lattice of its source: cheap, since nothing has to be inverted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from flowmap_studio.core.config import NORMAL
from flowmap_studio.core.guidance import Guide
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.probes.flow import Flow, Wide

SOURCE_POINTS = 2048
SOURCE_SEED = 5_000_011
"""For the extent of sources that are not normal."""


class CarriedVelocity(NamedTuple):
    """A map's velocity where it carries points.

    Attributes:
        places: (n, dim) X_{0,t}(z) in data units.
        velocity: (n, dim) ∂_t X_{0,t}(z) there, in data units per unit of flow time.
    """

    places: Wide
    velocity: Wide


def source_lattice(loaded: LoadedMap, nodes: int, reach: float) -> Wide:
    """(nodes, nodes, 2) lattice over a map's source in data units; the first axis is y.

    Args:
        loaded: A map of the plane.
        nodes: Along each axis.
        reach: From the middle to each side, in standard deviations of the source.
    """
    units = loaded.snapshot.normalisation
    middle, spread = np.asarray(units.shift, np.float64), np.asarray(units.scale, np.float64)
    if loaded.snapshot.config.source != NORMAL:
        points = loaded.source(SOURCE_POINTS, SOURCE_SEED)
        middle, spread = points.mean(axis=0), points.std(axis=0)
    steps = np.linspace(-reach, reach, nodes)
    across, up = np.meshgrid(steps, steps)
    lattice: Wide = middle + np.stack([across, up], axis=-1) * spread
    return lattice


@torch.no_grad()
def carried_velocity(
    loaded: LoadedMap, points: npt.NDArray[np.floating], t: float, guide: Guide | None = None
) -> CarriedVelocity:
    """v_t(X_{0,t}(z)) = ∂_t X_{0,t}(z) of a map, for noise z (n, dim) in data units.

    It says of a one-time map what `map_velocity` does, without an inverse, at places that the map
    chooses.

    Raises:
        ValueError: A velocity has no such map; ask it for its velocity itself.
    """
    flow = Flow.of(loaded, guide)
    if flow.clock == "start":
        raise ValueError("a velocity is known everywhere: see map_velocity")
    z = flow.normalised(points)
    slope = flow.time_derivative(z, 0.0, t) * flow.scale
    return CarriedVelocity(flow.in_data_units(flow(z, 0.0, t)), slope.numpy())
