"""Windows without a display, used as a hand would, and everything that goes wrong in them."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import (
    QCoreApplication,
    QEvent,
    QMessageLogContext,
    QtMsgType,
    qInstallMessageHandler,
)
from PySide6.QtWidgets import QApplication

from flowmap_studio.app import create_window
from flowmap_studio.core.config import RunConfig
from flowmap_studio.runtime import evaluation
from flowmap_studio.runtime.workers import Worker, join
from flowmap_studio.tools.stress.finding import Broken

ENDLESS = 100_000_000
SMALL: dict[str, Any] = {
    "hidden_dim": 16,
    "time_embed_dim": 8,
    "depth": 1,
    "batch_size": 32,
    "ot_batch": 32,
    "steps": ENDLESS,
    "warmup_steps": 5,
    "threads": 1,
    "device": "cpu",
}
"""Settings of a run that costs little and does not end by itself."""
HARMLESS = ("This plugin does not support", "propagateSizeHints")
"""What Qt says of any window without a display."""
LATE_SECONDS = 30.0


def small_config(**changes: Any) -> RunConfig:
    """A cheap run."""
    return RunConfig(**SMALL | changes)


def application() -> QApplication:
    """The one application of this process."""
    made = QApplication.instance() or QApplication(["stress"])
    assert isinstance(made, QApplication)  # noqa: S101 - nothing else makes one
    made.setQuitOnLastWindowClosed(False)
    return made


def turn(seconds: float = 0.0) -> None:
    """Let the event loop run for a while, deferred deletions included."""
    until = time.perf_counter() + seconds
    while True:
        QApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        left = until - time.perf_counter()
        if left <= 0:
            return
        time.sleep(min(0.002, left))


def turn_until(holds: Callable[[], bool], seconds: float = LATE_SECONDS) -> bool:
    """Let the event loop run until a condition holds; False if it doesn't in time."""
    until = time.perf_counter() + seconds
    while not holds():
        if time.perf_counter() > until:
            return False
        turn(0.005)
    return True


@contextmanager
def watched(broken: Broken) -> Iterator[None]:
    """Within it, what nobody caught and what Qt complains of counts as broken."""

    def uncaught(kind: Any, error: Any, trace: Any) -> None:
        place = traceback.extract_tb(trace)[-1:] if trace else []
        where = f" at {Path(place[0].filename).name}:{place[0].lineno}" if place else ""
        broken.add(f"uncaught {kind.__name__}{where}: {error}")

    def said(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        del context
        if kind not in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg) and not text.startswith(
            HARMLESS
        ):
            broken.add(f"Qt says: {text}{_where()}")

    before = sys.excepthook, threading.excepthook
    sys.excepthook = uncaught
    threading.excepthook = lambda args: uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    handler = qInstallMessageHandler(said)
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook = before
        qInstallMessageHandler(handler)


def _where() -> str:
    """The place in the program that Qt was called from, if it was."""
    calls = [call for call in traceback.extract_stack() if "flowmap_studio" in call.filename]
    inner = [call for call in calls if Path(call.filename).parent.name != "stress"]
    return f" at {Path(inner[-1].filename).name}:{inner[-1].lineno}" if inner else ""


def open_window(broken: Broken, preset: Path | None = None) -> Any:
    """A shown window; an error with details, which nobody foresaw, counts as broken."""
    evaluation.WARM_UP = ()  # nothing is to be imported in the midst of a measurement
    window = create_window(preset)

    def failed(sentence: str, details: str) -> None:
        if details:
            last = details.strip().splitlines()
            broken.add(f"unforeseen: {sentence} {' '.join(last[-3:])}")

    window.session.failed.connect(failed)
    window.session.comparison.failed.connect(failed)
    window.session.films.failed.connect(failed)
    window.show()
    turn()
    return window


def close_window(window: Any) -> tuple[float, weakref.ref[Any]]:
    """Close a window and let it be deleted.

    Returns:
        Seconds until all its threads had ended, and what tells whether it is still there.
    """
    began = time.perf_counter()
    window.close()
    ended = join(Worker.running(), LATE_SECONDS)
    seconds = time.perf_counter() - began if ended else float("inf")
    trace = weakref.ref(window)
    window.deleteLater()
    return seconds, trace


def forget_windows() -> None:
    """Deliver what is still under way to windows that were closed, and collect them."""
    turn()
    gc.unfreeze()  # the first window was set aside with all that was imported then
    gc.collect()
    turn()
