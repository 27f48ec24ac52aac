"""How time and memory grow: with steps, batch, width and points. No Qt."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from flowmap_studio.core.bench.evaluating import timed
from flowmap_studio.core.bench.figures import Figure, milliseconds
from flowmap_studio.core.bench.loops import OurLoop
from flowmap_studio.core.bench.watch import Watch
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.pairs import CHUNK_STEPS
from flowmap_studio.core.run import Run
from flowmap_studio.core.targets import open_target

PART = "growing"
EARLY = 0.01
"""Share of the steps after which the memory is looked at first."""
MEMORY_GOAL = 1.05
BATCHES, WIDTHS = (64, 256, 1024, 4096), (64, 128, 256, 512)
POINTS = (1_000, 10_000, 100_000)
SMALL = RunConfig(
    device="cpu", hidden_dim=16, depth=1, position_features=0, batch_size=16, ot_batch=16
)
"""A run of many quick steps: what it keeps of them does not depend on the network."""


def growing_figures(
    base: RunConfig, loaded: LoadedMap, watch: Watch, repeats: int, steps: int
) -> Iterator[Figure]:
    """Measure what grows.

    Args:
        base: The settings of which batch and width are changed.
        loaded: A map to evaluate.
        watch: Who looks on.
        repeats: Groups of 16 steps, or evaluations, of each figure.
        steps: Of the run whose memory is looked at.

    Yields:
        A figure when it is finished.

    Raises:
        Stopped: The watch wants no more.
    """
    for batch in BATCHES:
        sized = base.replace(batch_size=batch, ot_batch=min(batch, base.ot_batch))
        yield _step_figure(f"training step, batch {batch:,}", sized, watch, repeats)
    for width in WIDTHS:
        sized = base.replace(hidden_dim=width)
        yield _step_figure(f"training step, width {width}", sized, watch, repeats)
    for count in POINTS:
        noise, name = loaded.noise(count, 0), f"one step of {count:,} points"

        def evaluate(noise: torch.Tensor = noise) -> object:
            return loaded.normalised(noise, [0.0, 1.0])

        yield milliseconds(PART, name, timed(evaluate, repeats, watch, name))
    yield memory_figure(watch, steps)


def _step_figure(name: str, config: RunConfig, watch: Watch, repeats: int) -> Figure:
    loop = OurLoop(config.replace(steps=10**8), open_target(config.target))
    try:
        loop.times(2 * CHUNK_STEPS)
        times = []
        for place in range(repeats):
            watch.at(name, place / repeats)
            times += loop.times(CHUNK_STEPS)
    finally:
        loop.close()
    return milliseconds(PART, name, times)


def memory_figure(watch: Watch, steps: int) -> Figure:
    """Resident memory after so many steps over that after a hundredth of them, losses kept.

    Args:
        watch: Who looks on.
        steps: Of a small run.

    Raises:
        Stopped: The watch wants no more.
    """
    name = f"memory after {steps:,} steps, against after {max(1, int(steps * EARLY)):,}"
    run = Run(SMALL.replace(steps=steps), open_target(SMALL.target))
    events, early, looked = run.run(), 0.0, time.monotonic()
    try:
        for progress in events:
            if not early and progress.step >= steps * EARLY:
                early = resident_bytes()
            if time.monotonic() - looked > 0.1:
                looked = time.monotonic()
                watch.at(name, progress.step / steps)
    finally:
        events.close()
    ratio = resident_bytes() / early
    return Figure(part=PART, name=name, unit="×", median=ratio, goal=MEMORY_GOAL, judged="median")


def resident_bytes() -> float:
    """Memory that the process holds now; on macOS its peak, on Windows NaN: they don't tell."""
    status = Path("/proc/self/statm")
    if status.exists():
        import resource

        return int(status.read_text().split()[1]) * resource.getpagesize()
    if sys.platform == "win32":
        return math.nan
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak)
