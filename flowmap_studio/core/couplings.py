"""Couplings: how source points x0 are paired with data points x1."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import Unwanted
from flowmap_studio.core.native.transport import can_couple, entropic_plan, least_assignment

LARGEST_FOR_SCIPY = 1024
"""Points up to which SciPy's assignment is the quicker exact solver."""
MOST_PIVOTS = 10_000_000
"""Of POT's network simplex, whose own limit leaves 2,048 points short of the least cost."""
NEAR, NEAR_STEPS = 0.075, 10
"""Entropy in mean costs, and steps, of potentials near the best ones."""
LEAST_EXPONENT = 80.0
"""Of a kernel in float32, so that no row of it vanishes."""
SINKHORN_STEPS = 200
UNDERFLOW = 600.0
"""Largest exponent that float64 takes safely."""
SINKHORN_TOLERANCE = 1e-4
"""Largest error of a marginal: the draw of one partner per row is far noisier than that."""


def pair(
    x0: torch.Tensor,
    x1: torch.Tensor,
    config: RunConfig,
    draw: torch.Generator | None = None,
    labels: torch.Tensor | None = None,
    unwanted: Callable[[], bool] = lambda: False,
) -> torch.Tensor:
    """(n,) index into x1 of each x0's partner: row i of x0 and x1[index] is a draw of the coupling.

    Conditional maps are coupled class by class: pairs that are optimal over all classes together
    would tie each class to its own part of the source, and sampling starts from the whole.

    Args:
        x0: (n, dim) source points.
        x1: (n, dim) data points.
        config: "independent" keeps the rows; "ot" solves exact minibatch optimal transport in
            groups of `ot_batch` (Tong et al. 2024, "Improving and generalizing flow-based
            generative models with minibatch optimal transport"); "sinkhorn" draws from the plan
            of entropy `entropy` (Cuturi 2013).
        draw: For the draws of "sinkhorn".
        labels: (n,) classes of x1, for conditional maps.
        unwanted: Asked before each problem; true gives up the rest.

    Raises:
        Unwanted: `unwanted` said so.
    """
    if config.coupling == "independent":
        return torch.arange(len(x0))
    partner = torch.empty(len(x0), dtype=torch.int64)
    for rows in _groups(len(x0), config.ot_batch, labels):
        if unwanted():
            raise Unwanted
        if config.coupling == "sinkhorn":
            found = entropic_partners(x0[rows], x1[rows], config.entropy, draw)
        else:
            found = optimal_assignment(x0[rows], x1[rows])
        partner[rows] = rows[found]
    return partner


def _groups(count: int, size: int, labels: torch.Tensor | None) -> Iterator[torch.Tensor]:
    """Row numbers of each problem: up to `size` rows, of one class if there are classes."""
    everyone = torch.arange(count)
    if labels is None:
        yield from torch.split(everyone, size)
        return
    for label in sorted(set(labels.tolist())):
        yield from torch.split(everyone[labels == label], size)


def optimal_assignment(x0: torch.Tensor, x1: torch.Tensor) -> torch.Tensor:
    """(n,) index into x1 of each x0's partner: the permutation of least total squared distance.

    All solvers are exact and release the interpreter lock. Without the compiled library SciPy's is
    the quicker one up to `LARGEST_FOR_SCIPY`, once the costs are `nearly_reduced`.

    Args:
        x0: (n, dim) source points.
        x1: (n, dim) data points.

    Raises:
        MemoryError: There was none.
        ValueError: A number is not finite.
    """
    x0, x1 = x0.cpu(), x1.cpu()
    if can_couple(x0, x1):
        return least_assignment(x0, x1)
    squares = torch.cdist(x0.double(), x1.double()).square_()
    if len(x0) <= LARGEST_FOR_SCIPY:
        from scipy.optimize import linear_sum_assignment

        return torch.from_numpy(linear_sum_assignment(nearly_reduced(squares).numpy())[1])
    import ot  # takes seconds, and neither the first cloud nor a velocity needs it

    weights = np.full(len(x0), 1 / len(x0))
    plan = ot.emd(weights, weights, squares.numpy(), numItermax=MOST_PIVOTS, check_marginals=False)
    return torch.from_numpy(np.asarray(plan).argmax(axis=1))


def nearly_reduced(cost: torch.Tensor) -> torch.Tensor:
    """Costs less a number for each row and each column: no permutation gains on another by that.

    The numbers are near the best dual potentials, by a few of Sinkhorn's steps, so that the solver,
    which begins at potentials of zero, is almost there. On one core 256 points of a target took 1.4
    to 1.9 ms so, 2.4 to 3.7 without, and 2.5 to 3.8 by POT's network simplex; 512 took 8 to 12, 14
    to 30 and 15 to 23, and 1,024 took 36 to 70, 85 to 178 and 61 to 111.

    Args:
        cost: (n, n), float64, not negative.

    Returns:
        (n, n), float64, not negative.
    """
    entropy = NEAR * float(cost.mean()) + torch.finfo(torch.float64).tiny
    kernel = (cost / -entropy).clamp_(min=-LEAST_EXPONENT).float().exp_()
    columns = torch.ones(len(cost))
    rows = columns
    for _ in range(NEAR_STEPS):
        rows = 1 / (kernel @ columns)
        columns = 1 / (rows @ kernel)
    reduced = cost - entropy * rows.double().log_()[:, None]
    reduced -= entropy * columns.double().log_()
    reduced -= reduced.amin(dim=1, keepdim=True)
    return reduced.sub_(reduced.amin(dim=0))


def entropic_partners(
    x0: torch.Tensor, x1: torch.Tensor, entropy: float, draw: torch.Generator | None
) -> torch.Tensor:
    """(n,) index into x1 of each x0's partner, drawn from the rows of the entropic plan.

    Args:
        x0: (n, dim) source points.
        x1: (n, dim) data points.
        entropy: ε of min ⟨P, |x0 − x1|²⟩ + ε Σ P log P, in squared normalised units.
        draw: Where the draws come from.

    Raises:
        MemoryError: There was none.
        ValueError: The entropy is not positive.
    """
    x0, x1 = x0.cpu(), x1.cpu()
    if can_couple(x0, x1):
        rows = entropic_plan(x0, x1, entropy, SINKHORN_STEPS, SINKHORN_TOLERANCE)
    else:
        rows = _plan_by_pot(x0, x1, entropy)
    ends = rows.double().cumsum_(1)
    chosen = torch.rand(len(x0), 1, generator=draw, dtype=torch.float64) * ends[:, -1:]
    return torch.searchsorted(ends, chosen, right=True).clamp_(max=len(x0) - 1)[:, 0]


def _plan_by_pot(x0: torch.Tensor, x1: torch.Tensor, entropy: float) -> torch.Tensor:
    """(n, n) plan by POT, positive, of sum 1; as `entropic_partners` without the library."""
    import ot  # as in `optimal_assignment`

    cost = torch.cdist(x0.double(), x1.double()).square_().numpy()
    weights = np.full(len(x0), 1 / len(x0))
    # Logarithms cost thirty times the time: only where exp(−cost/ε) would underflow.
    method = "sinkhorn" if cost.max() < UNDERFLOW * entropy else "sinkhorn_log"
    plan = ot.sinkhorn(
        weights,
        weights,
        cost,
        entropy,
        method=method,
        numItermax=SINKHORN_STEPS,
        stopThr=SINKHORN_TOLERANCE,
        warn=False,
    )
    rows = torch.from_numpy(np.asarray(plan)).clamp_(min=0)
    return rows.add_(torch.finfo(torch.float64).tiny)  # a row may not sum to 0
