"""Moving pictures of the preset library: the row under the pointer, or the one reached by keys."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

WAIT_MS = 150
"""Rows that the pointer only passes over stay still."""
FRAME_MS = 90
REST_FRAMES = 6
"""Frames for which the end is held before it starts over."""
KEPT_FILMS = 32


class PresetMotion(QObject):
    """Says which picture of which preset is to be seen now."""

    wanted = Signal(object)  # Path whose film is needed; None when none is any more
    moved = Signal(object)  # Path whose row shows another picture

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path: Path | None = None
        self._place = 0
        self._films: OrderedDict[Path, Sequence[bytes]] = OrderedDict()
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(WAIT_MS)
        self._wait.timeout.connect(self._on_waited)
        self._clock = QTimer(self)
        self._clock.setInterval(FRAME_MS)
        self._clock.timeout.connect(self._on_tick)

    def follow(self, path: Path | None) -> None:
        """Show the film of this preset from its beginning; of none, when None."""
        if path == self._path:
            return
        former, self._path = self._path, path
        self._clock.stop()
        self._wait.stop()
        if former is not None:
            self.moved.emit(former)
        if path is not None:
            self._wait.start()
        else:
            self.wanted.emit(None)

    def take(self, path: Path, pictures: Sequence[bytes]) -> None:
        """Keep a film that was wanted; it starts if it is still looked at."""
        self._films[path] = pictures
        self._films.move_to_end(path)
        while len(self._films) > KEPT_FILMS:
            self._films.popitem(last=False)
        if path == self._path and not self._wait.isActive():
            self._start()

    def forget(self) -> None:
        """Forget all films: files may have changed. The one that is looked at is wanted anew."""
        self._films.clear()
        self._clock.stop()
        if self._path is not None:
            self._wait.start()

    def picture(self, path: Path) -> bytes | None:
        """The PNG that a preset's row shows now; None for its own still one."""
        film = self._films.get(path)
        if path != self._path or not film or not self._clock.isActive():
            return None
        return film[min(self._place, len(film) - 1)]

    def _on_waited(self) -> None:
        if self._path in self._films:
            self._start()
        else:
            self.wanted.emit(self._path)

    def _start(self) -> None:
        if self._films.get(self._path):
            self._place = 0
            self._clock.start()
            self.moved.emit(self._path)

    def _on_tick(self) -> None:
        self._place = (self._place + 1) % (len(self._films[self._path]) + REST_FRAMES)
        self.moved.emit(self._path)
