"""The stream of training pairs: prepared in chunks, ahead of the training step where that pays."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, NamedTuple, Protocol, TypeVar

import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.couplings import pair
from flowmap_studio.core.devices import sent
from flowmap_studio.core.methods import METHODS
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.objectives.base import UNIFORMS, Batch
from flowmap_studio.core.randomness import Stream, generator
from flowmap_studio.core.targets import Target

CHUNK_STEPS = 16
"""Training steps per chunk. Part of the random streams: changing it changes every map."""

T = TypeVar("T")


class Chunk(NamedTuple):
    """The draws of `CHUNK_STEPS` steps, as in `Batch` with (steps · batch, columns) tensors."""

    size: int
    draws: Batch

    def batch(self, step: int) -> Batch:
        """The draws of step `step` of the chunk."""
        return self.draws.rows(slice(step * self.size, (step + 1) * self.size))


def _wanted() -> bool:
    return False


class PairSource(Protocol):
    """Where a training loop's draws come from, chunk by chunk."""

    @property
    def worth_preparing(self) -> bool:
        """Whether a helper thread gains anything: a chunk takes long to make."""

    def chunk(self, index: int, unwanted: Callable[[], bool] = _wanted) -> Chunk:
        """The draws of steps `index · CHUNK_STEPS` and following, on the training device.

        Raises:
            Unwanted: `unwanted` became true: a chunk of large OT problems takes seconds.
        """


class PairStream:
    """Chunk k of the training draws as a function of (config, k) alone.

    Args:
        config: The run's config.
        target: What is learned.
        normalisation: To unit spread.
        device: Where the training runs.
        source: Where the map starts; the standard normal when None.
    """

    def __init__(
        self,
        config: RunConfig,
        target: Target,
        normalisation: Normalisation,
        device: torch.device,
        source: Target | None = None,
    ) -> None:
        self._config = config
        self._target = target
        self._source = source
        self._device = device
        self._classes = len(target.classes) if config.labels == "on" else 0
        # OT is solved on the CPU, and MPS lacks the float64 that pictures are drawn with.
        on_cpu = self.worth_preparing or device.type == "mps"
        self._draw_device = torch.device("cpu") if on_cpu else device
        self._shift = torch.tensor(normalisation.shift, device=self._draw_device)
        self._scale = torch.tensor(normalisation.scale, device=self._draw_device)

    @property
    def worth_preparing(self) -> bool:
        """Whether a helper thread gains anything: the coupling is costly."""
        return self._config.coupling in ("ot", "sinkhorn")

    def chunk(self, index: int, unwanted: Callable[[], bool] = _wanted) -> Chunk:
        """The draws of steps `index · CHUNK_STEPS` and following, on the training device.

        Raises:
            Unwanted: `unwanted` became true: a chunk of large OT problems takes seconds.
        """
        config = self._config
        reuse = config.pair_reuse if self.worth_preparing else 1
        rows = CHUNK_STEPS * config.batch_size
        distinct = -(-rows // reuse)
        draw = generator(config.seed, Stream.PAIRS, index, self._draw_device)
        data, labels = self._target.sample_labelled(distinct, draw)
        x1 = self._normalised(data)
        x0 = self._start(distinct, x1.shape[1], draw)
        if self.worth_preparing:
            partner = pair(x0, x1, config, draw, labels if self._classes else None, unwanted)
            x1, labels = x1[partner], labels[partner]
        cond = self._hidden_at_random(labels, draw) if self._classes else None
        if reuse > 1:
            order = torch.cat([torch.randperm(distinct, generator=draw) for _ in range(reuse)])
            order = order[:rows]
            x0, x1 = x0[order], x1[order]
            cond = None if cond is None else cond[order]
        batch = Batch(
            sent(x0, self._device),
            sent(x1, self._device),
            sent(draw_uniforms(config, index), self._device),
            cond=None if cond is None else sent(cond, self._device),
            bridge=draw_bridges(config, index, x0.shape[1], self._device),
        )
        return Chunk(config.batch_size, batch)

    def _normalised(self, points: torch.Tensor) -> torch.Tensor:
        return (points - self._shift) / self._scale

    def _start(self, count: int, dim: int, draw: torch.Generator) -> torch.Tensor:
        if self._source is None:
            return torch.randn(count, dim, generator=draw, device=self._draw_device)
        return self._normalised(self._source.sample(count, draw))

    def _hidden_at_random(self, labels: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
        """(n, classes) one-hot labels; a share of the rows is zeros, the null class."""
        told = torch.rand(len(labels), 1, generator=draw, device=labels.device)
        known = (told >= self._config.label_dropout).float()
        return torch.nn.functional.one_hot(labels, self._classes).float() * known


def draw_uniforms(config: RunConfig, index: int) -> torch.Tensor:
    """(steps · batch, 3) numbers in [0, 1) of chunk `index`, on the CPU so that devices agree."""
    times = generator(config.seed, Stream.TIMES, index)
    return torch.rand(CHUNK_STEPS * config.batch_size, UNIFORMS, generator=times)


def draw_bridges(
    config: RunConfig, index: int, dim: int, device: torch.device
) -> torch.Tensor | None:
    """(steps · batch, dim) normal numbers of chunk `index`; None for methods without bridges."""
    if not METHODS[config.method].has_score:
        return None
    draw = generator(config.seed, Stream.BRIDGES, index)
    return sent(torch.randn(CHUNK_STEPS * config.batch_size, dim, generator=draw), device)


class Prefetcher(Generic[T]):
    """Calls `make(k)` for k = start, start + 1, … in a helper thread, a few ahead of its reader.

    Args:
        make: What to call; runs in the helper thread.
        start: First index.
        depth: Results kept ready.
    """

    def __init__(self, make: Callable[[int], T], start: int, depth: int = 3) -> None:
        self._make = make
        self._next = start
        self._depth = depth
        self._ready: deque[T] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="pair-prefetcher", daemon=True)
        self._thread.start()

    def get(self) -> T:
        """The next result in order; waits for it.

        Raises:
            BaseException: Whatever `make` raised in the helper thread.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._error)
            if not self._ready:
                assert self._error is not None  # noqa: S101 - what wait_for established
                raise self._error
            result = self._ready.popleft()
            self._changed.notify_all()
        return result

    def close(self) -> None:
        """Stop the helper thread and wait for it (one call of `make` at the most)."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join()
        self._error = None  # whose traceback holds all this, and the trainer, until it is collected

    def _work(self) -> None:
        # torch's thread count belongs to each thread: one here leaves the other core to training.
        torch.set_num_threads(1)
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._stopped or len(self._ready) < self._depth)
                    if self._stopped:
                        return
                result = self._make(self._next)
                self._next += 1
                with self._changed:
                    self._ready.append(result)
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 - handed to the reader, who raises it
            with self._changed:
                self._error = error
                self._changed.notify_all()
