"""What the two-time methods share: how a batch is spent and the term on the diagonal s = t."""

from __future__ import annotations

from typing import NamedTuple

import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.interpolants import interpolant_velocity, interpolate
from flowmap_studio.core.objectives.base import Batch


class TwoTimeDraw(NamedTuple):
    """A batch laid out for a two-time method; its first `diagonal` rows have s = t.

    Attributes:
        x: (batch, dim) interpolant points I_s.
        s: (batch, 1) start times.
        t: (batch, 1) end times, t ≥ s.
        velocity: (batch, dim) the interpolant's velocity x1 − x0.
        diagonal: Rows on the diagonal, where the velocity is learned.
    """

    x: torch.Tensor
    s: torch.Tensor
    t: torch.Tensor
    velocity: torch.Tensor
    diagonal: int


def draw_two_times(batch: Batch, config: RunConfig) -> TwoTimeDraw:
    """Times s = t on the diagonal share of the batch, (min, max) of two draws on the rest."""
    diagonal = diagonal_of(batch, config)
    times = 1 - (1 - batch.uniforms[:, :2]) ** config.time_power
    first, second = times[:, :1], times[:, 1:]
    s = torch.cat([first[:diagonal], torch.minimum(first, second)[diagonal:]])
    t = torch.cat([first[:diagonal], torch.maximum(first, second)[diagonal:]])
    x = interpolate(batch.x0, batch.x1, s)
    return TwoTimeDraw(x, s, t, interpolant_velocity(batch.x0, batch.x1), diagonal)


def diagonal_of(batch: Batch, config: RunConfig) -> int:
    """Rows of a batch, its first ones, that are spent on s = t."""
    told = batch.diagonal
    return diagonal_rows(len(batch.x0), config.diagonal_share) if told is None else told


def diagonal_rows(count: int, share: float) -> int:
    """Rows of a batch of `count` that are spent on s = t: at least one, `share` of the rest."""
    return min(count, max(1, round(share * count)))
