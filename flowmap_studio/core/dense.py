"""Linear layers by the quicker of the CPU's two libraries of matrix products.

On the CPU torch multiplies float32 matrices by MKL, which keeps its AVX-512 kernels for processors
of its own maker. oneDNN, which comes with torch too, has them for all: on an EPYC of 2024 a product
of 1,024 × 256 by 256 × 256 took 0.55 ms instead of 1.23 (one core), at the same precision. Torch
asks oneDNN in compiled programs only; here it is asked directly.

Which of the two is asked depends on the machine and on the shapes, never on a timing, so that a
seed gives the same map each time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

LEAST_SIDE = 16
"""With fewer rows, inputs or outputs than that a call costs more than its arithmetic."""


class Dense(nn.Linear):
    """`torch.nn.Linear` with the same weights and results, up to rounding, computed by `dense`."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - torch's name
        """(batch, outputs) from (batch, inputs)."""
        return dense(input, self.weight, self.bias)


def dense(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """The product x weightᵀ + bias, to be differentiated as `torch.nn.functional.linear` can be.

    Args:
        x: (batch, inputs).
        weight: (outputs, inputs).
        bias: (outputs,).

    Returns:
        (batch, outputs).
    """
    if not (_suits(x, weight) and onednn_pays()):
        return F.linear(x, weight, bias)
    if torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad):
        out: torch.Tensor = _Product.apply(x, weight, bias)  # type: ignore[no-untyped-call]
        return out
    return _product(x, weight, bias)


def _suits(x: torch.Tensor, weight: torch.Tensor) -> bool:
    """Whether it is a product for oneDNN: of single-precision matrices, and not of small ones."""
    return (
        x.dim() == 2
        and x.dtype == weight.dtype == torch.float32
        and x.device.type == weight.device.type == "cpu"
        and min(*x.shape, len(weight)) >= LEAST_SIDE
        # Forward mode and its like take operators apart by rules that this one doesn't have.
        and torch._C._functorch.peek_interpreter_stack() is None  # noqa: SLF001
    )


@lru_cache(maxsize=1)
def onednn_pays() -> bool:
    """Whether this machine has AVX-512 and a torch with oneDNN: elsewhere MKL is as quick."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    has_operator = hasattr(torch.ops.mkldnn, "_linear_pointwise")
    return has_operator and torch.backends.cpu.get_cpu_capability().startswith("AVX512")


def _product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    call = torch.ops.mkldnn._linear_pointwise  # noqa: SLF001 - it has no public name
    out: torch.Tensor = call(_whole(x), _whole(weight), bias, "none", [], "")
    return out


def _whole(matrix: torch.Tensor) -> torch.Tensor:
    """A matrix without gaps in memory: a slice of columns took oneDNN 370 ms instead of 0.1."""
    if matrix.is_contiguous() or matrix.t().is_contiguous():
        return matrix
    return matrix.contiguous()


class _Product(torch.autograd.Function):
    """The product and its derivatives, which are products too."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    def backward(
        ctx: Any, slope: torch.Tensor
    ) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            dense(slope, weight.t()) if of_x else None,
            dense(slope.t(), x.t()) if of_weight else None,
            slope.sum(0) if of_bias else None,
        )
