"""Solving the ODE of a velocity, by torchdiffeq, with its evaluations counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from flowmap_studio.core.solvers import SOLVERS

Velocity = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""v(x, t): (batch, dim) positions and (batch, 1) times to (batch, dim)."""


class Solution(NamedTuple):
    """An ODE's solution.

    Attributes:
        states: (times, batch, dim) positions at the times asked for.
        evaluations: How often the velocity was evaluated on the whole batch.
    """

    states: torch.Tensor
    evaluations: int


def solve(
    velocity: Velocity,
    x: torch.Tensor,
    times: Sequence[float],
    solver: str = "rk4",
    tolerance: float = 1e-5,
) -> Solution:
    """Positions at `times` of points that start from x at times[0] and move with `velocity`.

    Args:
        velocity: v(x, t).
        x: (batch, dim) start.
        times: At least two, rising or falling; methods of fixed step step from one to the next.
        solver: A name in `SOLVERS`.
        tolerance: Relative and absolute, of the adaptive solver.
    """
    from torchdiffeq import odeint  # brings SciPy, which the clouds of a map don't need

    count = 0
    column = x.new_empty((len(x), 1))

    def slope(t: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        nonlocal count
        count += 1
        return velocity(at, torch.full_like(column, float(t)))

    grid = torch.tensor(times, dtype=torch.float64 if x.dtype == torch.float64 else torch.float32)
    states: torch.Tensor = odeint(
        slope,
        x,
        grid.to(x.device),
        method=SOLVERS[solver].method,
        rtol=tolerance,
        atol=tolerance,
    )
    return Solution(states, count)
