"""One training step: gradient, clip, optimiser and moving average, all as operations on tensors."""

from __future__ import annotations

import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flat import FlatWeights
from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.gradients import Gradient, loss_row
from flowmap_studio.core.objectives import Batch, objective
from flowmap_studio.core.optimisers import build_optimiser


class TrainingStep:
    """Takes steps of a map's weights. Nothing in it waits for the device.

    Attributes:
        flat: The map's weights, as one vector.
        average: Their moving average, likewise.
        optimiser: With its memory.
        gradient: Its `news` are what the user should know.

    Args:
        flow_map: The map, on its device already; its weights are moved into the vector.
        config: The run.
        no_identity: What stands for an identity term that is not there.
        told_on_device: Whether what changes from step to step is kept on the device, so that a
            step can be recorded; numbers of Python's are quicker where it isn't.
    """

    def __init__(
        self, flow_map: FlowMap, config: RunConfig, no_identity: float, *, told_on_device: bool
    ) -> None:
        self.flat = FlatWeights(flow_map.network)
        self.average = self.flat.vector.detach().clone()
        self.optimiser = build_optimiser(config, self.flat.vector, self.flat.matrices)
        self.gradient = Gradient(flow_map, self.flat, config, objective(config.method))
        self._config = config
        self._no_identity = no_identity
        self._share: torch.Tensor | float = 1.0  # that the average takes of the new weights
        self._places: tuple[torch.Tensor, torch.Tensor] | None = None  # of rate and share
        if told_on_device:
            self._places = self.average.new_ones(()), self.average.new_ones(())
            self._give(*self._places)

    def tell(self, rate: float, decay: float) -> None:
        """Say what the next step is to be like.

        Args:
            rate: Learning rate.
            decay: Of the moving average.
        """
        if self._places is None:
            self._give(rate, 1 - decay)
        else:
            for place, value in zip(self._places, (rate, 1 - decay), strict=True):
                place.fill_(value)

    def take(self, batch: Batch) -> torch.Tensor:
        """One step; returns the (terms,) loss terms, still on the device.

        Args:
            batch: The step's draws.

        Raises:
            RuntimeError: As `Gradient.take`.
            MemoryError: Likewise.
        """
        terms, total = self.gradient.take(batch)
        if self._config.clip_norm:
            self.flat.clip(self._config.clip_norm)
        self.optimiser.step()
        if self._config.ema_decay:
            self.average.lerp_(self.flat.vector.detach(), self._share)
        return loss_row(terms, total, self._no_identity)

    def memory(self) -> list[torch.Tensor]:
        """All that a step changes, as it is and not copied; whole after the first step only."""
        vector = self.flat.vector
        assert vector.grad is not None  # noqa: S101 - made with the vector
        kept = self.optimiser.state[vector].values()
        return [vector.detach(), vector.grad, self.average, *kept]

    def _give(self, rate: torch.Tensor | float, share: torch.Tensor | float) -> None:
        self._share = share
        for group in self.optimiser.param_groups:
            group["lr"] = rate
