"""Samples of velocity methods by an ODE solver, with the evaluations counted."""

from __future__ import annotations

from typing import NamedTuple

import torch

from flowmap_studio.core.loaded_map import ROWS_AT_ONCE, LoadedMap, Points
from flowmap_studio.core.odes import solve
from flowmap_studio.core.samplers import even_times


class OdeSamples(NamedTuple):
    """Samples and what they cost.

    Attributes:
        points: (count, dim) at t = 1, in data units.
        evaluations: How often the velocity was evaluated on each point; of an adaptive solver the
            most that any part of the points took.
    """

    points: Points
    evaluations: int


@torch.no_grad()
def sample_ode(
    loaded: LoadedMap,
    count: int,
    steps: int,
    seed: int,
    solver: str,
    label: str | None = None,
    scale: float = 1.0,
) -> OdeSamples:
    """Solve dx/dt = v_t(x) from noise to data.

    Args:
        loaded: The map of a velocity method.
        count: Number of samples.
        steps: Even steps of methods of fixed step.
        seed: Of the noise, which is that of `LoadedMap.sample`.
        solver: A name in `odes.SOLVERS`.
        label: Class of a conditional map; all, as often as the data has them, when None.
        scale: Of the guidance.

    Raises:
        DataError: The map has no such class.
    """
    noise = loaded.noise(count, seed)
    guide = loaded.guide(count, seed, label, scale)
    times = even_times(0.0, 1.0, steps)
    parts, evaluations = [], 0
    for first in range(0, count, ROWS_AT_ONCE):
        rows = slice(first, min(first + ROWS_AT_ONCE, count))
        velocity = loaded.guided(None if guide is None else guide.rows(rows)).velocity
        solution = solve(velocity, noise[rows].to(loaded.device), times, solver)
        parts.append(solution.states[-1].cpu())
        evaluations = max(evaluations, solution.evaluations)
    return OdeSamples(loaded.snapshot.normalisation.undo(torch.cat(parts).numpy()), evaluations)
