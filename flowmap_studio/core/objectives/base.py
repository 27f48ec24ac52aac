"""What objectives are given and what they return."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.passes import Passes

UNIFORMS = 3
"""Uniform numbers drawn beforehand for every pair of a step."""


DENSITY_WEIGHT = 0.01
"""Of the density head's term. Adam does not mind the size of a gradient that is a head's alone,
but the clip does: the head must not shorten the map's steps."""


class Passage(NamedTuple):
    """A teacher's ODE paths seen at two times each.

    Attributes:
        s: (batch, 1) earlier times.
        t: (batch, 1) later times.
        start: (batch, dim) where the paths are at s.
        end: (batch, dim) where they are at t.
    """

    s: torch.Tensor
    t: torch.Tensor
    start: torch.Tensor
    end: torch.Tensor


class Batch(NamedTuple):
    """One training step's draws, all on the map's device and in normalised units.

    Attributes:
        x0: (batch, dim) source points.
        x1: (batch, dim) data points, paired with x0 by the coupling.
        uniforms: (batch, 3) numbers in [0, 1) from which the objective makes its times.
        passage: For methods that learn from a teacher, parts of the paths of these rows.
        bridge: (batch, dim) standard normal numbers for methods with Brownian bridges.
        cond: (batch, classes) one-hot classes of x1 for conditional maps, zeros where hidden.
        diagonal: How many of the rows, the first ones, two-time methods spend on s = t; as many as
            the config says when None.
    """

    x0: torch.Tensor
    x1: torch.Tensor
    uniforms: torch.Tensor
    passage: Passage | None = None
    cond: torch.Tensor | None = None
    bridge: torch.Tensor | None = None
    diagonal: int | None = None

    def rows(self, rows: slice | torch.Tensor) -> Batch:
        """Some rows, a slice of them or by their numbers."""
        return self._replace(diagonal=None).each(lambda part: part[rows])

    def each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Batch:
        """The batch with another tensor for each of its own."""
        passage = self.passage
        return Batch(
            change(self.x0),
            change(self.x1),
            change(self.uniforms),
            None if passage is None else Passage(*map(change, passage)),
            None if self.cond is None else change(self.cond),
            None if self.bridge is None else change(self.bridge),
            self.diagonal,
        )

    def tensors(self) -> list[torch.Tensor]:
        """All its tensors, always in the same order."""
        parts = (self.x0, self.x1, self.uniforms, *(self.passage or ()), self.cond, self.bridge)
        return [part for part in parts if part is not None]

    def cond_rows(self, rows: slice | torch.Tensor) -> torch.Tensor | None:
        """The classes of some rows."""
        return None if self.cond is None else self.cond[rows]


class LossTerms(NamedTuple):
    """The terms, unweighted; None for one that does not exist or is 0 by construction."""

    match: torch.Tensor
    consistency: torch.Tensor | None
    identity: torch.Tensor | None
    score: torch.Tensor | None = None
    density: torch.Tensor | None = None

    def total(self, config: RunConfig) -> torch.Tensor:
        """Match + λ_cons · consistency + λ_id · identity + score + 0.01 · density."""
        total = self.match
        if self.consistency is not None:
            total = total + config.lambda_cons * self.consistency
        if self.identity is not None:
            total = total + config.lambda_id * self.identity
        if self.score is not None:
            total = total + self.score
        if self.density is not None:
            total = total + DENSITY_WEIGHT * self.density
        return total


class Factors(NamedTuple):
    """By what the terms count in the sum whose gradient is taken."""

    match: float
    consistency: float


def mean_square(difference: torch.Tensor, factor: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean square of a difference, and the derivative of `factor` times that by it."""
    return difference.square().mean(), difference * (2 * factor / difference.numel())


class ByHand(Protocol):
    """A method's loss and its gradient on one batch, without a graph."""

    def __call__(
        self, passes: Passes, batch: Batch, config: RunConfig, factors: Factors
    ) -> LossTerms | None:
        """The loss terms, whose gradient is added to that of the map's weights.

        None, and nothing done, where it is not written down for such a map.
        """


class Objective(Protocol):
    """A method's loss on one batch."""

    def __call__(self, flow_map: FlowMap, batch: Batch, config: RunConfig) -> LossTerms:
        """The loss terms, with gradients to the map's weights."""
