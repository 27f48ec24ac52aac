"""Pictures of presets that are read when their rows are first seen."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from flowmap_studio.runtime.librarian import PICTURES_WAITING

KEPT_PICTURES = 512


class PresetPictures(QObject):
    """Keeps the newest few hundred and asks for each once."""

    wanted = Signal(object)  # Path

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._kept: OrderedDict[Path, bytes | None] = OrderedDict()
        self._asked: list[Path] = []

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, path: Path) -> bytes | None:
        """The PNG of a preset; None while it is being asked for, and where there is none."""
        if path not in self._kept and path not in self._asked:
            self._asked = [*self._asked, path][-PICTURES_WAITING:]  # as the librarian does
            self.wanted.emit(path)
        return self._kept.get(path)

    def take(self, path: Path, png: bytes | None) -> None:
        """Keep a picture that was wanted; None where there is none."""
        if path in self._asked:
            self._asked.remove(path)
        self._kept[path] = png
        while len(self._kept) > KEPT_PICTURES:
            self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forget all: files may have changed."""
        self._kept.clear()
        self._asked.clear()
