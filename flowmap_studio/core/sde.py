"""Samples of a Schrödinger bridge by its stochastic differential equation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch

from flowmap_studio.core.errors import DataError
from flowmap_studio.core.flow_map import BridgeMap
from flowmap_studio.core.guidance import Guide
from flowmap_studio.core.loaded_map import ROWS_AT_ONCE, LoadedMap, Points
from flowmap_studio.core.randomness import Stream, generator
from flowmap_studio.core.samplers import even_times

Drift = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""b(x, t): (batch, dim) positions and (batch, 1) times to (batch, dim)."""


def euler_maruyama(
    drift: Drift, sigma: float, x: torch.Tensor, times: Sequence[float], draw: torch.Generator
) -> torch.Tensor:
    """Positions at times[-1] of a draw of dx = b(x, t) dt + σ dW from x at times[0].

    Maruyama 1955; one evaluation of the drift per step.

    Args:
        drift: b(x, t).
        sigma: σ, the same everywhere.
        x: (batch, dim) start.
        times: At least two, rising.
        draw: On the CPU, so that devices agree.
    """
    for s, t in pairwise(times):
        kick = torch.randn(x.shape, generator=draw, dtype=x.dtype).to(x.device)
        time = torch.full_like(x[:, :1], s)
        x = x + (t - s) * drift(x, time) + sigma * math.sqrt(t - s) * kick
    return x


@torch.inference_mode()
def diffused(
    loaded: LoadedMap,
    noise: torch.Tensor,
    t: float,
    steps: int,
    seed: int,
    guide: Guide | None = None,
) -> Points:
    """(n, dim) where noise (n, dim, normalised, time 0) is at time t on its random way.

    Args:
        loaded: A Schrödinger bridge.
        noise: Where the ways begin.
        t: Flow time in [0, 1].
        steps: Of Euler and Maruyama, in equal parts of [0, t].
        seed: Of the ways.
        guide: Classes of a conditional map.

    Returns:
        Points in data units.

    Raises:
        DataError: The map is no Schrödinger bridge.
    """
    bridge = loaded.flow_map
    if not isinstance(bridge, BridgeMap):
        raise DataError(
            f"An SDE needs a map of method schrodinger-bridge; this one is of method "
            f"{loaded.snapshot.config.method}, which has no diffusion."
        )
    parts = []
    for index, start in enumerate(range(0, len(noise), ROWS_AT_ONCE)):
        rows = slice(start, start + ROWS_AT_ONCE)
        drift = _drift(bridge, None if guide is None else guide.rows(rows))
        draw = generator(seed, Stream.DIFFUSION, index)
        x = noise[rows].to(loaded.device)
        parts.append(euler_maruyama(drift, bridge.sigma, x, even_times(0.0, t, steps), draw).cpu())
    return loaded.snapshot.normalisation.undo(torch.cat(parts).numpy())


def _drift(bridge: BridgeMap, guide: Guide | None) -> Drift:
    """The drift held to a guide's classes, as `GuidedMap` holds a velocity."""
    if guide is None:
        return bridge.sde_drift

    def guided(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        told = bridge.sde_drift(x, t, guide.cond.to(x))
        return told if guide.scale == 1.0 else torch.lerp(bridge.sde_drift(x, t), told, guide.scale)

    return guided
