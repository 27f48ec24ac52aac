"""Event storm: 10,000 progress records a second; the window must answer all the same."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import numpy as np
from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

from flowmap_studio.core.history import TERMS
from flowmap_studio.runtime import run_control
from flowmap_studio.runtime.training import TrainingThread
from flowmap_studio.tools.stress.finding import Broken, Finding
from flowmap_studio.tools.stress.process import own_home
from flowmap_studio.tools.stress.studio import (
    application,
    close_window,
    forget_windows,
    open_window,
    small_config,
    turn,
    turn_until,
    watched,
)

RATE = 10_000
"""Records a second."""
SLOWEST_MS = 50.0
"""What the window may take to answer, at the 99th percentile."""
ASK_MS = 10
BATCH_SECONDS = 0.005


class Storm(TrainingThread):
    """Stands in for training: reports single steps at a fixed rate and learns nothing."""

    def _train(self) -> None:
        losses = np.full((1, len(TERMS)), 0.5, np.float32)
        began, sent = time.perf_counter(), 0
        while not self._stop.is_set():
            due = round((time.perf_counter() - began) * RATE)
            for step in range(sent, due):
                self._mailbox.post_progress(losses, step + 1, step / RATE, 0.5)
            sent = due
            self._stop.wait(BATCH_SECONDS)


class Asker(QThread):
    """Asks the window's thread something again and again, as a click would."""

    asked = Signal(float)  # when

    def run(self) -> None:  # noqa: D102 - QThread's
        while not self.isInterruptionRequested():
            self.asked.emit(time.perf_counter())
            self.msleep(ASK_MS)


class Clock(QObject):
    """Lives in the window's thread and notes how late each question came to it.

    Attributes:
        seconds: Of all questions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    @Slot(float)
    def answer(self, asked: float) -> None:
        """Take a question."""
        self.seconds.append(time.perf_counter() - asked)


@contextmanager
def asking() -> Iterator[Clock]:
    """Within it, the window's thread is asked."""
    clock, asker = Clock(), Asker()
    asker.asked.connect(clock.answer, Qt.ConnectionType.QueuedConnection)
    asker.start()
    try:
        yield clock
    finally:
        asker.requestInterruption()
        asker.wait()


def storm(seconds: float) -> Finding:
    """Let it storm for a while.

    Args:
        seconds: How long.
    """
    began = time.perf_counter()
    broken = Broken()
    application()
    with own_home(), watched(broken), mock.patch.object(run_control, "TrainingThread", Storm):
        window = open_window(broken)
        window.edit_config(small_config())
        turn_until(lambda: window.session.frame is not None)
        window.session.start()
        turn_until(lambda: len(window.session.losses) > 0)
        first = len(window.session.losses)
        with asking() as clock:
            started = time.perf_counter()
            turn(seconds)
            rate = (len(window.session.losses) - first) / (time.perf_counter() - started)
        close_window(window)
        forget_windows()
    late = 1000 * np.array(clock.seconds)
    slow = float(np.percentile(late, 99))
    broken.unless(rate > 0.9 * RATE, f"only {rate:,.0f} records a second arrived")
    broken.unless(slow <= SLOWEST_MS, f"the window took {slow:.0f} ms to answer")
    figures: dict[str, float | int | str] = {
        "records a second": round(rate),
        "ms to answer, median": round(float(np.median(late)), 1),
        "ms to answer, p99": round(slow, 1),
        "ms to answer, longest": round(float(late.max()), 1),
    }
    took = time.perf_counter() - began
    return Finding("storm", f"{rate * seconds:,.0f} records", figures, broken.told(), took)
