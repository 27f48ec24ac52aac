"""Flow matching, rectified flow and flow maps beside each other: the article's §7, measured.

All are judged from the same noise against the same held-out data, by the same clock.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Generator, Sequence
from pathlib import Path

import torch

from flowmap_studio.core.comparison_table import Entry, Row, Update
from flowmap_studio.core.costs import PeakMemory, counted
from flowmap_studio.core.devices import describe, usable_device
from flowmap_studio.core.errors import DataError, TrainingStopped, Unwanted
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.methods import METHODS
from flowmap_studio.core.metrics import SAMPLES, Referee
from flowmap_studio.core.run import Run
from flowmap_studio.core.samplers import even_times
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.solvers import sampling_name
from flowmap_studio.core.targets import judging_target, open_for

TIMED_POINTS = 4096
"""Points that are drawn at once for the times and the memory."""
TIMED_REPEATS, TIMED_SECONDS = 5, 1.0
"""Times are medians over so many draws, fewer where they last longer than that together."""
TRAINING_SHARE = 0.8
"""Of an entry's part of the progress bar."""
LEAST_POINTS = 2
FLOW_MATCHING = (("euler", 1), ("euler", 8), ("euler", 100), ("dopri5", 1))
FEW_STEPS = (("euler", 1), ("euler", 8))
JUMPS = (("euler", 1), ("euler", 2), ("euler", 4), ("euler", 8))


def ways(method: str) -> tuple[tuple[str, int], ...]:
    """Solvers and steps at which maps of a method are compared."""
    if METHODS[method].clock != "start":
        return JUMPS
    return FLOW_MATCHING if method == "flow-matching" else FEW_STEPS


class Comparison:
    """Trains what has to be trained and judges all, one after the other. Use it from one thread.

    Attributes:
        floor: Figures of data against data; empty before the first map is judged.
        device: Where the last map was sampled, in words.
        points: Samples that each row is judged by.
        seed: Of the held-out data and of the noise.

    Args:
        entries: At least one.
        points: Samples of each row; a finite target may give fewer.
        seed: Of the held-out data and of the noise.

    Raises:
        DataError: The entries differ in target or source, or the target can't be opened.
    """

    def __init__(self, entries: Sequence[Entry], points: int = SAMPLES, seed: int = 0) -> None:
        self._entries = entries
        self._count = points
        self.seed = seed
        self._run: Run | None = None
        self._interrupted = threading.Event()
        self._referee: Referee | None = None
        self.floor: dict[str, float] = {}
        self.points = 0
        self.device = ""
        _check_alike(entries)

    def interrupt(self) -> None:
        """Let `run` end soon; the only call for another thread."""
        self._interrupted.set()
        if self._run is not None:
            self._run.interrupt()

    def run(self) -> Generator[Update, None, None]:
        """Train and judge to the end; close the generator to stop earlier.

        Yields:
            Updates, some of them with a row.

        Raises:
            DataError: The target can't be learned, or has too few points to judge by.
        """
        share = 1 / len(self._entries)
        for place, entry in enumerate(self._entries):
            before = place * share
            try:
                snapshot = yield from self._trained(entry, before, share)
            except TrainingStopped as error:
                yield Update(f"{entry.name}: {error}", before + share, failed=True)
                continue
            if self._interrupted.is_set():
                return
            yield from self._judged(entry, snapshot, before, share)

    # --- inside -------------------------------------------------------------------------------

    def _trained(
        self, entry: Entry, before: float, share: float
    ) -> Generator[Update, None, Snapshot]:
        if entry.snapshot is not None:
            return entry.snapshot
        target, source = open_for(entry.config)
        run = self._run = Run(entry.config, target, source)
        if self._interrupted.is_set():
            run.interrupt()
        steps = run.run()
        try:
            for progress in steps:
                text = f"Training {entry.name}: step {progress.step:,}"
                yield Update(text, before + TRAINING_SHARE * share * progress.fraction)
        finally:
            steps.close()
        return run.snapshot()

    def _judged(
        self, entry: Entry, snapshot: Snapshot, before: float, share: float
    ) -> Generator[Update, None, None]:
        name = entry.name
        torch.set_num_threads(entry.config.threads)
        loaded = LoadedMap(snapshot, usable_device(snapshot.config.device))
        loaded.give_up_when(self._interrupted.is_set)
        self.device = describe(loaded.device)
        chosen = ways(snapshot.config.method)
        start = 0.0 if entry.snapshot else TRAINING_SHARE
        for place, (solver, steps) in enumerate(chosen):
            if self._interrupted.is_set():
                return
            velocity = METHODS[snapshot.config.method].clock == "start"
            sampling = sampling_name(velocity, solver, steps)
            done = start + (1 - start) * place / len(chosen)
            yield Update(f"Measuring {name}: {sampling}", before + share * done)
            try:
                row = self._row(name, loaded, solver, steps, sampling)
            except Unwanted:
                return
            done = start + (1 - start) * (place + 1) / len(chosen)
            yield Update(f"Measured {name}: {sampling}", before + share * done, row)

    def _row(self, name: str, loaded: LoadedMap, solver: str, steps: int, sampling: str) -> Row:
        referee = self._referee_for(loaded.snapshot)
        own, common = loaded.snapshot.normalisation, referee.normalisation
        with counted(loaded.flow_map) as evaluations:
            cloud = referee.samples(loaded, steps, solver)
        if own != common:  # judged in units of the first map, not in each one's own
            cloud = torch.from_numpy(common.apply(own.undo(cloud.numpy())))
        seconds, peak = _costs(loaded, even_times(0.0, 1.0, steps), solver, self.seed)
        return Row(
            name=name,
            snapshot=loaded.snapshot,
            solver=solver,
            steps=steps,
            sampling=sampling,
            evaluations=evaluations.per_point(len(cloud)),
            figures=referee.compare(cloud),
            seconds_per_sample=seconds / TIMED_POINTS,
            parameters=sum(p.numel() for p in loaded.flow_map.parameters()),
            peak_bytes=peak,
        )

    def _referee_for(self, snapshot: Snapshot) -> Referee:
        if self._referee is None:
            target, _ = judging_target(snapshot)
            self._referee = Referee(target, snapshot.normalisation, self._count, self.seed)
            self.points = len(self._referee.data)
            if self.points < LEAST_POINTS:
                raise DataError(
                    f"{target.name} holds too few points to judge by; at least 4 are needed."
                )
            self.floor = self._referee.floors()
        return self._referee


def _costs(loaded: LoadedMap, times: list[float], solver: str, seed: int) -> tuple[float, int]:
    """Seconds (median) and peak bytes of drawing `TIMED_POINTS` samples at once."""
    noise = loaded.noise(TIMED_POINTS, seed)
    guide = loaded.guide(TIMED_POINTS, seed)
    with PeakMemory() as memory:
        loaded.normalised(noise, times, guide, solver)
    seconds: list[float] = []
    while len(seconds) < TIMED_REPEATS and sum(seconds) < TIMED_SECONDS:
        began = time.perf_counter()
        loaded.normalised(noise, times, guide, solver)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), memory.peak


def _check_alike(entries: Sequence[Entry]) -> None:
    if not entries:
        raise DataError("There is nothing to compare; give maps, or methods to train.")
    first = entries[0]
    for entry in entries[1:]:
        for field in ("target", "source"):
            one, other = (Path(getattr(e.config, field)).name for e in (first, entry))
            if one != other:
                raise DataError(
                    f"Only maps of one {field} can be compared: {first.name} has {one}, "
                    f"{entry.name} has {other}."
                )
