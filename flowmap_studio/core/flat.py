"""All weights of a network as one vector, so that optimiser, clip and average are one call each."""

from __future__ import annotations

import torch
from torch import nn

LEAST_SIDE = 16
"""Smaller matrices, as those that embed a time, are not what an orthogonal step is for."""


class FlatWeights:
    """One contiguous parameter whose slices are the network's weights, and likewise for gradients.

    Adam, norm clipping and the moving average act element by element, so that one long vector
    gives the same numbers as many small ones, in one kernel instead of dozens.

    Attributes:
        vector: The weights.
        matrices: Where in it the matrices of the layers lie, and their (outputs, inputs); without
            those of small layers and of the layer `network.last`. Convolutions count as matrices
            of all that their kernels see.

    Args:
        network: Its parameters are moved into the vector; it goes on working as before.
    """

    def __init__(self, network: nn.Module) -> None:
        parameters = list(network.parameters())
        joined = torch.cat([p.detach().reshape(-1) for p in parameters])
        self.vector = nn.Parameter(joined)
        self.vector.grad = torch.zeros_like(joined)
        self.matrices: list[tuple[slice, tuple[int, int]]] = []
        last = getattr(network, "last", None)
        at = 0
        for parameter in parameters:
            span = slice(at, at + parameter.numel())
            parameter.data = joined[span].view_as(parameter)
            parameter.grad = self.vector.grad[span].view_as(parameter)
            if last is None or parameter is not last.weight:
                self._note_matrix(span, parameter)
            at = span.stop

    def _note_matrix(self, span: slice, parameter: nn.Parameter) -> None:
        if parameter.ndim > 1:
            rows, columns = len(parameter), parameter[0].numel()
            if min(rows, columns) >= LEAST_SIDE:
                self.matrices.append((span, (rows, columns)))

    def zero_grad(self) -> None:
        """Set the gradients to zero in place: the network's gradients are views of them."""
        assert self.vector.grad is not None  # noqa: S101 - made in __init__, never released
        self.vector.grad.zero_()

    def clip(self, largest: float) -> None:
        """Scale the gradient down to norm `largest` if it is longer, without a host sync."""
        assert self.vector.grad is not None  # noqa: S101
        norm = torch.linalg.vector_norm(self.vector.grad)
        self.vector.grad.mul_((largest / (norm + 1e-6)).clamp(max=1.0))
