"""The inverse X_{s,t}⁻¹: a first guess, refined by damped Newton steps until it is tight."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from flowmap_studio.core.guidance import Guide
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.probes.flow import Flow, Wide, check_dim, parts
from flowmap_studio.core.probes.jacobian import rows_jacobian
from flowmap_studio.core.randomness import Stream, generator

TOLERANCE = 1e-8
"""Largest ‖X_{s,t}(x) − y‖ of a row that counts as solved, in normalised units."""
ITERATIONS = 40
RESTARTS = 3
"""How often rows that are not solved begin again, from the nearest of fresh guesses."""
GUESSES = 64
GUESS_SPREAD = 1.5
GUESS_SEED = 3_000_017


class Inverse(NamedTuple):
    """Where points came from.

    Attributes:
        points: (n, dim) in data units, at time s.
        error: (n,) ‖X_{s,t}(points) − given‖ in units of the data's spread.
        converged: (n,) whether the error is below 1e-8; where not, the map may not reach the
            given point at all, and the nearest that was found is given.
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

    Two-time maps and velocities guess by going back, X_{t,s}(y); one-time maps have no way back
    and guess y less its own displacement.

    Raises:
        DataError: The map has too many axes.
    """
    check_dim(flow, "The inverse")
    if s == t:
        nothing = torch.zeros(len(y), dtype=y.dtype)
        return Solved(y, nothing, nothing == 0)
    x, error = torch.empty_like(y), torch.full_like(y[:, 0], torch.inf)
    for rows in parts(len(y)):
        part = flow.rows(rows)
        guess = (
            2 * y[rows] - part(y[rows], s, t) if flow.clock == "elapsed" else part(y[rows], t, s)
        )
        x[rows], error[rows] = _newton(part, guess, y[rows], s, t)
    draw = generator(GUESS_SEED, Stream.NOISE)
    for _ in range(RESTARTS):
        left = torch.nonzero(~(error < TOLERANCE))[:, 0]
        for some in left.split(GUESSES):  # as many rows again as each has guesses
            part = flow.rows(some)
            guess = _nearest_of_many(flow, some, y[some], s, t, draw)
            again, now = _newton(part, guess, y[some], s, t)
            better = now < error[some]
            x[some[better]], error[some[better]] = again[better], now[better]
    return Solved(x, error, error < TOLERANCE)


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
    value, slopes = rows_jacobian(lambda at: flow(at, s, t), x)
    gap, eye = value - y, torch.eye(y.shape[1], dtype=y.dtype)
    damping = torch.ones(len(y), dtype=y.dtype)
    for _ in range(ITERATIONS):
        error = gap.norm(dim=1)
        open_rows = torch.nonzero(~(error < TOLERANCE))[:, 0]
        if not len(open_rows):
            break
        some, turned = slopes[open_rows], slopes[open_rows].mT
        weight = (damping * error.square()).clamp(min=1e-14)[open_rows, None, None]
        step = torch.linalg.solve(turned @ some + weight * eye, turned @ gap[open_rows, :, None])
        trial = x[open_rows] - step[..., 0]
        part = flow.rows(open_rows)
        value, found = rows_jacobian(lambda at, part=part: part(at, s, t), trial)
        missed = value - y[open_rows]
        helps = missed.norm(dim=1) < error[open_rows]
        taken = open_rows[helps]
        x[taken], gap[taken], slopes[taken] = trial[helps], missed[helps], found[helps]
        damping[open_rows] *= torch.where(helps, 0.25, 8.0)
    return x, gap.norm(dim=1)


def _nearest_of_many(
    flow: Flow,
    rows: torch.Tensor,
    y: torch.Tensor,
    s: float,
    t: float,
    draw: torch.Generator,
) -> torch.Tensor:
    """For each y the one of many random points that X_{s,t} carries nearest to it."""
    count, dim = y.shape
    tried = GUESS_SPREAD * torch.randn(count * GUESSES, dim, generator=draw, dtype=y.dtype)
    ends = flow.rows(rows.repeat_interleave(GUESSES))(tried, s, t)
    gaps = (ends.view(count, GUESSES, dim) - y[:, None]).norm(dim=2)
    return tried.view(count, GUESSES, dim)[torch.arange(count), gaps.argmin(dim=1)]
