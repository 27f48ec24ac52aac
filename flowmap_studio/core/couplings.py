"""Couplings: how source points x0 are paired with data points x1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import ot
import torch


class Unwanted(Exception):  # noqa: N818 - no error: nobody waits for the result any more
    """The work was given up half way."""


def pair(
    x0: torch.Tensor,
    x1: torch.Tensor,
    coupling: str,
    group: int,
    unwanted: Callable[[], bool] = lambda: False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Reorder x1 so that row i of both tensors is a draw from the coupling.

    Args:
        x0: (n, dim) source points.
        x1: (n, dim) data points.
        coupling: "independent" keeps the rows; "ot" solves exact minibatch optimal transport
            (Tong et al. 2024, "Improving and generalizing flow-based generative models with
            minibatch optimal transport").
        group: Points per OT problem; the last group may be smaller.
        unwanted: Asked before each OT problem; true gives up the rest.

    Raises:
        Unwanted: `unwanted` said so.
    """
    if coupling == "independent":
        return x0, x1
    order = []
    for start in range(0, len(x0), group):
        if unwanted():
            raise Unwanted
        rows = slice(start, start + group)
        order.append(start + optimal_assignment(x0[rows], x1[rows]))
    return x0, x1[torch.cat(order).to(x1.device)]


def optimal_assignment(x0: torch.Tensor, x1: torch.Tensor) -> torch.Tensor:
    """(n,) index into x1 of each x0's partner: the permutation of least total squared distance.

    POT's network simplex releases the interpreter lock and was the quickest exact solver measured
    here from 256 points on (5 ms at 256 and 24 ms at 512, against SciPy's 6 and 40).
    """
    n = len(x0)
    cost = torch.cdist(x0.double(), x1.double()).square_().cpu().numpy()
    weights = np.full(n, 1 / n)
    plan = ot.emd(weights, weights, cost, check_marginals=False)
    return torch.from_numpy(np.asarray(plan).argmax(axis=1))
