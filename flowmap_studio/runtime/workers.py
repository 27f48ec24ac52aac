"""Threads that are never destroyed while they run: Qt aborts the whole program for that."""

from __future__ import annotations

import atexit
import logging
import time
from collections.abc import Iterable
from typing import ClassVar

from PySide6.QtCore import QThread

EXIT_SECONDS = 10.0
"""How long the interpreter's end waits for threads that nobody stopped or that don't stop."""
log = logging.getLogger(__name__)


class Worker(QThread):
    """A thread that is told to end by `request_stop` and lives on, whoever forgets it, until then.

    One cannot break off a step of training, nor the import of torch: what does not end in time is
    left to end by itself.
    """

    _alive: ClassVar[set[Worker]] = set()

    def begin(self) -> None:
        """Start, and be kept until the end."""
        Worker._alive = {worker for worker in Worker._alive if worker.isRunning()}
        Worker._alive.add(self)
        self.start()

    def request_stop(self) -> None:
        """Ask the thread to end soon; returns at once."""
        raise NotImplementedError

    @staticmethod
    def running() -> list[Worker]:
        """All workers that have not ended yet."""
        return [worker for worker in Worker._alive if worker.isRunning()]


def join(workers: Iterable[Worker], seconds: float) -> bool:
    """Stop these threads and wait for all of them together.

    Args:
        workers: Which.
        seconds: The longest wait.

    Returns:
        Whether all have ended; those that have not are logged.
    """
    workers = list(workers)
    until = time.monotonic() + seconds
    for worker in workers:
        worker.request_stop()
    late = [w for w in workers if not w.wait(max(0, round(1000 * (until - time.monotonic()))))]
    for worker in late:
        log.warning("%s did not end within %.1f s", type(worker).__name__, seconds)
    return not late


# Registered after PySide's own handler and so called before it, while threads can still be joined.
atexit.register(lambda: join(Worker.running(), EXIT_SECONDS))
