"""The registry of ODE solvers: names, order and evaluations per step. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Solver:
    """A way to solve an ODE.

    Attributes:
        summary: One line for lists.
        method: torchdiffeq's name of it.
        order: Its order of convergence.
        stages: Evaluations per step; 0 for adaptive ones, which choose for themselves.
        title: What to call it in tables and legends.
    """

    summary: str
    method: str
    order: int
    stages: int
    title: str


SOLVERS: Mapping[str, Solver] = {
    "euler": Solver("Euler's method, 1 evaluation per step", "euler", 1, 1, "Euler"),
    "midpoint": Solver("explicit midpoint, 2 evaluations per step", "midpoint", 2, 2, "Midpoint"),
    "heun": Solver("Heun's second-order method, 2 evaluations per step", "heun2", 2, 2, "Heun"),
    "rk4": Solver(
        "Runge and Kutta's fourth-order method (3/8 rule), 4 per step", "rk4", 4, 4, "RK4"
    ),
    "dopri5": Solver(
        "Dormand and Prince 5(4) with steps of its own choice", "dopri5", 5, 0, "dopri5"
    ),
}


def sampling_name(velocity: bool, solver: str, steps: int) -> str:
    """What a way of sampling is called, e.g. "Heun, 8 steps".

    Args:
        velocity: Whether it is a velocity, sampled by an ODE solver, and not a map, which jumps.
        solver: A name in `SOLVERS`; a map has none.
        steps: Steps of the solver, or jumps of the map.
    """
    if velocity and not SOLVERS[solver].stages:
        return f"{SOLVERS[solver].title}, adaptive"
    count = f"{steps:,} step{'s' * (steps != 1)}"
    return f"{SOLVERS[solver].title}, {count}" if velocity else count
