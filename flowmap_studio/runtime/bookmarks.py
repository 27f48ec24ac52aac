"""Bookmarks on both axes of time: flow times and training steps."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

NEAR = 5e-4
"""Flow times that are nearer than this look alike on the slider."""
Place = TypeVar("Place", float, int)


class Bookmarks(QObject):
    """Places to come back to, kept as long as the session.

    Attributes:
        times: Flow times in rising order.
        steps: Training steps in rising order.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.times: list[float] = []
        self.steps: list[int] = []

    def toggle_time(self, t: float) -> bool:
        """Add a flow time, or delete the bookmark that is there; returns whether it was added."""
        there = [each for each in self.times if abs(each - t) < NEAR]
        for each in there:
            self.times.remove(each)
        if not there:
            insort(self.times, t)
        self.changed.emit()
        return not there

    def toggle_step(self, step: int) -> bool:
        """Add a training step, or delete it; returns whether it was added."""
        there = step in self.steps
        if there:
            self.steps.remove(step)
        else:
            insort(self.steps, step)
        self.changed.emit()
        return not there

    def time_from(self, t: float, direction: int) -> float | None:
        """The next bookmark after flow time t (1) or before it (−1), round the ends."""
        return next_from(self.times, t, direction, NEAR)

    def step_from(self, step: int, direction: int) -> int | None:
        """The next bookmark after a training step (1) or before it (−1), round the ends."""
        return next_from(self.steps, step, direction, 0)

    def forget_steps(self) -> None:
        """Another run has other steps."""
        if self.steps:
            self.steps = []
            self.changed.emit()


def next_from(places: list[Place], here: Place, direction: int, near: float) -> Place | None:
    """The nearest of rising places beyond `here` by more than `near`; the ends meet."""
    if not places:
        return None
    if direction > 0:
        return places[bisect_right(places, here + near) % len(places)]
    return places[bisect_left(places, here - near) - 1]
