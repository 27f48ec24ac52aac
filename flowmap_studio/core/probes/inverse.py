"""The inverse X_{s,t}⁻¹: a first guess, refined by damped Newton steps until it is tight."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from flowmap_studio.core.guidance import Guide
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.probes.flow import ROWS_AT_ONCE, Flow, Wide, check_dim, parts
from flowmap_studio.core.probes.jacobian import jump_and_jacobian
from flowmap_studio.core.randomness import Stream, generator
from flowmap_studio.core.samplers import even_times

TOLERANCE, ODE_TOLERANCE = 1e-8, 1e-5
"""Largest ‖X_{s,t}(x) − y‖ of a row that counts as solved, in normalised units: of maps, and of
velocities, whose ODE is solved back about as well as forth."""
ITERATIONS = 40
STUCK = 1e6
"""Damping of a row that no step has helped for long: there is no nearer point about."""
RESTARTS = 12
"""From how many of the nearest guesses rows that are not solved begin again."""
GUESSES = 16_384
BACK_STEPS = 16
"""Jumps of the way back: one alone is a rough guess, for maps are trained forwards."""
GUESS_SPREAD = 1.5
GUESS_SEED = 3_000_017


class Inverse(NamedTuple):
    """Where points came from.

    Attributes:
        points: (n, dim) in data units, at time s.
        error: (n,) ‖X_{s,t}(points) − given‖ in units of the data's spread.
        converged: (n,) whether the error is below 1e-8 (velocities: 1e-5); where not, the map may
            not reach the given point at all, and the nearest that was found is given.
    """

    points: Wide
    error: Wide
    converged: npt.NDArray[np.bool_]


class Solved(NamedTuple):
    """The same in normalised units: points (n, dim), error (n,) and converged (n,)."""

    points: torch.Tensor
    error: torch.Tensor
    converged: torch.Tensor


def invert(
    loaded: LoadedMap,
    points: npt.NDArray[np.floating],
    s: float,
    t: float,
    guide: Guide | None = None,
) -> Inverse:
    """X_{s,t}⁻¹ of points (n, dim) in data units; where a map folds, one of several.

    Raises:
        DataError: The map has too many axes.
    """
    flow = Flow.of(loaded, guide)
    found = solve_inverse(flow, flow.normalised(points), s, t)
    return Inverse(flow.in_data_units(found.points), found.error.numpy(), found.converged.numpy())


@torch.no_grad()
def solve_inverse(flow: Flow, y: torch.Tensor, s: float, t: float) -> Solved:
    """Solve X_{s,t}(x) = y for each row of y (n, dim), in normalised units.

    Rows that the first guess does not lead to a solution try others: see `_nearest_guesses`.

    Raises:
        DataError: The map has too many axes.
    """
    check_dim(flow, "The inverse")
    if s == t:
        nothing = torch.zeros(len(y), dtype=y.dtype)
        return Solved(y, nothing, nothing == 0)
    tolerance = ODE_TOLERANCE if flow.clock == "start" else TOLERANCE
    x, error = torch.empty_like(y), torch.empty_like(y[:, 0])
    for rows in parts(len(y)):
        part = flow.rows(rows)
        x[rows] = _way_back(part, y[rows], s, t)
        error[rows] = (part(x[rows], s, t) - y[rows]).norm(dim=1)
    for some in _unsolved(error, tolerance, ROWS_AT_ONCE):
        x[some], error[some] = _newton(flow.rows(some), x[some], y[some], s, t)
    for some in _unsolved(error, tolerance, ROWS_AT_ONCE // RESTARTS):
        guesses = _nearest_guesses(flow, some, y[some], s, t).flatten(0, 1)
        again = some.repeat_interleave(RESTARTS)
        tried, missed = _newton(flow.rows(again), guesses, y[again], s, t)
        least, best = missed.view(-1, RESTARTS).min(dim=1)
        found = tried.view(len(some), RESTARTS, -1)[torch.arange(len(some)), best]
        better = least < error[some]
        x[some[better]], error[some[better]] = found[better], least[better]
    return Solved(x, error, error < tolerance)


def _unsolved(error: torch.Tensor, tolerance: float, at_once: int) -> tuple[torch.Tensor, ...]:
    """The rows that are not solved yet, some at a time."""
    left = torch.nonzero(~(error < tolerance))[:, 0]
    return torch.split(left, at_once) if len(left) else ()


def _way_back(flow: Flow, y: torch.Tensor, s: float, t: float) -> torch.Tensor:
    """(n, dim) a first guess of X_{s,t}⁻¹(y).

    Two-time maps jump back in small steps and velocities solve their ODE; one-time maps have no
    way back, and y less its own displacement has to do.
    """
    if flow.clock == "elapsed":
        return 2 * y - flow(y, s, t)
    steps = 1 if flow.clock == "start" else BACK_STEPS
    for late, early in pairwise(even_times(t, s, steps)):
        y = flow(y, late, early)
    return y


def _newton(
    flow: Flow, x: torch.Tensor, y: torch.Tensor, s: float, t: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Levenberg's and Marquardt's steps, damped by the residual so that they end as Newton's.

    Yamashita and Fukushima 2001. Rows go on by themselves; a step that does not help is not taken
    and the next is damped more.

    Returns:
        (n, dim) the best points and (n,) their errors.
    """
    x = x.clone()
    value, slopes = jump_and_jacobian(flow, x, s, t)
    gap, eye = value - y, torch.eye(y.shape[1], dtype=y.dtype)
    damping = torch.ones(len(y), dtype=y.dtype)
    for _ in range(ITERATIONS):
        error = gap.norm(dim=1)
        open_rows = torch.nonzero(~(error < TOLERANCE) & (damping < STUCK))[:, 0]
        if not len(open_rows):
            break
        some, turned = slopes[open_rows], slopes[open_rows].mT
        weight = (damping * error.square()).clamp(min=1e-14)[open_rows, None, None]
        step = torch.linalg.solve(turned @ some + weight * eye, turned @ gap[open_rows, :, None])
        trial = x[open_rows] - step[..., 0]
        part = flow.rows(open_rows)
        value, found = jump_and_jacobian(part, trial, s, t)
        missed = value - y[open_rows]
        helps = missed.norm(dim=1) < error[open_rows]
        taken = open_rows[helps]
        x[taken], gap[taken], slopes[taken] = trial[helps], missed[helps], found[helps]
        damping[open_rows] *= torch.where(helps, 0.25, 8.0)
    return x, gap.norm(dim=1)


def _nearest_guesses(
    flow: Flow, rows: torch.Tensor, y: torch.Tensor, s: float, t: float
) -> torch.Tensor:
    """(n, restarts, dim) of many random points those that X_{s,t} carries nearest to each y."""
    draw = generator(GUESS_SEED, Stream.NOISE)
    tried = GUESS_SPREAD * torch.randn(GUESSES, flow.dim, generator=draw, dtype=y.dtype)
    found = y.new_empty(len(y), RESTARTS, flow.dim)
    for alike in flow.classmates(rows):
        told = flow.rows(rows[alike[:1]].expand(GUESSES))
        ends = torch.cat([told.rows(part)(tried[part], s, t) for part in parts(GUESSES)])
        nearest = torch.cdist(y[alike], ends).topk(RESTARTS, dim=1, largest=False).indices
        found[alike] = tried[nearest]
    return found
