"""Exact optimal transport between two clouds of equal size by the compiled library."""

from __future__ import annotations

import torch

from flowmap_studio.core.native.loading import compiled


def can_assign(x0: torch.Tensor, x1: torch.Tensor) -> bool:
    """Whether the library is there, and takes such clouds: finite, in single precision."""
    return (
        compiled() is not None
        and x0.shape == x1.shape
        and x0.numel() > 0
        and all(one.dtype == torch.float32 for one in (x0, x1))
        and all(one.device.type == "cpu" and bool(one.isfinite().all()) for one in (x0, x1))
    )


def least_assignment(x0: torch.Tensor, x1: torch.Tensor) -> torch.Tensor:
    """(n,) index into x1 of each x0's partner: the permutation of least total squared distance.

    By shortest augmenting paths (Jonker and Volgenant 1987) from Sinkhorn's potentials, exact but
    for rounding in double precision. Releases the interpreter lock.

    Args:
        x0: (n, dim) points of clouds that it `can_assign`.
        x1: (n, dim).

    Raises:
        MemoryError: There was none.
        ValueError: It can't assign them.
    """
    if not can_assign(x0, x1):
        raise ValueError("clouds of finite float32 numbers and equal shapes are wanted")
    library = compiled()
    assert library is not None  # noqa: S101 - it can
    x0, x1 = x0.detach().contiguous(), x1.detach().contiguous()
    partner = torch.empty(len(x0), dtype=torch.int64)
    call = (x0.data_ptr(), x1.data_ptr(), *x0.shape, partner.data_ptr())
    if library.least_assignment(*call):
        raise MemoryError
    return partner
