"""The optimisers of a run, on one vector of weights; their memory, taken out and put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flat import FlatWeights
from flowmap_studio.core.native.descent import Adam, Descent, Orthogonal

FloatArray = npt.NDArray[np.float32]
COUNTED = 2**24
"""torch counts the steps in float32, which stays at this number once it is reached."""
BLOCK = 64
"""Rows that are orthogonalised together. On the CPU a whole matrix of 256 × 256 costs three times
as much and gains little (checkerboard, 1,500 steps: one-step KL 0.142 against 0.146)."""
MOMENTUM = 0.9
MATRIX_STEP = 1.25
"""Root mean square of a matrix's step, in learning rates; Adam's own is about 1 or less."""
POLAR = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
    (2.300652019954817, -1.6689039845749493, 0.4188073119525673),
)
"""Coefficients of a X + b (XXᵀ) X + c (XXᵀ)² X: the Polar Express of Amsel et al. (2025)."""
POLAR_MARGIN = 1.01
"""Its first polynomial is for singular values up to 1; rounding must not lift them above that."""


def polar_factors(stacks: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """U Vᵀ of the singular value decompositions U Σ Vᵀ, up to about 12 % in each singular value.

    All polynomials are taken of the small Gram matrices XXᵀ, which costs half of what taking them
    of X does, and of those of all stacks at once.

    Args:
        stacks: Each (blocks, rows, columns), with as many rows as the others; best with no more
            rows than columns.

    Returns:
        As many of the same shapes; rows of zeros stay zeros.
    """
    if not stacks:  # a network of small layers alone
        return []
    units = [_scaled(blocks) for blocks in stacks]
    grams = torch.cat([torch.bmm(unit, unit.mT) for unit in units])
    wholes = torch.split(_polynomials(grams), [len(unit) for unit in units])
    return [torch.bmm(whole, unit) for whole, unit in zip(wholes, units, strict=True)]


def _scaled(blocks: torch.Tensor) -> torch.Tensor:
    """Blocks whose singular values are at most 1."""
    size = torch.linalg.vector_norm(blocks, dim=(-2, -1), keepdim=True)
    unit: torch.Tensor = blocks / (POLAR_MARGIN * size + 1e-30)
    return unit


def _polynomials(gram: torch.Tensor) -> torch.Tensor:
    """(blocks, rows, rows) what brings X to its polar factor, from XXᵀ."""
    whole: torch.Tensor | None = None
    for at, (a, b, c) in enumerate(POLAR):
        factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal(dim1=-2, dim2=-1).add_(a)
        whole = factor if whole is None else torch.bmm(factor, whole)
        if at < len(POLAR) - 1:
            gram = torch.bmm(torch.bmm(factor, gram), factor)
    assert whole is not None  # noqa: S101 - there are polynomials
    return whole


class Muon(torch.optim.AdamW):
    """Orthogonalised momentum for the matrices of a network, AdamW for all its other weights.

    Every matrix goes by the polar factor of its momentum, as in K. Jordan et al., "Muon: an
    optimizer for hidden layers in neural networks" (2024), in blocks of 64 rows.

    Its memory is Adam's: the momentum of a matrix is kept where Adam keeps its mean gradient.

    Args:
        vector: All weights.
        matrices: Where in the vector each matrix lies, and its (rows, columns).
        options: As for AdamW.
    """

    def __init__(
        self,
        vector: torch.nn.Parameter,
        matrices: Sequence[tuple[slice, tuple[int, int]]],
        **options: Any,
    ) -> None:
        super().__init__([vector], betas=(MOMENTUM, 0.999), **options)
        self._vector = vector
        self._matrices = matrices
        self._stacks: dict[int, list[tuple[slice, int]]] = {}
        for span, (rows, columns) in matrices:
            self._stacks.setdefault(columns, []).append((span, rows))

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step; Adam's own steps of the matrices are undone and replaced."""
        weights, gradient = self._vector.data, self._vector.grad
        assert gradient is not None and closure is None  # noqa: S101, PT018 - as the trainer calls
        before = weights.clone() if self._matrices else weights
        super().step()
        momentum = self.state[self._vector]["exp_avg"]
        rate, decay = self.param_groups[0]["lr"], self.param_groups[0]["weight_decay"]
        ahead = torch.lerp(gradient, momentum, MOMENTUM)  # as Nesterov's
        found = polar_factors([self._padded(ahead, columns) for columns in self._stacks])
        for (columns, stack), factors in zip(self._stacks.items(), found, strict=True):
            # Not as an argument of the subtraction: a rate on the device would be waited for.
            steps = factors.mul_(rate * (MATRIX_STEP * columns**0.5))
            rooms = torch.split(steps.view(-1, columns), self._rooms(stack))
            for (span, rows), room in zip(stack, rooms, strict=True):
                shrunk = before[span].mul_(1 - rate * decay)
                weights[span] = shrunk.sub_(room[:rows].reshape(-1))

    def _padded(self, vector: torch.Tensor, columns: int) -> torch.Tensor:
        """(blocks, 64, columns) the matrices of so many columns, each filled up with zeros."""
        stack = self._stacks[columns]
        sizes = self._rooms(stack)
        padded = vector.new_zeros(sum(sizes), columns)
        for room, (span, rows) in zip(torch.split(padded, sizes), stack, strict=True):
            room[:rows] = vector[span].view(rows, columns)
        return padded.view(-1, BLOCK, columns)

    @staticmethod
    def _rooms(stack: Sequence[tuple[slice, int]]) -> list[int]:
        """The rows that each matrix has in its stack: whole blocks."""
        return [BLOCK * -(-rows // BLOCK) for _, rows in stack]


def build_optimiser(
    config: RunConfig,
    vector: torch.nn.Parameter,
    matrices: Sequence[tuple[slice, tuple[int, int]]],
) -> torch.optim.Optimizer:
    """The optimiser of a config for all weights as one vector; arguments as for `Muon`."""
    options: dict[str, Any] = {
        "lr": config.learning_rate,
        "weight_decay": config.weight_decay,
        "fused": vector.device.type in ("cpu", "cuda"),
        "capturable": vector.device.type == "cuda",
    }
    if config.optimiser == "muon":
        return Muon(vector, matrices, **options)
    kind = torch.optim.AdamW if config.optimiser == "adamw" else torch.optim.Adam
    return kind([vector], **options)


def compiled_descent(
    config: RunConfig,
    optimiser: torch.optim.Optimizer,
    flat: FlatWeights,
    average: torch.Tensor | None,
) -> Descent:
    """The compiled library's way of taking an optimiser's steps, in the optimiser's own memory.

    Args:
        config: The run.
        optimiser: What `build_optimiser` made of it.
        flat: The weights, which `native.descent.suits`.
        average: Their moving average; None for none.
    """
    vector = flat.vector
    memory = optimiser.state[vector]
    if not memory:  # torch makes it at its first step
        zeros = {name: torch.zeros_like(vector.detach()) for name in ("exp_avg", "exp_avg_sq")}
        memory.update(step=torch.zeros((), dtype=torch.float32), **zeros)
    group = optimiser.param_groups[0]
    decoupled = config.optimiser != "adam"
    muon = config.optimiser == "muon"
    return Descent(
        vector,
        memory,
        average,
        adam=Adam(group["betas"], group["eps"], group["weight_decay"], decoupled),
        clip=config.clip_norm,
        matrices=flat.matrices if muon else (),
        orthogonal=Orthogonal(POLAR, BLOCK, POLAR_MARGIN, MOMENTUM, MATRIX_STEP) if muon else None,
    )


def adam_moments(
    optimiser: torch.optim.Optimizer, parameter: torch.nn.Parameter
) -> tuple[FloatArray, FloatArray]:
    """Copies of the means of gradient and squared gradient; zeros before the first step."""
    kept = optimiser.state.get(parameter) or {}
    moments = (kept.get(name, torch.zeros_like(parameter)) for name in ("exp_avg", "exp_avg_sq"))
    first, second = (moment.detach().to("cpu", copy=True).numpy() for moment in moments)
    return first, second


def restore_adam(
    optimiser: torch.optim.Optimizer,
    parameter: torch.nn.Parameter,
    first: FloatArray,
    second: FloatArray,
    steps: int,
) -> None:
    """Let the optimiser go on as after `steps` steps that left these moments."""
    if not steps:
        return  # it makes its memory at its first step
    # A fused optimiser counts where the parameter lies.
    optimiser.state[parameter] = {
        "step": torch.full((), min(steps, COUNTED), dtype=torch.float32, device=parameter.device),
        "exp_avg": torch.tensor(first, device=parameter.device),
        "exp_avg_sq": torch.tensor(second, device=parameter.device),
    }
