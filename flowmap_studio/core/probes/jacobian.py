"""The Jacobian ∂X_{s,t}/∂x: how the map stretches, turns and folds."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from flowmap_studio.core.forward_mode import jvp
from flowmap_studio.core.guidance import Guide
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.probes.flow import MAX_DIM, Flow, Wide, check_dim, parts

FOLD_POINTS = 512
FOLD_SEED = 2_000_003
"""The advisers draw their own noise, as metrics do."""


class AreaChange(NamedTuple):
    """How X_{s,t} changes area (volume) at given points.

    Attributes:
        determinant: (n,) det ∂X_{s,t}/∂x, which is the same in data and normalised units.
        folded: (n,) whether it is negative: the map has turned the neighbourhood over, so that
            two points or more arrive at one place.
    """

    determinant: Wide
    folded: npt.NDArray[np.bool_]

    @property
    def share(self) -> float:
        """Share of the points at which the map folds."""
        return float(self.folded.mean()) if len(self.folded) else 0.0


def area_change(
    loaded: LoadedMap,
    points: npt.NDArray[np.floating],
    s: float,
    t: float,
    guide: Guide | None = None,
) -> AreaChange:
    """The determinant of ∂X_{s,t}/∂x at points (n, dim) in data units.

    Raises:
        DataError: The map has too many axes.
    """
    flow = Flow.of(loaded, guide)
    check_dim(flow, "The change of area")
    return _area(flow, flow.normalised(points), s, t)


def fold_share(loaded: LoadedMap, count: int = FOLD_POINTS) -> float | None:
    """Share of the noise at which the one-step map X_{0,1} folds; cheap enough for live use.

    Returns:
        A share in [0, 1]; None for velocities, whose flows cannot fold, and for maps of more axes
        than exact Jacobians are made for.
    """
    if loaded.flow_map.clock == "start" or loaded.snapshot.dim > MAX_DIM:
        return None
    flow = Flow.of(loaded, loaded.guide(count, FOLD_SEED))
    return _area(flow, loaded.noise(count, FOLD_SEED).double(), 0.0, 1.0).share


@torch.no_grad()
def jump_and_jacobian(
    flow: Flow, x: torch.Tensor, s: float, t: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """X_{s,t}(x) (n, dim) and ∂X_{s,t}(x)_i/∂x_j (n, dim, dim) in normalised units."""
    # Reverse mode is the faster one, but holds every evaluation of an ODE's solution in memory.
    make = forward_jacobian if flow.clock == "start" else reverse_jacobian
    return make(lambda at: flow(at, s, t), x)


Rows = Callable[[torch.Tensor], torch.Tensor]
"""(n, dim) to (n, dim), each row of itself alone."""


def forward_jacobian(function: Rows, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Values (n, dim) and Jacobians (n, dim, dim) of a function, by a forward pass per axis."""
    columns, value = [], x
    for axis in torch.eye(x.shape[1], dtype=x.dtype):
        value, column = jvp(function, (x,), (axis.expand_as(x),))[:2]
        columns.append(column)
    return value, torch.stack(columns, dim=-1)


@torch.enable_grad()
def reverse_jacobian(function: Rows, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Values (n, dim) and Jacobians (n, dim, dim) of a function, by a backward pass per axis."""
    x = x.detach().requires_grad_()
    value = function(x)
    # A sum over rows has in each row's gradient that row's part alone.
    sums = value.sum(dim=0).unbind()
    rows = [torch.autograd.grad(total, x, retain_graph=True)[0] for total in sums]
    return value.detach(), torch.stack(rows, dim=1)


def _area(flow: Flow, x: torch.Tensor, s: float, t: float) -> AreaChange:
    found = [jump_and_jacobian(flow.rows(rows), x[rows], s, t)[1] for rows in parts(len(x))]
    determinant = torch.linalg.det(torch.cat(found)).numpy() if found else np.empty(0)
    return AreaChange(determinant, determinant < 0)
