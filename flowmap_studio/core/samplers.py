"""Samplers, written once over `flow_map(x, s, t)`: one-step sampling is composed with k = 1."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol, runtime_checkable

import torch


class Jumps(Protocol):
    """Anything that carries points from one time to another, as a `FlowMap` does."""

    def __call__(self, x: torch.Tensor, s: torch.Tensor, t: torch.Tensor, /) -> torch.Tensor:
        """(batch, dim) positions at time t of points x (batch, dim) at time s (batch, 1)."""


@runtime_checkable
class SharedJumps(Protocol):
    """What is quicker when it knows that all points share their times."""

    def jump(self, x: torch.Tensor, s: float, t: float, /) -> torch.Tensor:
        """(batch, dim) positions at time t of points x (batch, dim) at time s."""


@runtime_checkable
class JumpsInARow(Protocol):
    """What is quicker when it knows of all jumps to come."""

    def jumps(self, x: torch.Tensor, times: Sequence[float], /) -> torch.Tensor:
        """(batch, dim) positions at times[-1] of points x at times[0], by way of all times."""


def composed(flow_map: Jumps, x: torch.Tensor, times: Sequence[float]) -> torch.Tensor:
    """x_{i+1} = X_{t_i, t_{i+1}}(x_i) over the times given (article §5).

    Args:
        flow_map: The map, in normalised units.
        x: (batch, dim) positions at times[0].
        times: At least two times in [0, 1]; two make one jump.

    Returns:
        (batch, dim) positions at times[-1].
    """
    if isinstance(flow_map, JumpsInARow):
        return flow_map.jumps(x, times)
    for s, t in pairwise(times):
        x = jump(flow_map, x, s, t)
    return x


def jump(flow_map: Jumps, x: torch.Tensor, s: float, t: float) -> torch.Tensor:
    """(batch, dim) positions at time t of points x (batch, dim) at time s: one evaluation."""
    if isinstance(flow_map, SharedJumps):
        return flow_map.jump(x, s, t)
    column = x.new_empty((len(x), 1))
    moved: torch.Tensor = flow_map(x, torch.full_like(column, s), torch.full_like(column, t))
    return moved


def even_times(start: float, end: float, steps: int) -> list[float]:
    """The steps + 1 evenly spaced times from `start` to `end`, both exact."""
    return [start + (end - start) * i / steps for i in range(steps)] + [end]
