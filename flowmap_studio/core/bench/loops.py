"""The training loops that are timed against each other: ours, any other, and the article's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import nn

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.couplings import optimal_assignment
from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.networks import FlowMapNet
from flowmap_studio.core.objectives.two_time import diagonal_rows
from flowmap_studio.core.pairs import CHUNK_STEPS
from flowmap_studio.core.randomness import Stream, generator
from flowmap_studio.core.targets import Target
from flowmap_studio.core.trainer import Trainer


class Contender(Protocol):
    """A training loop that can be timed."""

    def times(self, steps: int) -> list[float]:
        """Seconds per step of each group of 16 or more of the next `steps` steps or more."""

    def close(self) -> None:
        """Leave nothing running."""


class OurLoop:
    """The studio's own loop. Args: as `Trainer`'s."""

    def __init__(self, config: RunConfig, target: Target) -> None:
        self._trainer = Trainer(config, target)
        self._events = self._trainer.run()

    @property
    def recorded(self) -> bool:
        """Whether the steps come from a recording: a CUDA graph."""
        return self._trainer.recorded

    def times(self, steps: int) -> list[float]:
        """Seconds per step of each group; waiting for pairs is in them."""
        return [self._group() for _ in range(steps // CHUNK_STEPS)]

    def close(self) -> None:
        """End the thread that prepares pairs."""
        self._events.close()

    def _group(self) -> float:
        # Of a device that is asked for steps ahead no losses are read for more steps than that.
        began, before = time.perf_counter(), self._trainer.step
        for progress in self._events:
            if progress.step - before >= CHUNK_STEPS:
                break
        return (time.perf_counter() - began) / (self._trainer.step - before)


class PlainLoop:
    """Any other loop. Args: step: one training step."""

    def __init__(self, step: Callable[[], Any]) -> None:
        self._step = step

    def times(self, steps: int) -> list[float]:
        """Seconds per step of each group."""
        return [self._group() for _ in range(steps // CHUNK_STEPS)]

    def close(self) -> None:
        """Nothing runs."""

    def _group(self) -> float:
        began = time.perf_counter()
        for _ in range(CHUNK_STEPS):
            found = self._step()
        if isinstance(found, torch.Tensor):
            found.cpu()  # waits for the device
        return (time.perf_counter() - began) / CHUNK_STEPS


class ArticleLoop:
    """One step of the article's training (§6.2), line by line: one forward per term.

    Args:
        network: The article's network, on its device.
        config: Gives batch, seed, the weights of the terms, and whether pairs are optimal.
        target: What to learn, drawn afresh for every step.
    """

    def __init__(self, network: FlowMapNet, config: RunConfig, target: Target) -> None:
        self._network = network
        self._config = config
        self._target = target
        self._device = network.last.weight.device
        self._draw = generator(config.seed, Stream.PAIRS, device=self._device)
        self._optimiser = torch.optim.Adam(network.parameters(), lr=config.learning_rate)

    def step(self) -> float:
        """One training step; its loss."""
        config = self._config
        x1 = self._target.sample(config.batch_size, self._draw)
        x0 = torch.randn(x1.shape, generator=self._draw, device=self._device)
        if config.coupling == "ot":
            x1 = x1[optimal_assignment(x0, x1)]
        t = self._times()
        match = ((self._map(x0, t) - ((1 - t) * x0 + t * x1)) ** 2).mean()
        s, u = self._times(), self._times()
        composed = self._map(self._map(x0, u), s)
        consistency = ((composed - self._map(x0, (s + u).clamp(max=1.0))) ** 2).mean()
        identity = ((self._map(x0, torch.zeros_like(t)) - x0) ** 2).mean()
        loss = match + config.lambda_cons * consistency + config.lambda_id * identity
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._network.parameters(), max_norm=config.clip_norm)
        self._optimiser.step()
        return float(loss.detach())

    def _times(self) -> torch.Tensor:
        size = (self._config.batch_size, 1)
        return torch.rand(size, generator=self._draw, device=self._device)

    def _map(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        moved: torch.Tensor = x + t * self._network(x, t)
        return moved


class SemigroupLoop:
    """The loss of method `semigroup` written plainly: one forward for each jump, Adam, no average.

    Args:
        network: A two-time one, on the CPU.
        config: Gives batch, seed and what the objective needs.
        target: What to learn, drawn and paired afresh for every step.
    """

    def __init__(self, network: FlowMapNet, config: RunConfig, target: Target) -> None:
        self._map = FlowMap(network, clock="both", residual=True)
        self._config = config
        self._target = target
        self._draw = generator(config.seed, Stream.PAIRS)
        self._optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)

    def step(self) -> float:
        """One training step; its loss."""
        config = self._config
        x1 = self._target.sample(config.batch_size, self._draw)
        x0 = torch.randn(x1.shape, generator=self._draw)
        x1 = x1[optimal_assignment(x0, x1)]
        on = diagonal_rows(len(x0), config.diagonal_share)
        t = self._times(on)
        at = (1 - t) * x0[:on] + t * x1[:on]
        match = ((self._map.raw(at, t, t) - (x1 - x0)[:on]) ** 2).mean()
        a, b = self._times(len(x0) - on), self._times(len(x0) - on)
        s, t = torch.minimum(a, b), torch.maximum(a, b)
        consistency = self._consistency((1 - s) * x0[on:] + s * x1[on:], s, t)
        loss = match + config.lambda_cons * consistency
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._map.parameters(), max_norm=config.clip_norm)
        self._optimiser.step()
        return float(loss.detach())

    def _consistency(self, x: torch.Tensor, s: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        w = torch.rand(s.shape, generator=self._draw)
        u = s + w * (t - s)
        with torch.no_grad():
            before = self._map.raw(x, s, u)
            after = self._map.raw(x + (u - s) * before, u, t)
        return ((self._map.raw(x, s, t) - (w * before + (1 - w) * after)) ** 2).mean()

    def _times(self, count: int) -> torch.Tensor:
        drawn = torch.rand((count, 1), generator=self._draw)
        return 1 - (1 - drawn) ** self._config.time_power
