"""Start, pause, resume, stop, reset, restart and close in any order at random times."""

from __future__ import annotations

import random
import time
from typing import Any

import numpy as np

from flowmap_studio.runtime.session import Session, State
from flowmap_studio.runtime.workers import Worker, join
from flowmap_studio.tools.stress.finding import Broken, Finding
from flowmap_studio.tools.stress.process import own_home, python_threads
from flowmap_studio.tools.stress.studio import (
    LATE_SECONDS,
    application,
    forget_windows,
    small_config,
    turn,
    watched,
)
from flowmap_studio.views.settings import recovery_folder

LONGEST_JOIN = 2.0
"""Seconds within which all threads must have ended once a session is shut down."""
LONGEST_PAUSE = 0.06
"""Seconds between two orders, at most."""
ORDERS = ("start", "pause", "resume", "toggle", "stop", "reset", "restart", "scrub")
METHODS = ("semigroup", "article", "flow-matching", "trajectory")


def _order(session: Session, name: str, draw: random.Random) -> None:
    if name == "restart":
        session.restart_with(small_config(seed=draw.randrange(100), method=draw.choice(METHODS)))
    elif name == "scrub":
        session.set_time(draw.random())
    else:
        getattr(session, name)()


def _cycle(draw: random.Random, broken: Broken) -> float:
    """One session from its begin to its end; seconds until its threads had ended."""
    session = Session(recovery=recovery_folder())

    def failed(sentence: str, details: str) -> None:
        broken.add(f"a run failed: {sentence} {details[-200:]}")

    session.failed.connect(failed)
    session.begin()
    session.set_config(small_config(method=draw.choice(METHODS)))
    orders = [draw.choice(ORDERS) for _ in range(draw.randint(0, 8))]
    for name in ("start", *orders):
        _order(session, name, draw)
        turn(LONGEST_PAUSE * draw.random() * draw.randrange(2))
    broken.unless(session.state in State, "no state")
    began = time.perf_counter()
    session.shutdown()
    ended = join(Worker.running(), LATE_SECONDS)
    seconds = time.perf_counter() - began if ended else float("inf")
    session.deleteLater()
    return seconds


def cycles(count: int, seed: int = 0) -> Finding:
    """Run through so many sessions.

    Args:
        count: Number of them.
        seed: Of orders and times.
    """
    began = time.perf_counter()
    broken, draw = Broken(), random.Random(seed)  # noqa: S311 - nothing secret
    application()
    joined: list[float] = []
    with own_home(), watched(broken):
        _cycle(draw, broken)  # imports what training needs, which no order can hurry
        forget_windows()
        before = python_threads()
        for _ in range(count):
            joined.append(_cycle(draw, broken))
            broken.unless(joined[-1] < LONGEST_JOIN, "a thread took 2 s or longer to end")
        forget_windows()
        broken.unless(python_threads() <= before, "a thread was left")
        left = list(recovery_folder().glob("*"))
        broken.unless(not left, f"{len(left)} files were left of runs that were closed")
    figures = _times(joined)
    took = time.perf_counter() - began
    return Finding("cycles", f"{count:,} cycles", figures, broken.told(), took)


def _times(joined: list[float]) -> dict[str, Any]:
    return {
        "ms to join, median": round(1000 * float(np.median(joined)), 1),
        "ms to join, p99": round(1000 * float(np.percentile(joined, 99)), 1),
        "ms to join, longest": round(1000 * max(joined), 1),
    }
