"""A hand on the slider goes before a run on the same cores."""

from __future__ import annotations

import time
from collections.abc import Callable

LINGER_SECONDS = 0.1
"""A hand that has just been answered is likely to ask again."""
LONGEST_WAIT, TURN_SECONDS = 0.12, 0.012
"""How long a run waits at a time, and has the cores in between, for whole steps: it goes on, if
slowly, under a hand that never rests. It took 6 steps a second so, and 3.6 in turns of 50 ms each
half second; the frames took as long."""
LONGEST_FRAME = 1.0
"""Seconds after which a frame that is still wanted is waited for beside the run, not before it."""
LOOK_SECONDS = 0.004


class Hand:
    """Whether a hand waits for a frame, as one thread says it and another one looks.

    Numbers without a lock: a look that comes a moment too late does no harm.
    """

    def __init__(self) -> None:
        self._until = 0.0
        self._turn_ends = 0.0  # of the run

    def asks(self) -> None:
        """A frame is wanted."""
        self._until = time.monotonic() + LONGEST_FRAME

    def is_served(self) -> None:
        """Nothing is wanted any more, for the moment."""
        self._until = time.monotonic() + LINGER_SECONDS

    @property
    def waits(self) -> bool:
        """Whether a frame is wanted, or was until just now."""
        return time.monotonic() < self._until

    def let_go_first(self, pause: Callable[[float], object]) -> None:
        """Wait while a hand waits, for `LONGEST_WAIT` at most, unless it is the run's turn.

        Args:
            pause: Waits for so many seconds; a true answer ends the wait.
        """
        if time.monotonic() < self._turn_ends:
            return
        until = time.monotonic() + LONGEST_WAIT
        while self.waits and time.monotonic() < until:
            if pause(LOOK_SECONDS):
                return
        if self.waits:
            self._turn_ends = time.monotonic() + TURN_SECONDS
