"""Ctrl-C and SIGTERM as a wish that long work looks at, so that nothing learned is lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Wish:
    """Whether the user asked to end, and what shall happen then."""

    def __init__(self) -> None:
        self.asked = False
        self._action: Callable[[], None] | None = None

    def calls(self, action: Callable[[], None]) -> None:
        """Call this once the user asks, at once if that was before."""
        self._action = action
        if self.asked:
            action()

    def ask(self, *_: object) -> None:
        """Ask to end."""
        self.asked = True
        if self._action is not None:
            self._action()


@contextmanager
def interruptions() -> Iterator[Wish]:
    """Within it, SIGINT and SIGTERM only set the wish: saving is not cut short either."""
    wish = Wish()
    if threading.current_thread() is not threading.main_thread():
        yield wish  # Python takes handlers in its main thread only
        return

    before = {n: signal.signal(n, wish.ask) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
