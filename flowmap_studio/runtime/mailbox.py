"""Where the training thread leaves its news for the window: no signal per step.

100,000 signals a second froze the window for 6 s; the session's timer empties this box instead.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from flowmap_studio.core.history import FloatArray
from flowmap_studio.core.snapshot import Snapshot


@dataclass
class Delivery:
    """What was left since the last look.

    Attributes:
        losses: Arrays of (steps, 4) loss terms, in order.
        snapshot: The newest snapshot, if there was one; older ones are dropped.
        step: Steps done so far.
        seconds: Training time so far.
        fraction: Share of the run's budget used.
    """

    losses: list[FloatArray] = field(default_factory=list)
    snapshot: Snapshot | None = None
    step: int = 0
    seconds: float = 0.0
    fraction: float = 0.0


class Mailbox:
    """Losses: append and drain; snapshots: newest only. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = Delivery()

    def post_progress(self, losses: FloatArray, step: int, seconds: float, fraction: float) -> None:
        """Leave the losses of some steps."""
        with self._lock:
            self._next.losses.append(losses)
            self._next.step, self._next.seconds, self._next.fraction = step, seconds, fraction

    def post_snapshot(self, snapshot: Snapshot) -> None:
        """Leave a snapshot in place of an older one."""
        with self._lock:
            self._next.snapshot = snapshot

    def drain(self) -> Delivery:
        """Take everything; step, seconds and fraction stay known."""
        with self._lock:
            taken = self._next
            self._next = Delivery(step=taken.step, seconds=taken.seconds, fraction=taken.fraction)
        return taken
