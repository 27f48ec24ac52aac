"""Log-likelihood: of maps by change of variables, of velocities along their ODE."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from flowmap_studio.core.config import NORMAL
from flowmap_studio.core.errors import DataError
from flowmap_studio.core.guidance import Guide
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.odes import solve
from flowmap_studio.core.probes.flow import Flow, Wide, check_dim, parts
from flowmap_studio.core.probes.inverse import solve_inverse
from flowmap_studio.core.probes.jacobian import jump_and_jacobian, reverse_jacobian
from flowmap_studio.core.targets.shapes import GAUSSIAN_MEAN, GAUSSIAN_ROOT

TOLERANCE = 1e-7
"""Of the adaptive solver that integrates a velocity's divergence."""


class LogDensity(NamedTuple):
    """Log-likelihoods of points.

    Attributes:
        nats: (n,) log p_t in nats, of the density in data units; NaN where the map was not found
            to reach the point.
        folded: (n,) whether the map folds where the point comes from: another place arrives here
            too, and the figure counts one of them.
    """

    nats: Wide
    folded: npt.NDArray[np.bool_]


def log_density(
    loaded: LoadedMap,
    points: npt.NDArray[np.floating],
    t: float = 1.0,
    label: str | None = None,
    scale: float = 1.0,
) -> LogDensity:
    """Log-likelihood log p_t of points (n, dim) in data units.

    Maps: log p_t(X_{0,t}(z)) = log p_0(z) − log|det ∂X_{0,t}/∂z| of the one-step map, z found by
    the inverse. Velocities: log p_t(x_t) = log p_0(x_0) − ∫ div v dt along the ODE (Chen et al.
    2018, "Neural ordinary differential equations"). Of a conditional map without a label it is
    the mixture of its classes, as often as the data has them: the density that samples have.

    Args:
        loaded: The map.
        points: Where.
        t: Flow time in [0, 1].
        label: Class of a conditional map.
        scale: Of the guidance.

    Raises:
        DataError: The map has too many axes, no such class, or a source of unknown density.
    """
    _check_source(loaded)
    labels = loaded.snapshot.labels
    if label is not None or labels is None:
        return _given(loaded, points, t, loaded.guide(len(points), 0, label, scale))
    total, folded = np.full(len(points), -np.inf), np.zeros(len(points), np.bool_)
    for index, share in enumerate(np.bincount(labels.astype(np.int64)) / len(labels)):
        if not share:
            continue
        guide = loaded.guide(len(points), 0, loaded.snapshot.classes[index], scale)
        part = _given(loaded, points, t, guide)
        known = np.isfinite(part.nats)
        total[known] = np.logaddexp(total[known], np.log(share) + part.nats[known])
        folded |= part.folded & known
    return LogDensity(np.where(np.isneginf(total), np.nan, total), folded)


@torch.no_grad()
def _given(
    loaded: LoadedMap, points: npt.NDArray[np.floating], t: float, guide: Guide | None
) -> LogDensity:
    flow = Flow.of(loaded, guide)
    check_dim(flow, "The log-likelihood")
    y = flow.normalised(points)
    nats, folded = torch.empty(len(y), dtype=y.dtype), torch.zeros(len(y), dtype=torch.bool)
    for rows in parts(len(y)):
        part = flow.rows(rows)
        if flow.clock == "start":
            start, volume = _along_ode(part, y[rows], t)
        else:
            start, volume, folded[rows] = _by_change_of_variables(part, y[rows], t)
        nats[rows] = _source_density(loaded, flow, start) - volume
    return LogDensity(nats.numpy(), folded.numpy())


def _by_change_of_variables(
    flow: Flow, y: torch.Tensor, t: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Starts (n, dim), log|det ∂X_{0,t}| there (n,), NaN where there is none, and folds (n,)."""
    found = solve_inverse(flow, y, 0.0, t)
    sign, volume = torch.linalg.slogdet(jump_and_jacobian(flow, found.points, 0.0, t)[1])
    return found.points, torch.where(found.converged, volume, torch.nan), sign < 0


def _along_ode(flow: Flow, y: torch.Tensor, t: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Starts (n, dim) and ∫ div v dt from 0 to t (n,): position and integral in one system."""
    if t == 0:
        return y, torch.zeros_like(y[:, 0])

    def slope(state: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        value, slopes = reverse_jacobian(lambda at: flow.velocity(at, time), state[:, :-1])
        divergence = slopes.diagonal(dim1=1, dim2=2).sum(dim=1, keepdim=True)
        return torch.cat([value, divergence], dim=1)

    state = torch.cat([y, torch.zeros_like(y[:, :1])], dim=1)
    state = solve(slope, state, [t, 0.0], "dopri5", TOLERANCE).states[-1]
    return state[:, :-1], -state[:, -1]


def source_log_density(loaded: LoadedMap, points: npt.NDArray[np.floating]) -> Wide:
    """(n,) log p_0 of points (n, dim) in data units, in nats.

    Raises:
        DataError: The map starts from a source of unknown density.
    """
    _check_source(loaded)
    flow = Flow.of(loaded)
    nats: Wide = _source_density(loaded, flow, flow.normalised(points)).numpy()
    return nats


def _check_source(loaded: LoadedMap) -> None:
    if loaded.snapshot.config.source not in (NORMAL, "gaussian"):
        raise DataError(
            f"The map starts from {loaded.snapshot.config.source}, whose density is not known, so "
            "that samples have none either; use a map whose source is normal."
        )


def _source_density(loaded: LoadedMap, flow: Flow, start: torch.Tensor) -> torch.Tensor:
    """(n,) log p_0 of normalised points, of the density in data units."""
    if loaded.snapshot.config.source == NORMAL:
        z, volume = start, flow.scale.log().sum()
    else:
        root = torch.tensor(GAUSSIAN_ROOT, dtype=start.dtype)
        centred = torch.from_numpy(flow.in_data_units(start)) - torch.tensor(GAUSSIAN_MEAN)
        z, volume = torch.linalg.solve(root, centred, left=False), torch.linalg.slogdet(root)[1]
    return -0.5 * (z.square().sum(dim=1) + flow.dim * math.log(2 * math.pi)) - volume
