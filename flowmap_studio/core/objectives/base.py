"""What objectives are given and what they return."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flow_map import FlowMap

UNIFORMS = 3
"""Uniform numbers drawn beforehand for every pair of a step."""


class Batch(NamedTuple):
    """One training step's draws, all on the map's device and in normalised units.

    Attributes:
        x0: (batch, dim) source points.
        x1: (batch, dim) data points, paired with x0 by the coupling.
        uniforms: (batch, 3) numbers in [0, 1) from which the objective makes its times.
    """

    x0: torch.Tensor
    x1: torch.Tensor
    uniforms: torch.Tensor


class LossTerms(NamedTuple):
    """The three terms, unweighted; None for one that does not exist or is 0 by construction."""

    match: torch.Tensor
    consistency: torch.Tensor | None
    identity: torch.Tensor | None

    def total(self, config: RunConfig) -> torch.Tensor:
        """Match + λ_cons · consistency + λ_id · identity."""
        total = self.match
        if self.consistency is not None:
            total = total + config.lambda_cons * self.consistency
        if self.identity is not None:
            total = total + config.lambda_id * self.identity
        return total


class Objective(Protocol):
    """A method's loss on one batch."""

    def __call__(self, flow_map: FlowMap, batch: Batch, config: RunConfig) -> LossTerms:
        """The loss terms, with gradients to the map's weights."""
