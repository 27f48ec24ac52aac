"""What a training run loses to those who look on: snapshots, and clouds evaluated from them."""

from __future__ import annotations

import itertools
import statistics
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

import torch

from flowmap_studio.core.bench.evaluating import JUMPS, POINTS
from flowmap_studio.core.bench.figures import Figure
from flowmap_studio.core.bench.watch import Watch
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.devices import describe
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.progress import Progress
from flowmap_studio.core.run import Run
from flowmap_studio.core.samplers import even_times
from flowmap_studio.core.targets import open_target

PART = "sharing"
TURNS = 3
# As the window has it while the time plays beside a run:
SNAPSHOT_SECONDS = 0.2
"""From one snapshot to the next."""
COMPOSED = 256
"""Composed points of a frame."""
FRAME_SECONDS, FRAME_SHARE = 0.05, 0.2
"""From one frame to the next, at least, and the share of the time that frames take, at most."""


def sharing_figures(base: RunConfig, watch: Watch, seconds: float) -> Iterator[Figure]:
    """Train alone and looked at, in turn.

    Args:
        base: The run.
        watch: Who looks on.
        seconds: Of each of three turns of both.

    Yields:
        The one figure.

    Raises:
        Stopped: The watch wants no more.
        DeviceError: The device is not there.
    """
    run = Run(base.replace(steps=10**8), open_target(base.target))
    threads = torch.get_num_threads()
    torch.set_num_threads(base.threads)
    onlooker, events = _Onlooker(run), run.run()
    alone, shared = [], []
    try:
        next(events)
        for _ in range(TURNS):
            alone.append(_rate(run, events, watch, seconds, lambda: None))
            with onlooker.looking():
                shared.append(_rate(run, events, watch, seconds, onlooker.refresh))
    finally:
        events.close()
        torch.set_num_threads(threads)
    rate = statistics.median(alone)
    yield Figure(
        part=PART,
        name=f"training rate beside snapshots and {onlooker.rate:.2g} frames/s, of {rate:,.0f} "
        f"steps/s ({describe(run.device)})",
        unit="×",
        median=statistics.median(shared) / rate,
        goal=0.95 if run.device.type == "cuda" else None,
        judged="median",
        more=True,
    )


class _Onlooker:
    """Takes snapshots of a run and evaluates frames from the newest one, in another thread."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._newest = run.snapshot()
        self._shown_at = 0.0
        self._frames, self._seconds = 0, 0.0
        self._error: BaseException | None = None

    @property
    def rate(self) -> float:
        """Frames a second while it was looking."""
        return self._frames / self._seconds if self._seconds else 0.0

    def refresh(self) -> None:
        """Take a snapshot if one is due; called in the thread that trains, between its events."""
        now = time.perf_counter()
        if now - self._shown_at >= SNAPSHOT_SECONDS:
            self._newest, self._shown_at = self._run.snapshot(), now

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Frames are evaluated within it."""
        ended = threading.Event()
        thread = threading.Thread(target=self._look, args=(ended,), name="onlooker", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
        if self._error is not None:
            raise self._error

    def _look(self, ended: threading.Event) -> None:
        try:
            self._evaluate(ended)
        except BaseException as error:  # noqa: BLE001 - raised by who waits for the thread
            self._error = error

    def _evaluate(self, ended: threading.Event) -> None:
        torch.set_num_threads(1)
        entered, loaded = time.perf_counter(), None
        times = itertools.cycle(even_times(0.0, 1.0, 60)[1:])
        while not ended.is_set():
            began = time.perf_counter()
            if loaded is None or loaded.snapshot is not self._newest:
                loaded = LoadedMap(self._newest, self._run.device)
                noise = loaded.noise(POINTS, 0)
            t = next(times)
            loaded.normalised(noise, [0.0, t])
            loaded.normalised(noise[:COMPOSED], even_times(0.0, t, JUMPS))
            self._frames += 1
            spent = time.perf_counter() - began
            ended.wait(max(FRAME_SECONDS, spent / FRAME_SHARE) - spent)
        self._seconds += time.perf_counter() - entered


def _rate(
    run: Run,
    events: Generator[Progress, None, None],
    watch: Watch,
    seconds: float,
    between: Callable[[], None],
) -> float:
    """Steps a second for so long."""
    before, began = run.step, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        watch.at("training beside snapshots and frames", spent / seconds)
        next(events)
        between()
    return (run.step - before) / (time.perf_counter() - began)
