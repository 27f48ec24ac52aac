"""One training step: gradient, clip, optimiser and moving average."""

from __future__ import annotations

import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flat import FlatWeights
from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.gradients import Gradient, loss_row
from flowmap_studio.core.native import descent as native
from flowmap_studio.core.objectives import Batch, objective
from flowmap_studio.core.optimisers import build_optimiser, compiled_descent


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
        self._share = 1.0  # that the average takes of the new weights
        self._descent: native.Descent | None = None
        self._places: tuple[torch.Tensor, torch.Tensor] | None = None  # of rate and share
        if told_on_device:
            self._places = self.average.new_ones(()), self.average.new_ones(())
            self._give_rate(self._places[0])

    def tell(self, rate: float, decay: float) -> None:
        """Say what the next step is to be like.

        Args:
            rate: Learning rate.
            decay: Of the moving average.
        """
        if self._places is None:
            self._share = 1 - decay
            self._give_rate(rate)
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
        # The library works in one thread, in which torch is no quicker.
        one_thread = self._places is None and torch.get_num_threads() == 1
        if one_thread and native.suits(self.flat.vector):
            self._descend()
        else:
            self._descend_by_torch()
        return loss_row(terms, total, self._no_identity)

    def _descend_by_torch(self) -> None:
        if self._config.clip_norm:
            self.flat.clip(self._config.clip_norm)
        self.optimiser.step()
        if self._config.ema_decay:
            share = self._share if self._places is None else self._places[1]
            self.average.lerp_(self.flat.vector.detach(), share)

    def _descend(self) -> None:
        """Clip, optimiser and average by the compiled library: one reading of the weights."""
        config = self._config
        memory = self.optimiser.state[self.flat.vector]
        if self._descent is None or self._descent.memory is not memory:
            average = self.average if config.ema_decay else None
            self._descent = compiled_descent(config, self.optimiser, self.flat, average)
        self._descent.take(self.optimiser.param_groups[0]["lr"], self._share)

    def memory(self) -> list[torch.Tensor]:
        """All that a step changes, as it is and not copied; whole after the first step only."""
        vector = self.flat.vector
        assert vector.grad is not None  # noqa: S101 - made with the vector
        kept = self.optimiser.state[vector].values()
        return [vector.detach(), vector.grad, self.average, *kept]

    def _give_rate(self, rate: torch.Tensor | float) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = rate
