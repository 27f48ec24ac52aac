"""A trained map made ready to be probed: float64 on the CPU, held to its classes."""

from __future__ import annotations

import copy
import math

import numpy as np
import numpy.typing as npt
import torch

from flowmap_studio.core.errors import DataError
from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.forward_mode import jvp
from flowmap_studio.core.guidance import Guide, GuidedMap
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.odes import solve
from flowmap_studio.core.samplers import even_times, jump

MAX_DIM = 64
"""Axes up to which exact Jacobians are made: they cost a forward pass per axis."""
ODE_STEPS = 64
"""Runge-Kutta steps of a velocity's flow from t = 0 to 1; parts of the way take their share."""
ROWS_AT_ONCE = 2048

Wide = npt.NDArray[np.float64]


class Flow:
    """X_{s,t} in normalised units and float64, of points (n, dim) and of times as plain numbers.

    A map's X_{s,t} is one jump. A velocity's is its ODE, solved by Runge and Kutta's method in
    fixed steps, so that it can be differentiated.

    Args:
        flow_map: The map; it is copied.
        normalisation: Between data units and the map's.
        guide: One class for each of the points that will be asked for; none when None, which a
            conditional map takes for its null class.
    """

    def __init__(
        self, flow_map: FlowMap, normalisation: Normalisation, guide: Guide | None = None
    ) -> None:
        self._map = copy.deepcopy(flow_map).to("cpu").double()
        self._normalisation = normalisation
        self._guide = guide
        self._guided = self._map if guide is None else GuidedMap(self._map, guide)
        self.clock = flow_map.clock
        self.dim = normalisation.dim
        self.scale = torch.tensor(normalisation.scale, dtype=torch.float64)

    @classmethod
    def of(cls, loaded: LoadedMap, guide: Guide | None = None) -> Flow:
        """The flow of a loaded map."""
        return cls(loaded.flow_map, loaded.snapshot.normalisation, guide)

    def rows(self, index: torch.Tensor | slice) -> Flow:
        """The same flow for some of the points."""
        if self._guide is None:
            return self
        guide = Guide(self._guide.cond[index], self._guide.scale)
        return Flow(self._map, self._normalisation, guide)

    def classmates(self, rows: torch.Tensor) -> list[torch.Tensor]:
        """The places in `rows` (n,) of points that have one class, class by class."""
        if self._guide is None:
            return [torch.arange(len(rows))]
        kinds = torch.unique(self._guide.cond[rows], dim=0, return_inverse=True)[1]
        return [torch.nonzero(kinds == kind)[:, 0] for kind in kinds.unique()]

    def __call__(self, x: torch.Tensor, s: float, t: float) -> torch.Tensor:
        """(n, dim) positions at time t of points x (n, dim) at time s."""
        if self.clock != "start":
            return jump(self._guided, x, s, t)
        if s == t:
            return x
        steps = max(1, math.ceil(abs(t - s) * ODE_STEPS - 1e-9))
        return solve(self.velocity, x, even_times(s, t, steps)).states[-1]

    def velocity(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """(n, dim) v_t(x) of a two-time map's diagonal or of a velocity, at times t (n, 1).

        Raises:
            ValueError: A one-time map has no velocity to read off.
        """
        return self._guided.velocity(x, t)

    def time_derivative(self, x: torch.Tensor, s: float, t: float) -> torch.Tensor:
        """(n, dim) ∂_t X_{s,t}(x) of a map, by forward-mode differentiation."""
        start, end = torch.full_like(x[:, :1], s), torch.full_like(x[:, :1], t)
        along: torch.Tensor = jvp(
            lambda at: self._guided(x, start, at), (end,), (torch.ones_like(end),)
        )[1]
        return along

    def normalised(self, points: npt.NDArray[np.floating]) -> torch.Tensor:
        """(n, dim) points of data units in normalised units."""
        units = self._normalisation
        return torch.from_numpy(
            (np.asarray(points, np.float64) - units.shift) / np.asarray(units.scale)
        )

    def in_data_units(self, x: torch.Tensor) -> Wide:
        """(n, dim) points of normalised units in data units, in double precision."""
        units = self._normalisation
        wide: Wide = x.numpy() * np.asarray(units.scale) + np.asarray(units.shift)
        return wide


def parts(count: int) -> list[slice]:
    """Rows to take at once, so that memory is bounded."""
    return [slice(a, min(a + ROWS_AT_ONCE, count)) for a in range(0, count, ROWS_AT_ONCE)]


def check_dim(flow: Flow, what: str) -> None:
    """Refuse what needs the exact Jacobian of a map of many axes.

    Raises:
        DataError: The map has more than `MAX_DIM` axes.
    """
    if flow.dim > MAX_DIM:
        raise DataError(
            f"{what} needs the exact Jacobian, which is made for up to {MAX_DIM} axes; this map "
            f"has {flow.dim}."
        )
