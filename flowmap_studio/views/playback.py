"""Playing the flow time by the wall clock, whatever the frame rate."""

from __future__ import annotations

from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer, Signal

SECONDS_AT_NORMAL_SPEED = 4.0
"""From t = 0 to t = 1 at speed 1."""
HOLD_SECONDS = 0.5
"""Rest at the end before a loop starts over, or time turns round."""

FRAME_MS, CALM_MS = 16, 80
"""Between two moves of the time, and while a run wants the cores: its frames come less often, and
moving the slider alone took 4 % of a core at 33 ms."""


class Playback(QObject):
    """Advances a time in [0, 1] while it plays.

    Attributes:
        speed: 1 takes `SECONDS_AT_NORMAL_SPEED` from end to end.
        loop: Whether it starts over at the end.
        ping_pong: Whether it turns round there instead.
    """

    moved = Signal(float)
    playing_changed = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.speed = 1.0
        self.loop = True
        self.ping_pong = False
        self._direction = 1
        self._position = 0.0
        self._held = 0.0
        self._clock = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self._advance)

    @property
    def playing(self) -> bool:
        """Whether time moves."""
        return self._timer.isActive()

    def set_calm(self, calm: bool) -> None:
        """Move a fifth as often, at the same speed, or as often as the screen shows it."""
        self._timer.setInterval(CALM_MS if calm else FRAME_MS)

    def start(self, position: float, direction: int = 1) -> None:
        """Play from a time in [0, 1], forward (1) or backward (−1); at the end, from the start."""
        at_end = position >= 1.0 if direction > 0 else position <= 0.0
        self._position = (0.0 if direction > 0 else 1.0) if at_end else position
        self._direction = direction
        self._held = 0.0
        self._clock.start()
        if not self.playing:
            self._timer.start()
            self.playing_changed.emit(True)

    def stop(self) -> None:
        """Hold still."""
        if self.playing:
            self._timer.stop()
            self.playing_changed.emit(False)

    def _advance(self) -> None:
        elapsed = self._clock.restart() / 1000
        if self._held > 0:
            self._held -= elapsed
            if self._held <= 0 and self.ping_pong:
                self._direction = -1 if self._position >= 1.0 else 1
            elif self._held <= 0:
                self._position = 0.0 if self._direction > 0 else 1.0
                self.moved.emit(self._position)
            return
        self._position += self._direction * elapsed * self.speed / SECONDS_AT_NORMAL_SPEED
        if 0.0 < self._position < 1.0:
            self.moved.emit(self._position)
            return
        self._position = min(1.0, max(0.0, self._position))
        self.moved.emit(self._position)
        if self.loop or self.ping_pong:
            self._held = HOLD_SECONDS
        else:
            self.stop()
