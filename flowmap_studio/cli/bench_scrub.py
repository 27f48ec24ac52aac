"""What `bench scrub` measures of the window. Needs Qt; imported when it is measured."""

from __future__ import annotations

import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, QTimer

from flowmap_studio.cli.bench_window import Studio, application
from flowmap_studio.core.bench.evaluating import FEWER, JUMPS, POINTS, flops_per_row, matrix_rate
from flowmap_studio.core.bench.figures import Figure, milliseconds
from flowmap_studio.core.bench.watch import Watch
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.run import Run
from flowmap_studio.core.targets import open_target
from flowmap_studio.runtime.evaluation import WARM_UP, import_ahead
from flowmap_studio.runtime.frames import Frame
from flowmap_studio.runtime.session import State
from flowmap_studio.views.time_bar import TICKS

PART = "scrubbing"
CLOUDS = "{:,} one-step + {:,} composed of {}"
MANY = {100_000: 16.0, 1_000_000: 50.0}
"""Points of large clouds and the milliseconds that they may take."""
DIFFERENT = 8
"""Large clouds that are drawn in turn."""
DRAG_TICK_MS = 16
DRAG_STEP = 7
"""Slider positions from one tick of a drag to the next."""
HOMES = ("PYTHONPYCACHEPREFIX", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")
"""Variables that say where a new process keeps bytecode, settings, presets and caches."""
SETTLED = 1.0
"""Seconds until the window has shown and measured what there is."""
THREADS = 2
"""That a frame is evaluated in while nothing trains."""
TURNS = 4
"""Of a run alone and one beside a playing window."""
WARM = 5
"""Moves of the slider that are not counted."""


def window_figures(
    preset: Path, base: RunConfig, watch: Watch, repeats: int, seconds: float
) -> Iterator[Figure]:
    """Measure what a hand on the slider waits for, and what the window costs the training.

    Args:
        preset: What is on stage.
        base: The settings of what is trained meanwhile.
        watch: Who looks on.
        repeats: Moves of the slider.
        seconds: Of the drag while training, and of each training whose rate is measured.

    Yields:
        A figure when it is finished.

    Raises:
        Stopped: The watch wants no more.
    """
    app = application()
    for name in WARM_UP:
        import_ahead(name)
    studio = Studio(preset)
    try:
        studio.until(lambda: studio.session.frame is not None and studio.painted_at > 0)
        yield from _moves(studio, watch, repeats)
        yield from _large_clouds(studio, watch, repeats)
        yield from _while_training(studio, base, watch, seconds)
    finally:
        studio.close()
        app.processEvents()


def _moves(studio: Studio, watch: Watch, repeats: int) -> Iterator[Figure]:
    import torch

    session = studio.session
    loaded = LoadedMap(session.snapshot)
    # The evaluator left one to torch for all threads; its own frames have two.
    torch.set_num_threads(THREADS)
    work, rate = flops_per_row(loaded), matrix_rate(loaded)
    torch.set_num_threads(1)
    session.looks_up = False
    limit = work * POINTS * (1 + JUMPS) / rate
    for session.rounds, how in ((True, "full"), (False, "full and exact at once")):
        name = f"moved to painted, uncached, {how}: " + CLOUDS.format(POINTS, POINTS, JUMPS)
        yield milliseconds(PART, name, _moved(studio, watch, name, repeats), goal=60, limit=limit)
    session.rounds = True
    name = "moved to painted, uncached, while dragging: " + CLOUDS.format(POINTS, FEWER, JUMPS)
    limit = work * (POINTS + JUMPS * FEWER) / rate
    with studio.dragging():
        yield milliseconds(PART, name, _moved(studio, watch, name, repeats), goal=25, limit=limit)
    session.looks_up = True
    session.set_time(0.25)
    studio.until(lambda: session.looked_up(session.frame.request))
    name = "moved to painted, cached: " + CLOUDS.format(POINTS, POINTS, JUMPS)
    with studio.dragging():
        yield milliseconds(PART, name, _moved(studio, watch, name, repeats), goal=8)


def _moved(studio: Studio, watch: Watch, name: str, repeats: int) -> list[float]:
    draw = random.Random(0)  # noqa: S311 - where a hand goes
    place, times = studio.window.time_bar.time_slider.value(), []
    for number in range(repeats + WARM):
        watch.at(name, number / (repeats + WARM))
        place = (place + draw.randrange(1, TICKS)) % TICKS  # never the same again
        times.append(studio.move_to(place))
    return times[WARM:]


def _large_clouds(studio: Studio, watch: Watch, repeats: int) -> Iterator[Figure]:
    snapshot = studio.session.snapshot
    draw = np.random.default_rng(0)
    for count, goal in MANY.items():
        start = snapshot.normalisation.undo(draw.normal(size=(count, 2)).astype(np.float32))
        end = snapshot.data[draw.integers(len(snapshot.data), size=count), :2]
        clouds = [start + t * (end - start) for t in np.linspace(0, 1, DIFFERENT, dtype=np.float32)]
        name, times = f"{count:,} points cached, drawn", []
        for number in range(repeats + WARM):
            watch.at(name, number / (repeats + WARM))
            times.append(studio.repaint({"one_step": clouds[number % DIFFERENT]}))
        yield milliseconds(PART, name, times[WARM:], goal=goal)


def _while_training(
    studio: Studio, base: RunConfig, watch: Watch, seconds: float
) -> Iterator[Figure]:
    config = base.replace(steps=10**8)
    studio.session.looks_up = False  # clouds for all times would be made beside what is timed
    studio.session.set_config(config)
    with _training(studio):
        yield from _drag(studio, watch, seconds)
    yield _playing(studio, config, watch, seconds)


@contextmanager
def _training(studio: Studio) -> Iterator[None]:
    """A new run goes on within it, from its first losses."""
    session = studio.session
    before = session.losses
    session.start()
    studio.until(lambda: session.losses is not before and len(session.losses) > 0)
    try:
        yield
    finally:
        session.stop()
        studio.until(lambda: session.state is State.IDLE)


def _playing(studio: Studio, config: RunConfig, watch: Watch, seconds: float) -> Figure:
    """What a playing window leaves a run, in turns: the pace of a machine changes meanwhile."""
    bar, alone, beside = studio.window.time_bar, [], []
    for _ in range(TURNS):
        studio.rest(SETTLED)
        alone.append(_headless_rate(config, watch, seconds / TURNS))
        with _training(studio):
            bar.play()
            beside.append(_window_rate(studio, watch, seconds / TURNS))
            bar.pause()
    rate = statistics.mean(alone)
    return Figure(
        part=PART,
        name=f"training rate, window open and playing, of {rate:,.0f} steps/s",
        unit="×",
        median=statistics.mean(beside) / rate,
        goal=0.85,
        judged="median",
        more=True,
    )


def _drag(studio: Studio, watch: Watch, seconds: float) -> Iterator[Figure]:
    """Move the slider to and fro all the time; when was each shown frame asked for?"""
    name = f"moved to painted while training, {seconds:g} s of dragging"
    slider, asked, latencies, paints = studio.window.time_bar.time_slider, {}, [], []
    places = itertools.cycle([*range(0, TICKS, DRAG_STEP), *range(TICKS, 0, -DRAG_STEP)])

    def move() -> None:
        place = next(places)
        asked[place / TICKS] = time.perf_counter()
        slider.setValue(place)

    def painted(frame: Frame | None) -> None:
        if frame is not None and frame.request.t in asked:
            latencies.append(studio.painted_at - asked[frame.request.t])
            paints.append(studio.painted_at)

    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(move)
    studio.on_painted = painted
    with studio.dragging():
        timer.start(DRAG_TICK_MS)
        _live(studio, watch, name, seconds)
        timer.stop()
    studio.on_painted = lambda _frame: None
    yield milliseconds(PART, name, latencies, goal=50)
    gaps = np.diff(paints)
    yield milliseconds(PART, "from one frame to the next meanwhile", gaps, goal=120, judged="worst")


def _live(studio: Studio, watch: Watch, name: str, seconds: float) -> None:
    began = time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        watch.at(name, spent / seconds)
        studio.rest(min(0.5, seconds))


def _window_rate(studio: Studio, watch: Watch, seconds: float) -> float:
    before, began = len(studio.session.losses), time.perf_counter()
    _live(studio, watch, "training rate, window open and playing", seconds)
    return (len(studio.session.losses) - before) / (time.perf_counter() - began)


def _headless_rate(config: RunConfig, watch: Watch, seconds: float) -> float:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(config.threads)
    run = Run(config, open_target(config.target))
    events = run.run()
    try:
        next(events)
        before, began = run.step, time.perf_counter()
        while (spent := time.perf_counter() - began) < seconds:
            watch.at("training rate without a window", spent / seconds)
            next(events)
        return (run.step - before) / (time.perf_counter() - began)
    finally:
        events.close()
        torch.set_num_threads(threads)


def start_figures(preset: Path, watch: Watch, repeats: int) -> Iterator[Figure]:
    """Time new processes: import torch alone, and a window until it is painted and scrubbable."""
    torch_alone, painted, scrubbable = [], [], []
    code = (
        "from flowmap_studio.cli.window import load_window; load_window(); "
        "from flowmap_studio.cli.bench_window import tell_start; tell_start({!r})"
    )
    with tempfile.TemporaryDirectory() as home:
        for number in range(repeats + 1):
            watch.at("starting", number / (repeats + 1))
            torch_alone.append(_ran("import torch", home)[0])
            _, began, said = _ran(code.format(str(preset)), home)
            first, second = json.loads(said.splitlines()[-1])
            painted.append(first - began)
            scrubbable.append(second - began)
    alone = statistics.median(torch_alone[1:])  # the first compiles, and fills the file cache
    yield milliseconds("starting", "import torch", torch_alone[1:])
    for name, times, goal in (
        ("window painted, of import torch", painted[1:], 0.5),
        ("window with preset scrubbable, of import torch", scrubbable[1:], 1.5),
    ):
        ratio = statistics.median(times) / alone
        yield Figure(part="starting", name=name, unit="×", median=ratio, goal=goal, judged="median")


def _ran(code: str, home: str) -> tuple[float, float, str]:
    """Seconds that a new Python took, when it began (`time.time`), and what it printed.

    Args:
        code: What it runs.
        home: A folder for its bytecode, so that all packages are compiled once, whoever installed
            them and whatever this process may write beside them, and for the studio's own files:
            how long a start takes must not depend on what a user keeps.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    kept |= dict.fromkeys(HOMES, home)
    began = time.time()
    done = subprocess.run(  # noqa: S603 - this very Python
        [sys.executable, "-c", code],
        env=kept,
        capture_output=True,
        text=True,
        check=True,
    )
    return time.time() - began, began, done.stdout
