"""The stream of training pairs: prepared in chunks, ahead of the training step where that pays."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.couplings import pair
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.objectives.base import UNIFORMS, Batch
from flowmap_studio.core.randomness import Stream, generator
from flowmap_studio.core.targets import Target

CHUNK_STEPS = 16
"""Training steps per chunk. Part of the random streams: changing it changes every map."""

T = TypeVar("T")


class Chunk(NamedTuple):
    """The draws of `CHUNK_STEPS` steps: tensors of shape (steps, batch, columns)."""

    x0: torch.Tensor
    x1: torch.Tensor
    uniforms: torch.Tensor

    def batch(self, step: int) -> Batch:
        """The draws of step `step` of the chunk."""
        return Batch(self.x0[step], self.x1[step], self.uniforms[step])


class PairStream:
    """Chunk k of the training draws as a function of (config, k) alone.

    Args:
        config: The run's config.
        target: What is learned.
        normalisation: To unit spread.
        device: Where the training runs.
    """

    def __init__(
        self, config: RunConfig, target: Target, normalisation: Normalisation, device: torch.device
    ) -> None:
        self._config = config
        self._target = target
        self._device = device
        # OT is solved on the CPU, and MPS lacks the float64 that pictures are drawn with.
        on_cpu = config.coupling != "independent" or device.type == "mps"
        self._draw_device = torch.device("cpu") if on_cpu else device
        self._shift = torch.tensor(normalisation.shift, device=self._draw_device)
        self._scale = torch.tensor(normalisation.scale, device=self._draw_device)

    @property
    def worth_preparing(self) -> bool:
        """Whether a helper thread gains anything: the coupling is costly."""
        return self._config.coupling != "independent"

    def chunk(self, index: int, unwanted: Callable[[], bool] = lambda: False) -> Chunk:
        """The draws of steps `index · CHUNK_STEPS` and following, on the training device.

        Raises:
            Unwanted: `unwanted` became true: a chunk of large OT problems takes seconds.
        """
        config = self._config
        reuse = config.pair_reuse if self.worth_preparing else 1
        rows = CHUNK_STEPS * config.batch_size
        distinct = -(-rows // reuse)
        draw = generator(config.seed, Stream.PAIRS, index, self._draw_device)
        x1 = (self._target.sample(distinct, draw) - self._shift) / self._scale
        x0 = torch.randn(distinct, x1.shape[1], generator=draw, device=self._draw_device)
        x0, x1 = pair(x0, x1, config.coupling, config.ot_batch, unwanted)
        if reuse > 1:
            order = torch.cat([torch.randperm(distinct, generator=draw) for _ in range(reuse)])
            x0, x1 = x0[order[:rows]], x1[order[:rows]]
        times = generator(config.seed, Stream.TIMES, index)
        uniforms = torch.rand(rows, UNIFORMS, generator=times)
        shaped = (
            part.to(self._device).view(CHUNK_STEPS, config.batch_size, -1)
            for part in (x0, x1, uniforms)
        )
        return Chunk(*shaped)


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
