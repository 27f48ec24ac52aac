"""The one training loop, a generator of events; window and command line both consume it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator, Iterator

import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.density_head import check_dim
from flowmap_studio.core.devices import find_device
from flowmap_studio.core.errors import Unwanted
from flowmap_studio.core.flow_map import build_flow_map, load_weights
from flowmap_studio.core.memory import keep_freed_memory
from flowmap_studio.core.methods import term_states
from flowmap_studio.core.optimisers import adam_moments, restore_adam
from flowmap_studio.core.pairs import CHUNK_STEPS, Chunk, PairSource, PairStream, Prefetcher
from flowmap_studio.core.progress import Progress, read_losses
from flowmap_studio.core.recorded_step import RecordedStep, recorder_of
from flowmap_studio.core.sample_of_target import draw_sample
from flowmap_studio.core.snapshot import Snapshot, frozen
from flowmap_studio.core.targets import Target, image_shape
from flowmap_studio.core.training_state import StageState
from flowmap_studio.core.training_step import TrainingStep

REPORT_SECONDS = 1 / 30
"""Losses are read back from the device at most this often: each reading waits for it."""


class Trainer:
    """Owns the live model, its optimiser and its moving average. Use it from one thread.

    Args:
        config: The run.
        target: What to learn.
        start_from: A snapshot whose weights to begin with instead of fresh ones.
        resumed: With what to go on from there, instead of a new optimiser at step 0.
        pairs: Makes the source of the draws from the trainer's device and normalisation; the
            config's coupling of source and target when None.
        source: Where the map starts; the standard normal when None.
        eager: Asked after each step on the CPU, whether to tell of it at once.

    Raises:
        DeviceError: The config's device is not there.
        DataError: The target has no spread, or too many axes for a density head.
    """

    def __init__(
        self,
        config: RunConfig,
        target: Target,
        start_from: Snapshot | None = None,
        pairs: Callable[[torch.device], PairSource] | None = None,
        source: Target | None = None,
        resumed: StageState | None = None,
        eager: Callable[[], bool] = lambda: False,
    ) -> None:
        self.config = config
        self.device = find_device(config.device)
        self.step = 0
        self.seconds = 0.0
        self._interrupted = threading.Event()
        self._eager = eager
        self._target = target
        self.classes = target.classes if config.labels == "on" else ()
        if config.density_head == "on":
            check_dim(target.dim)
        drawn = draw_sample(config, target, source, labelled=bool(self.classes))
        self.normalisation, data, labels, sample = drawn
        self.data = frozen(data)  # as all are: shared by all snapshots of the run
        self._labels = None if labels is None else frozen(labels)
        self._source_sample = None if sample is None else frozen(sample)
        self.flow_map = build_flow_map(config, target.dim, len(self.classes), image_shape(target))
        if start_from is not None:
            load_weights(self.flow_map, start_from.weights)
        self.flow_map.to(self.device)
        identity = term_states(config.method, config.parametrisation)["identity"]
        # An identity that is 0 by construction is recorded as 0; an absent term as NaN.
        no_identity = 0.0 if identity == "zero" else math.nan
        recorder = recorder_of(self.device)
        self._plain = TrainingStep(
            self.flow_map, config, no_identity, told_on_device=recorder is not None
        )
        if resumed is not None:
            self._go_on_from(resumed)
        self._steps = self._plain if recorder is None else RecordedStep(self._plain, recorder)
        # Reading losses back waits for a device that is asked for steps ahead, and for no other.
        self._reads_chunks = recorder is None
        self._unread: list[torch.Tensor] = []
        self._read_at = self._counted_to = 0.0
        if pairs is None:
            self._stream: PairSource = PairStream(
                config, target, self.normalisation, self.device, source
            )
        else:
            self._stream = pairs(self.device)

    @property
    def recorded(self) -> bool:
        """Whether steps come from a recording by now: a CUDA graph."""
        return isinstance(self._steps, RecordedStep) and bool(self._steps.recorded)

    def interrupt(self) -> None:
        """Let `run` end soon, also while it prepares pairs; the only call for another thread."""
        self._interrupted.set()

    def run(self) -> Generator[Progress, None, None]:
        """Train to the end of the budget; close the generator to stop earlier.

        Yields:
            Progress about thirty times a second, and after the last step; after each step where
            that is asked for.

        Raises:
            TrainingDiverged: A loss or a weight became NaN or infinite.
        """
        self._take_threads()
        keep_freed_memory()
        prefetcher = None
        index = self.step // CHUNK_STEPS
        closed = threading.Event()
        self._read_at = self._counted_to = time.perf_counter()

        def prepared(k: int) -> Chunk:
            return self._stream.chunk(k, lambda: closed.is_set() or self._interrupted.is_set())

        if self._stream.worth_preparing:
            prefetcher = Prefetcher(prepared, index)
        try:
            while not (self.finished or self._interrupted.is_set()):
                chunk = prefetcher.get() if prefetcher else prepared(index)
                index += 1
                yield from self._run_chunk(chunk)
        except Unwanted:
            pass
        finally:
            closed.set()
            if prefetcher:
                prefetcher.close()
        if self._unread:
            yield self._report()

    def _take_threads(self) -> None:
        """Let torch, or the compiled library in its place, work in the config's threads."""
        threads = self.config.threads
        point = torch.zeros(1, self._target.dim, device=self.device)
        compiled = self.flow_map.compiled(point, in_training=True)
        # Those that torch has besides would spin on the cores that the library's work on.
        # Each thread has its own count: set only in the main thread, a worker crawls.
        torch.set_num_threads(1 if compiled else threads)
        self.flow_map.work_in(threads if compiled else None)

    @property
    def fraction(self) -> float:
        """Share of the budget used, in [0, 1]: of the seconds if they are limited, else steps."""
        config = self.config
        used = self.seconds / config.seconds if config.seconds else self.step / config.steps
        return min(1.0, used)

    @property
    def finished(self) -> bool:
        """Whether the budget is used up."""
        return self.fraction >= 1.0

    def snapshot(self) -> Snapshot:
        """The averaged weights now, cloned; call it from the training thread, between events."""
        weights = self._plain.average if self.config.ema_decay else self._plain.flat.vector.detach()
        flat = weights.to("cpu", copy=True).numpy()
        named, at = {}, 0
        for name, parameter in self.flow_map.network.named_parameters():
            named[name] = flat[at : at + parameter.numel()].reshape(tuple(parameter.shape))
            at += parameter.numel()
        for name, buffer in self.flow_map.network.named_buffers():
            named[name] = buffer.cpu().numpy()
        return Snapshot(
            self.config,
            self.step,
            named,
            self.normalisation,
            self.data,
            classes=self.classes,
            labels=self._labels,
            source=self._source_sample,
            image=image_shape(self._target),
        )

    def state(self) -> StageState:
        """What `resumed` takes besides a snapshot; to be called as `snapshot` is."""
        weights = self._plain.flat.vector
        first, second = adam_moments(self._plain.optimiser, weights)
        live = weights.detach().to("cpu", copy=True).numpy()
        return StageState(self.step, self.seconds, live, first, second)

    def _go_on_from(self, state: StageState) -> None:
        # The snapshot's weights, which are the moving average, are in the network by now.
        self.step, self.seconds = state.step, state.seconds
        vector = self._plain.flat.vector
        vector.data.copy_(torch.tensor(state.weights))
        restore_adam(self._plain.optimiser, vector, state.first, state.second, state.step)

    def _run_chunk(self, chunk: Chunk) -> Iterator[Progress]:
        if self._reads_chunks:  # else the device has been at work since
            self._counted_to = time.perf_counter()
        for row in range(self.step % CHUNK_STEPS, CHUNK_STEPS):
            self._unread.append(self._train_step(chunk, row))
            now = self._count()
            told = self._reads_chunks and (row == CHUNK_STEPS - 1 or self._eager())
            if self.finished or now - self._read_at >= REPORT_SECONDS or told:
                yield self._report()
                # The consumer's time (a pause, a snapshot) is not training time.
                self._counted_to = self._read_at = time.perf_counter()
            if self.finished:
                return

    def _count(self) -> float:
        """Count the time until now as training time; returns now."""
        now = time.perf_counter()
        self.seconds += now - self._counted_to
        self._counted_to = now
        return now

    def _train_step(self, chunk: Chunk, row: int) -> torch.Tensor:
        """One optimiser step; returns the (terms,) loss terms, still on the device."""
        # The average forgets its start faster at first, or it would lag for 1/(1 − decay) steps.
        decay = min(self.config.ema_decay, (2 + self.step) / (11 + self.step))
        self._plain.tell(self._learning_rate(), decay)
        losses = self._steps.take(chunk.batch(row))
        self.step += 1
        return losses

    def _learning_rate(self) -> float:
        config = self.config
        warm = min(1.0, (self.step + 1) / (config.warmup_steps + 1))
        decay = 1.0
        if config.schedule == "cosine":
            decay = 0.5 * (1 + math.cos(math.pi * self.fraction))
        return config.learning_rate * warm * decay

    def _report(self) -> Progress:
        rows = read_losses(self._unread, self._plain.flat.vector.detach(), self.step)
        self._unread = []
        self._count()  # the device was at work until then
        gradient = self._plain.gradient
        news, gradient.news = gradient.news, ""
        return Progress(self.step, rows, self.seconds, self.fraction, news)
