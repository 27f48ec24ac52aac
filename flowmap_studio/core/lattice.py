"""Cached small steps (article §8): jumps evaluated once on a grid of the plane, then looked up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F

from flowmap_studio.core.errors import DataError

MARGIN = 0.05
"""Room around the points on each side of a grid, as a share of the grid's width."""

Jump = Callable[[torch.Tensor, float, float], torch.Tensor]
"""X_{s,t}: (n, 2) positions, s and t to (n, 2) positions."""


@dataclass(frozen=True)
class Grid:
    """One jump X_{s,t} at the nodes of a rectangular grid of the plane.

    Attributes:
        low: (2,) lower corner.
        high: (2,) upper corner.
        values: (1, 2, rows, columns) where each node is carried; rows go along the second axis.
    """

    low: torch.Tensor
    high: torch.Tensor
    values: torch.Tensor

    @classmethod
    def around(
        cls, points: torch.Tensor, resolution: int, jump: Callable[[torch.Tensor], torch.Tensor]
    ) -> Grid:
        """The grid of `resolution`² nodes round points (n, 2) and a margin."""
        low, high = points.amin(dim=0), points.amax(dim=0)
        room = MARGIN * (high - low).clamp(min=1e-3)
        low, high = low - room, high + room
        unit = torch.linspace(0, 1, resolution)
        rows, columns = torch.meshgrid(unit, unit, indexing="ij")
        nodes = low + torch.stack([columns, rows], dim=-1).reshape(-1, 2) * (high - low)
        moved = jump(nodes).T.reshape(1, 2, resolution, resolution)
        return cls(low, high, moved)

    def inside(self, x: torch.Tensor) -> torch.Tensor:
        """(n,) whether each point (n, 2) lies within the grid."""
        return ((x >= self.low) & (x <= self.high)).all(dim=1)

    def look_up(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 2) where points (n, 2) of the grid are carried, by bilinear interpolation.

        Exact for affine maps; otherwise the error falls with the square of the nodes' distance.
        """
        place = 2 * (x - self.low) / (self.high - self.low) - 1
        found = F.grid_sample(
            self.values, place[None, :, None, :], mode="bilinear", align_corners=True
        )
        return found[0, :, :, 0].T


class Lattice:
    """The jumps between neighbouring times, each on its own grid round the cloud at that time.

    Attributes:
        times: Where the jumps begin and end.
        grids: One per jump.

    Args:
        jump: The map; evaluated at the nodes now and for points outside the grids later.
        start: (n, 2) points at times[0]; where they go decides where the grids lie.
        times: At least two times in [0, 1].
        resolution: Nodes along each axis.

    Raises:
        DataError: The points are not of the plane.
    """

    def __init__(
        self, jump: Jump, start: torch.Tensor, times: Sequence[float], resolution: int
    ) -> None:
        if start.shape[1] != 2:
            raise DataError(
                f"Cached steps lie on a grid of the plane; this map has {start.shape[1]} axes. "
                "Compose it without them."
            )
        self._jump = jump
        self.times = list(times)
        self.grids = []
        for s, t in pairwise(self.times):

            def step(x: torch.Tensor, s: float = s, t: float = t) -> torch.Tensor:
                return jump(x, s, t)

            self.grids.append(Grid.around(start, resolution, step))
            start = step(start)

    def carry(self, x: torch.Tensor, t: float = 1.0) -> torch.Tensor:
        """(n, 2) where points x (n, 2) at times[0] are at time t.

        Whole jumps are looked up, the part of one that is left before t is evaluated; so is every
        point that lies outside a grid.
        """
        for (s, end), grid in zip(pairwise(self.times), self.grids, strict=True):
            if s >= t:
                break
            x = self._jump(x, s, t) if end > t else self._step(grid, x, s, end)
        return x

    def _step(self, grid: Grid, x: torch.Tensor, s: float, t: float) -> torch.Tensor:
        inside = grid.inside(x)
        moved = grid.look_up(x)
        if not bool(inside.all()):
            moved[~inside] = self._jump(x[~inside], s, t)
        return moved
