"""Steps against polar factors, of `core.optimisers`, by the compiled library."""

from __future__ import annotations

import ctypes

import torch

from flowmap_studio.core.native import library
from flowmap_studio.core.native.binding import PANEL


def suits(vector: torch.Tensor) -> bool:
    """Whether the library is there and can do it for matrices in a vector."""
    return (
        library.usable()
        and vector.device.type == "cpu"
        and vector.dtype == torch.float32
        and vector.is_contiguous()
    )


class OrthogonalSteps:
    """Steps of matrices against the polar factors of what they follow, in blocks of rows.

    Args:
        polynomials: Coefficients of X, (XXᵀ) X and (XXᵀ)² X, of one after the other.
        rows: Of a block, a multiple of 16.
        margin: What the size of a block is multiplied by before they are taken.
        ahead: Share of the momentum in what is followed; the gradient has the rest.
    """

    def __init__(
        self,
        polynomials: tuple[tuple[float, float, float], ...],
        rows: int,
        margin: float,
        ahead: float,
    ) -> None:
        if rows % PANEL:
            raise ValueError(f"rows is {rows}; take a multiple of {PANEL}")
        flat = [one for abc in polynomials for one in abc]
        table = (ctypes.c_float * len(flat))(*flat)
        self._how = library.Orthogonal(table, len(polynomials), rows, margin, ahead)

    def take(
        self,
        weight: torch.Tensor,
        before: torch.Tensor,
        gradient: torch.Tensor,
        momentum: torch.Tensor,
        shape: tuple[int, int],
        *,
        shrink: float,
        step: float,
    ) -> None:
        """Put a matrix's new weights in place.

        Args:
            weight: (rows · columns) where, contiguous as all of these.
            before: Likewise, what they were.
            gradient: Likewise.
            momentum: Likewise.
            shape: Rows and columns.
            shrink: What the weights are multiplied by.
            step: What the polar factor is multiplied by before it is subtracted.

        Raises:
            MemoryError: There was none.
        """
        self._how.shrink, self._how.step = shrink, step
        places = (one.data_ptr() for one in (weight, before, gradient, momentum))
        library.ask("orthogonal_step", *places, *shape, self._how)
