"""Steps of all weights as one vector, as `core.training_step` takes them, by the library."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import NamedTuple

import torch

from flowmap_studio.core.native import library


class Orthogonal(NamedTuple):
    """How matrices go: against the polar factors of what they follow, in blocks of rows.

    Attributes:
        polynomials: Coefficients of X, (XXᵀ) X and (XXᵀ)² X, of one after the other.
        rows: Of a block, a multiple of `library.panel`.
        margin: What the size of a block is multiplied by before they are taken.
        ahead: Share of the momentum in what is followed; the gradient has the rest.
        size: Root mean square of a step, in learning rates.
    """

    polynomials: tuple[tuple[float, float, float], ...]
    rows: int
    margin: float
    ahead: float
    size: float


class Adam(NamedTuple):
    """Its numbers, as torch's optimisers have them.

    Attributes:
        betas: Decay of the mean gradient and of its square.
        eps: Added to the square's root.
        weight_decay: Of all weights.
        decoupled: Whether it is AdamW's.
    """

    betas: tuple[float, float]
    eps: float
    weight_decay: float
    decoupled: bool


def suits(vector: torch.Tensor) -> bool:
    """Whether the library is there and can take the steps of a vector."""
    return (
        library.usable()
        and vector.device.type == "cpu"
        and vector.dtype == torch.float32
        and vector.is_contiguous()
    )


class Descent:
    """Takes the steps of a vector of weights.

    Attributes:
        memory: What torch's Adam keeps of them.

    Args:
        vector: The weights, with their gradient; one that `suits`.
        memory: What torch's Adam keeps of them: `step`, `exp_avg` and `exp_avg_sq`.
        average: The moving average; None for none.
        adam: How all weights go but those of matrices.
        clip: The longest gradient; 0 for any.
        matrices: Where in the vector each of them lies, and its (rows, columns), in that order.
        orthogonal: How they go; as all others when None.

    Raises:
        ValueError: A tensor is not as long as the vector, or not of the library's kind.
    """

    def __init__(
        self,
        vector: torch.nn.Parameter,
        memory: dict[str, torch.Tensor],
        average: torch.Tensor | None,
        *,
        adam: Adam,
        clip: float,
        matrices: Sequence[tuple[slice, tuple[int, int]]] = (),
        orthogonal: Orthogonal | None = None,
    ) -> None:
        if orthogonal is not None and orthogonal.rows % library.panel():
            raise ValueError(f"rows is {orthogonal.rows}; take a multiple of {library.panel()}")
        self.memory = memory
        many = [vector, vector.grad, memory["exp_avg"], memory["exp_avg_sq"]]
        many += [] if average is None else [average]
        for one, count in [*((one, vector.numel()) for one in many), (memory["step"], 1)]:
            if one is None or not suits(one) or one.numel() != count:
                raise ValueError(f"{count:,} numbers of float32 are wanted in one piece of memory")
        self._kept = [*many[:4], average, memory["step"]]  # alive: their addresses are given
        places = [None if one is None else one.data_ptr() for one in self._kept]
        self._how = library.Descent(vector.numel(), *places)
        if orthogonal is not None:
            rows = [library.Matrix(span.start, *shape) for span, shape in matrices]
            self._how.matrix_count = len(rows)
            self._how.matrices = (library.Matrix * len(rows))(*rows)
            flat = [one for abc in orthogonal.polynomials for one in abc]
            table, count = (ctypes.c_float * len(flat))(*flat), len(orthogonal.polynomials)
            self._how.how = ctypes.pointer(library.Orthogonal(table, count, *orthogonal[1:]))
        self._how.mean_decay, self._how.square_decay = adam.betas
        self._how.eps, self._how.clip = adam.eps, clip
        self._how.weight_decay, self._how.decoupled = adam.weight_decay, adam.decoupled

    def take(self, rate: float, share: float) -> None:
        """One step; the gradient is clipped in its place.

        Args:
            rate: Learning rate.
            share: What the average takes of the new weights.

        Raises:
            MemoryError: There was none, and nothing has been changed.
        """
        self._how.rate, self._how.share = rate, share
        library.ask("descend", self._how)
