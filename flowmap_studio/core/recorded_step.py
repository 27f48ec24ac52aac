"""Training steps on a GPU that are recorded once and asked for by one call each: a CUDA graph.

A step of a small network is some hundred kernels of a few microseconds; asking for them one by one
takes Python ten times as long. A recorded step takes its draws, learning rate and the average's
decay from the same places of memory each time, and all that it computes stays in its own.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple, Protocol

import torch

from flowmap_studio.core.objectives import Batch
from flowmap_studio.core.training_step import TrainingStep

WARM_UP = 3
"""Steps before the recording: libraries are loaded and the optimiser's memory is made in them."""
LIKE = 0.02
"""How far a recorded step may be from a plain one, as a share of what the step changes."""
ROUNDING = 1e-6
"""Likewise, as a share of what it is: of what a step hardly changes."""
STEPS_AHEAD = 16
"""At most twice so many steps are asked for before they are done, or a stop would come late."""


class Recorder(Protocol):
    """Records what a device does."""

    def aside(self, work: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Do some work as it will be recorded."""

    def record(self, work: Callable[[], torch.Tensor]) -> tuple[Callable[[], object], torch.Tensor]:
        """What does the work again, and where its result will be; the work may be done by it.

        Raises:
            RuntimeError: It can't be recorded.
        """

    def pace(self) -> None:
        """Wait where too much was asked for that is not done yet; called after each step."""


class Recording(NamedTuple):
    """A step that was recorded.

    Attributes:
        replay: Does it again.
        draws: Where it takes its draws from.
        losses: (terms,) where its loss terms are afterwards.
    """

    replay: Callable[[], object]
    draws: Batch
    losses: torch.Tensor


class RecordedStep:
    """Takes the steps of a `TrainingStep`: the first ones plainly, then from a recording of one.

    The recording is used only where it does what a plain step does. Where it does not, or can't be
    made, all steps are plain ones.

    Attributes:
        recorded: Whether steps come from a recording; None before that was tried.

    Args:
        plain: Takes the steps that are recorded; told on the device what they are to be like.
        recorder: Of its device.
    """

    def __init__(self, plain: TrainingStep, recorder: Recorder) -> None:
        self.recorded: bool | None = None
        self._plain = plain
        self._recorder = recorder
        self._warm_up = WARM_UP
        self._recording: Recording | None = None

    def take(self, batch: Batch) -> torch.Tensor:
        """One step, as `TrainingStep.take`; all batches must have the shapes of the first one."""
        if self._recording is not None:
            return self._again(self._recording, batch)
        if self.recorded is False:
            return self._plain.take(batch)
        if self._warm_up:
            self._warm_up -= 1
            return self._recorder.aside(lambda: self._plain.take(batch))
        return self._tried(batch)

    def _tried(self, batch: Batch) -> torch.Tensor:
        """A plain step, and a recording of one that is kept if it does the same."""
        self.recorded = False
        before = self._remembered()
        losses = self._plain.take(batch)
        plain = self._remembered()
        if before is None or plain is None:
            return losses
        try:
            with self._plain.gradient.uncut():
                recording, found = self._replayed(batch, before)
            began = [*before, torch.zeros_like(losses)]
            if all(map(_alike, began, found, [*plain, losses])):
                self._recording, self.recorded = recording, True
        except Exception:  # noqa: BLE001, S110 - whatever it is, plain steps go on
            pass
        self._put_back(plain)
        return losses

    def _remembered(self) -> list[torch.Tensor] | None:
        """A copy of all that a step changes; None where the device's memory lacks room for it."""
        try:
            return _copies(self._plain.memory())
        except RuntimeError:
            return None

    def _replayed(
        self, batch: Batch, before: list[torch.Tensor]
    ) -> tuple[Recording, list[torch.Tensor]]:
        """A recorded step, what it makes of the memory as it was before, and its losses."""
        # Not of these draws: what a recording took from anywhere else would be noticed.
        draws = batch.each(torch.zeros_like)
        self._put_back(before)
        replay, losses = self._recorder.record(lambda: self._plain.take(draws))
        recording = Recording(replay, draws, losses)
        self._put_back(before)
        found = self._again(recording, batch)
        return recording, [*_copies(self._plain.memory()), found]

    def _again(self, recording: Recording, batch: Batch) -> torch.Tensor:
        for place, drawn in zip(recording.draws.tensors(), batch.tensors(), strict=True):
            place.copy_(drawn)
        recording.replay()
        self._recorder.pace()
        return recording.losses.clone()

    def _put_back(self, before: list[torch.Tensor]) -> None:
        for place, kept in zip(self._plain.memory(), before, strict=True):
            place.copy_(kept)


class CudaRecorder:
    """Records in a CUDA graph, on a stream of its own. Args: device: Which."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._asked = 0
        self._mark: torch.cuda.Event | None = None

    def aside(self, work: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Do some work on that stream, between what the current one does before and after."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            found = work()
        current.wait_stream(self._stream)
        return found

    def record(self, work: Callable[[], torch.Tensor]) -> tuple[Callable[[], object], torch.Tensor]:
        """What launches the graph, and where its result will be. The work is not done by it.

        Raises:
            RuntimeError: It waits for the device, or needs more memory than there is.
        """
        if _failed.is_set():
            raise RuntimeError("a recording failed before in this process")
        graph, pool = torch.cuda.CUDAGraph(), torch.cuda.graph_pool_handle()
        torch.cuda.synchronize(self._device)
        try:
            with torch.cuda.stream(self._stream), _no_garbage_collected():
                # Frames may be evaluated in another thread meanwhile.
                graph.capture_begin(pool, capture_error_mode="thread_local")
                try:
                    found = work()
                finally:
                    graph.capture_end()
        except BaseException:
            _failed.set()
            _give_up_pool(self._device, pool)
            raise
        return graph.replay, found

    def pace(self) -> None:
        """Wait for the steps before the last 16, once in 16 steps, and leave the core to others."""
        self._asked += 1
        if self._asked % STEPS_AHEAD:
            return
        if self._mark is not None:
            self._mark.synchronize()
        self._mark = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        self._mark.record()


_failed = threading.Event()
"""Set once a recording failed: what torch's allocator then makes of another one is uncertain."""


def _give_up_pool(device: torch.device, pool: tuple[int, int]) -> None:
    """Let the allocator know that nothing is recorded any more: up to torch 2.11 it isn't told."""
    index = torch.cuda.current_device() if device.index is None else device.index
    with suppress(AttributeError, RuntimeError, TypeError):
        torch._C._cuda_endAllocateToPool(index, pool)  # noqa: SLF001 - it has no public name
        torch._C._cuda_releasePool(index, pool)  # noqa: SLF001


@contextmanager
def _no_garbage_collected() -> Iterator[None]:
    """Within it no former recording is collected, which would spoil the one that is made."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def recorder_of(device: torch.device) -> Recorder | None:
    """What records on a device; None where nothing is gained by it."""
    return CudaRecorder(device) if device.type == "cuda" else None


def _copies(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    return [tensor.clone() for tensor in tensors]


def _alike(before: torch.Tensor, recorded: torch.Tensor, plain: torch.Tensor) -> bool:
    """Whether a recorded step has changed a tensor as a plain one did; NaN is like NaN alone."""
    if not torch.equal(recorded.isnan(), plain.isnan()):
        return False
    before, recorded, plain = (each.nan_to_num().double() for each in (before, recorded, plain))
    apart, changed = (recorded - plain).norm(), (plain - before).norm()
    return bool(apart <= LIKE * changed + ROUNDING * plain.norm())
