"""Soak: a default run that trains and is saved while its scrubber plays; memory must stay flat."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEventLoop, QTimer

from flowmap_studio.core.config import RunConfig
from flowmap_studio.runtime.session import State
from flowmap_studio.tools.stress.finding import Broken, Finding
from flowmap_studio.tools.stress.process import (
    MEBIBYTE,
    handles,
    objects,
    own_home,
    python_threads,
    resident_bytes,
)
from flowmap_studio.tools.stress.studio import (
    ENDLESS,
    application,
    close_window,
    forget_windows,
    open_window,
    watched,
)

STEEPEST = 1.0
"""MiB per minute that memory may grow by."""
WARM_UP = 0.3
"""Share of the time in which histories fill and caches warm up; not judged."""
SAMPLES = 180
OBJECT_SHARE = 0.02
"""Growth of the number of objects that is noise: what events are under way differs."""
SPARE_HANDLES = 4
"""Descriptors that an autosave in progress holds."""


@dataclass(frozen=True)
class Sample:
    """What the process used at one moment: minutes since the start, bytes and counts."""

    minutes: float
    memory: int
    objects: int
    handles: int
    threads: int


def slope(samples: list[Sample]) -> float:
    """Growth of memory in MiB per minute, by least squares."""
    minutes = np.array([one.minutes for one in samples])
    memory = np.array([one.memory / MEBIBYTE for one in samples])
    return float(np.polyfit(minutes, memory, 1)[0])


def soak(minutes: float) -> Finding:
    """Train and play for some minutes.

    Args:
        minutes: How long.
    """
    began = time.perf_counter()
    broken = Broken()
    samples: list[Sample] = []
    application()
    loop = QEventLoop()
    with own_home(), watched(broken):
        window = open_window(broken)
        window.edit_config(RunConfig(steps=ENDLESS, threads=1, device="cpu"))
        window.session.start()
        window.actions_by_name["playAction"].trigger()

        def look() -> None:
            passed = (time.perf_counter() - began) / 60
            if passed >= minutes:
                loop.quit()
            counts = objects(), handles(), len(python_threads())
            samples.append(Sample(passed, resident_bytes(), *counts))
            broken.unless(window.session.state is State.RUNNING, "the run ended by itself")
            broken.unless(window.time_bar.is_playing(), "the scrubber stopped by itself")

        timer = QTimer()
        timer.timeout.connect(look)
        timer.start(round(60_000 * minutes / SAMPLES))
        loop.exec()
        timer.stop()
        steps = len(window.session.losses)
        seconds, _ = close_window(window)
        forget_windows()
    broken.unless(np.isfinite(seconds), "a thread did not end")
    figures = {"training steps": steps} | _judged(samples, broken)
    took = time.perf_counter() - began
    return Finding("soak", f"{minutes:g} min", figures, broken.told(), took)


def _judged(samples: list[Sample], broken: Broken) -> dict[str, float | int | str]:
    late = samples[round(WARM_UP * len(samples)) :]
    quarter = max(1, len(late) // 4)
    first, last = late[:quarter], late[-quarter:]
    steep = slope(late) if len(late) > 1 else 0.0
    early, now = (float(np.median([s.objects for s in part])) for part in (first, last))
    growth = (now - early) / early
    more = min(s.handles for s in last) - max(s.handles for s in first)
    threads = min(s.threads for s in last) - max(s.threads for s in first)
    broken.unless(steep <= STEEPEST, f"memory grew by {steep:.2f} MiB a minute")
    broken.unless(growth <= OBJECT_SHARE, f"objects grew by {growth:.1%}")
    broken.unless(more <= SPARE_HANDLES, f"{more} more handles")
    broken.unless(threads <= 0, f"{threads} more threads")
    return {
        "MiB per minute after warm-up": round(steep, 3),
        "MiB at the end": round(samples[-1].memory / MEBIBYTE),
        "growth of objects": f"{growth:+.2%}",
        "more handles": max(0, more),
        "more threads": max(0, threads),
    }
