"""Threads that are never destroyed while they run: Qt aborts the whole program for that."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from typing import ClassVar, Generic, TypeVar

from PySide6.QtCore import QThread

LATER = 3
"""Niceness of threads that compute for nobody's hand: half of a core's time beside one thread of
niceness 0, and all of it when nothing else wants the core."""
LAST = 6
"""Of those that draw for nobody's hand. No further: a thread that holds Python's lock, and that
another program keeps from a core, keeps all threads of this one waiting. With three busy programs
on two cores a window whose deputy had 15 took 16 to 21 s until a run's first four maps were there,
0.7 to 1.5 s with 4 to 8, and 0.9 with 0."""
EXIT_SECONDS = 10.0
"""How long the interpreter's end waits for threads that nobody stopped or that don't stop."""
log = logging.getLogger(__name__)
Part = TypeVar("Part")
Result = TypeVar("Result")


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
    def stand_back(niceness: int = LATER) -> None:
        """Leave the cores to threads that a hand waits for, from within `run` and for good.

        Threads that are started from here on do so too. Only Linux has it for single threads.

        Args:
            niceness: How far.
        """
        if sys.platform == "linux":
            thread = threading.get_native_id()
            with suppress(OSError):  # a sandbox may forbid it, and it is only a kindness
                own = os.getpriority(os.PRIO_PROCESS, thread)
                os.setpriority(os.PRIO_PROCESS, thread, max(own, niceness))

    @staticmethod
    def running() -> list[Worker]:
        """All workers that have not ended yet."""
        return [worker for worker in Worker._alive if worker.isRunning()]


class Helper(Worker):
    """A second thread for one that computes: both take parts of its work until none is left.

    They meet once for all the parts. The threads that torch has for itself meet at each operation,
    which takes many times as long when another program wants a core.

    Args:
        prepare: Called in the thread before its first work.
    """

    def __init__(self, prepare: Callable[[], object]) -> None:
        super().__init__()
        self._prepare = prepare
        self._works: SimpleQueue[_Work | None] = SimpleQueue()

    def share(self, work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
        """What `work` gives for each part; the calling thread does its share and waits.

        Raises:
            BaseException: What `work` raised first; parts that nobody has begun are left out.
        """
        shared = _Work(work, parts)
        if len(parts) > 1:
            self._works.put(shared)
        return shared.finish()

    def request_stop(self) -> None:
        """End after the part in hand; returns at once."""
        self._works.put(None)

    def run(self) -> None:  # noqa: D102 - QThread's
        shared = self._works.get()
        if shared is not None:
            self._prepare()
        while shared is not None:
            shared.take_parts()
            shared = self._works.get()


class Deputy(Worker):
    """Does the work of another thread, which waits for it, behind all threads that compute.

    No thread can leave the cores to others for one work and take them again for the next: who has
    become nicer stays so.
    """

    def __init__(self) -> None:
        super().__init__()
        self._works: SimpleQueue[tuple[Callable[[], object], Future[object]] | None]
        self._works = SimpleQueue()
        self._over = False
        self._ending = threading.Lock()

    def call(self, work: Callable[[], object]) -> None:
        """Do a work; the caller does it itself once the deputy has ended.

        Raises:
            BaseException: What the work raised.
        """
        done: Future[object] = Future()
        with self._ending:
            over = self._over
            if not over:
                self._works.put((work, done))
        if over:
            work()
        else:
            done.result()

    def request_stop(self) -> None:
        """End after the work in hand; returns at once."""
        self._works.put(None)

    def run(self) -> None:  # noqa: D102 - QThread's
        self.stand_back(LAST)
        while (given := self._works.get()) is not None:
            _do(*given)
            del given  # not kept until the next one comes
        with self._ending:
            self._over = True
        while not self._works.empty():  # who put it there waits for it
            if (given := self._works.get()) is not None:
                _do(*given)


def _do(work: Callable[[], object], done: Future[object]) -> None:
    try:
        done.set_result(work())
    except BaseException as error:  # noqa: BLE001 - handed to the thread whose work it is
        done.set_exception(error)


class _Work(Generic[Part, Result]):
    """Parts that any number of threads take one by one."""

    def __init__(self, work: Callable[[Part], Result], parts: Sequence[Part]) -> None:
        self._work = work
        self._parts = enumerate(parts)
        self._results: dict[int, Result] = {}
        self._error: BaseException | None = None
        self._busy = 0
        self._changed = threading.Condition()

    def take_parts(self) -> None:
        with self._changed:
            self._busy += 1
        try:
            while (taken := self._take()) is not None:
                place, part = taken
                self._results[place] = self._work(part)
        except BaseException as error:  # noqa: BLE001 - handed to the thread whose work it is
            self._error = self._error or error
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _take(self) -> tuple[int, Part] | None:
        with self._changed:
            return None if self._error else next(self._parts, None)

    def finish(self) -> list[Result]:
        self.take_parts()
        with self._changed:
            self._changed.wait_for(lambda: not self._busy)
        if self._error is not None:
            raise self._error
        return [self._results[place] for place in sorted(self._results)]


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
