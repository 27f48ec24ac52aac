"""How many points a moving slider shows: as many as are evaluated without a wait."""

from __future__ import annotations

from flowmap_studio.runtime.frames import Frame

SLOW_SECONDS, FAST_SECONDS = 0.05, 0.02
"""Frames that take longer lag behind the hand; of those that take less, twice as many points would
not be slow."""
LEAST_SHARE = 1 / 8
PATIENCE = 2
"""Slow frames in a row: a single one may be another program's fault."""


class Pace:
    """Halves the points of interactive frames where they are slow, and doubles them where not.

    Wide networks, many jumps and slow machines scrub as smoothly so as others; all points come when
    the slider rests.

    Attributes:
        share: Of the usual points, at most 1.
    """

    def __init__(self) -> None:
        self.share = 1.0
        self._slow = 0

    def learn(self, frame: Frame) -> None:
        """Look at how long a frame took, if a hand waited for it that moves."""
        if frame.request.full or frame.request.patient:
            return
        self._slow = self._slow + 1 if frame.seconds > SLOW_SECONDS else 0
        if self._slow >= PATIENCE:
            self.share = max(LEAST_SHARE, self.share / 2)
            self._slow = 0
        elif frame.seconds < FAST_SECONDS:
            self.share = min(1.0, 2 * self.share)

    def of(self, points: int) -> int:
        """How many of so many points to ask for."""
        return round(self.share * points)
