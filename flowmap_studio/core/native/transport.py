"""Optimal transport between two clouds of equal size by the compiled library."""

from __future__ import annotations

import torch

from flowmap_studio.core.native.loading import compiled


def can_couple(x0: torch.Tensor, x1: torch.Tensor) -> bool:
    """Whether the library is there, and takes such clouds: finite, in single precision."""
    return (
        compiled() is not None
        and x0.ndim == 2
        and x0.shape == x1.shape
        and x0.numel() > 0
        and all(one.dtype == torch.float32 for one in (x0, x1))
        and all(one.device.type == "cpu" and bool(one.isfinite().all()) for one in (x0, x1))
    )


def least_assignment(x0: torch.Tensor, x1: torch.Tensor) -> torch.Tensor:
    """(n,) index into x1 of each x0's partner: the permutation of least total squared distance.

    By shortest augmenting paths (Jonker and Volgenant 1987) from Sinkhorn's potentials, exact but
    for rounding in double precision. Releases the interpreter lock, as `entropic_plan` does.

    Args:
        x0: (n, dim) points of clouds that it `can_couple`.
        x1: (n, dim).

    Raises:
        MemoryError: There was none.
        ValueError: It can't couple them.
    """
    partner = torch.empty(len(x0), dtype=torch.int64)
    _ask("least_assignment", x0, x1, partner.data_ptr())
    return partner


def entropic_plan(
    x0: torch.Tensor, x1: torch.Tensor, entropy: float, steps: int, tolerance: float
) -> torch.Tensor:
    """(n, n) n times the plan P of least ⟨P, |x0 − x1|²⟩ + ε Σ P log P with equal sums.

    By Sinkhorn's steps (Cuturi 2013), stabilised and from larger entropies on (Schmitzer 2019).

    Args:
        x0: (n, dim) points of clouds that it `can_couple`.
        x1: (n, dim).
        entropy: ε.
        steps: Taken at the most, besides those of larger entropies.
        tolerance: They end where the rows' sums are off by less, in shares of the whole: the root
            of their summed squares. In the end rows sum up to 1, columns as nearly.

    Raises:
        MemoryError: There was none.
        ValueError: It can't couple them, or the entropy is not positive.
    """
    if not entropy > 0:
        raise ValueError(f"the entropy is {entropy}; take a positive one")
    plan = torch.empty(len(x0), len(x0))
    _ask("entropic_plan", x0, x1, entropy, steps, tolerance, plan.data_ptr())
    return plan


def _ask(function: str, x0: torch.Tensor, x1: torch.Tensor, *more: float) -> None:
    if not can_couple(x0, x1):
        raise ValueError("clouds of finite float32 numbers and equal shapes are wanted")
    x0, x1 = x0.detach().contiguous(), x1.detach().contiguous()
    if getattr(compiled(), function)(x0.data_ptr(), x1.data_ptr(), *x0.shape, *more):
        raise MemoryError
