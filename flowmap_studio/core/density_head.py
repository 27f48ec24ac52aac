"""The density head: a small network beside the map that learns log|det ∂X_{0,t}/∂x|.

The article's tip (§8): a sample's log-density, log p_t(X_{0,t}(z)) = log p_0(z) − log|det|, then
costs one evaluation instead of a Jacobian. The head is regressed on the exact figure of the map as
it is, which is stopped, so that the map is trained as without it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from flowmap_studio.core.config import NORMAL
from flowmap_studio.core.errors import DataError
from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.loaded_map import ROWS_AT_ONCE, LoadedMap
from flowmap_studio.core.objectives.base import Batch

MAX_DIM = 64
"""Axes up to which exact Jacobians are made: they cost a row of the batch per axis."""
TAUGHT_ROWS = 64
"""Rows of a batch that the head is taught on; fewer in many dimensions."""
FARTHEST = 20.0
"""Largest |log|det|| that is taught: on the folds of a map it is infinite."""
SAMPLES = 2048
CHECK_SEED = 3_000_001
"""The comparison draws its own noise, as metrics do."""


class HeadCheck(NamedTuple):
    """A density head against the exact change of variables, at samples at t = 1.

    Attributes:
        rms_nats: Root mean square difference of the log-densities.
        median_nats: Median absolute difference, which folds and thin ridges hardly move.
        points: Number of samples.
    """

    rms_nats: float
    median_nats: float
    points: int


def check_dim(dim: int) -> None:
    """Refuse a target that is too large for exact Jacobians.

    Raises:
        DataError: It has more than `MAX_DIM` axes.
    """
    if dim > MAX_DIM:
        raise DataError(
            f"A density head learns from exact Jacobians, which are made for up to {MAX_DIM} axes; "
            f"this target has {dim}. Switch the density head off."
        )


def head_loss(flow_map: FlowMap, batch: Batch) -> torch.Tensor:
    """‖head(x0, t) − sg log|det ∂X_{0,t}/∂x0|‖² over some rows; half of them have t = 1."""
    rows = slice(max(1, TAUGHT_ROWS * 2 // max(2, batch.x0.shape[1])))
    x, cond = batch.x0[rows], batch.cond_rows(rows)
    last = batch.uniforms[rows, 1:2] < 0.5
    t = torch.where(last, 1.0, batch.uniforms[rows, 0:1])
    exact = exact_log_volume(flow_map, x, t, cond).clamp(-FARTHEST, FARTHEST)
    return F.mse_loss(flow_map.log_volume(x, t, cond), exact)


@torch.enable_grad()
def exact_log_volume(
    flow_map: FlowMap, x: torch.Tensor, t: torch.Tensor, cond: torch.Tensor | None = None
) -> torch.Tensor:
    """(n, 1) log|det ∂X_{0,t}/∂x| at points x (n, dim), stopped; a backward pass per axis.

    Forward mode took seven times as long on so few rows.

    Args:
        flow_map: A map, no velocity.
        x: (n, dim) points at time 0.
        t: (n, 1) times.
        cond: (n, classes) classes of a conditional map.
    """
    x = x.detach().requires_grad_()
    # A sum over rows has in each row's gradient that row's part alone.
    sums = flow_map(x, torch.zeros_like(t), t, cond).sum(dim=0).unbind()
    rows = [torch.autograd.grad(total, x, retain_graph=True)[0] for total in sums]
    found: torch.Tensor = torch.linalg.slogdet(torch.stack(rows, dim=1)).logabsdet[:, None]
    return found


@torch.no_grad()
def log_densities(
    loaded: LoadedMap, noise: torch.Tensor, t: float = 1.0, cond: torch.Tensor | None = None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(n,) and (n,) log p_t in nats at the samples X_{0,t}(noise): the head's, and the exact one.

    Both are of the density in data units.

    Args:
        loaded: A map with a density head.
        noise: (n, dim) points at t = 0 in normalised units.
        t: Flow time in [0, 1].
        cond: (n, classes) classes of a conditional map.

    Raises:
        DataError: The map has no density head, or starts from a source of unknown density.
    """
    config = loaded.snapshot.config
    if config.density_head != "on":
        raise DataError("This map was trained without a density head; train one with it.")
    if config.source != NORMAL:
        raise DataError(
            f"The map starts from {config.source}, whose density is not known, so that samples "
            "have none either; use a map whose source is normal."
        )
    learned, exact = [], []
    for start in range(0, len(noise), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        x = noise[rows].to(loaded.device)
        told = None if cond is None else cond[rows].to(x)
        column = torch.full_like(x[:, :1], t)
        learned.append(loaded.flow_map.log_volume(x, column, told)[:, 0].cpu())
        exact.append(exact_log_volume(loaded.flow_map, x, column, told)[:, 0].cpu())
    base = -0.5 * (noise.double().square().sum(dim=1) + noise.shape[1] * math.log(2 * math.pi))
    base -= np.log(loaded.snapshot.normalisation.scale).sum()
    return (base - torch.cat(learned)).numpy(), (base - torch.cat(exact)).numpy()


def check_head(loaded: LoadedMap, count: int = SAMPLES, seed: int = 0) -> HeadCheck:
    """How far the head's log-densities lie from the exact ones at `count` samples.

    Samples on folds, where the exact figure is infinite, count with `FARTHEST` nats.

    Raises:
        DataError: As for `log_densities`.
    """
    guide = loaded.guide(count, CHECK_SEED + seed)
    noise = loaded.noise(count, CHECK_SEED + seed)
    learned, exact = log_densities(loaded, noise, 1.0, None if guide is None else guide.cond)
    apart = np.clip(np.abs(learned - exact), 0, FARTHEST)
    return HeadCheck(float(np.sqrt(np.square(apart).mean())), float(np.median(apart)), count)
