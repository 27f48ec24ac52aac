"""Reads presets for the library in a thread of its own: heads, pictures and moving pictures."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.library import PresetEntry
from flowmap_studio.core.preset_index import PresetIndex
from flowmap_studio.core.presets import read_picture
from flowmap_studio.runtime.workers import Worker

PICTURES_WAITING = 64
"""Pictures that are asked for beyond that many were scrolled past: the oldest are forgotten."""
log = logging.getLogger(__name__)

Folders = tuple[tuple[Path, bool], ...]
Listing = Iterator[tuple[list[PresetEntry], bool] | None]


class LibrarianThread(Worker):
    """Does what is seen first: pictures before moving pictures before the list.

    Args:
        kept: Where the list is kept between two starts; see `PresetIndex`.
    """

    listed = Signal(object, bool)  # list[PresetEntry], whether these are all
    pictured = Signal(object, object)  # Path, PNG bytes or None
    animated = Signal(object, object)  # Path, list of PNG bytes; empty where there is none

    def __init__(self, kept: Path | None = None) -> None:
        super().__init__()
        self._changed = threading.Condition()
        self._stopped = False
        self._pictures: list[Path] = []
        self._film: Path | None = None
        self._folders: Folders | None = None
        self._index = PresetIndex(kept)
        self._listing: Listing | None = None

    def ask_list(self, folders: Folders) -> None:
        """List these folders, instead of what is being listed."""
        with self._changed:
            self._folders = folders
            self._changed.notify()

    def ask_picture(self, path: Path) -> None:
        """Read the picture of a preset; the newest wish comes first."""
        with self._changed:
            self._pictures = [*(p for p in self._pictures if p != path), path][-PICTURES_WAITING:]
            self._changed.notify()

    def ask_film(self, path: Path | None) -> None:
        """Draw the flow of a preset, instead of one that waits; of none, when None."""
        with self._changed:
            self._film = path
            self._changed.notify()

    def request_stop(self) -> None:
        """End after the file in hand; returns at once."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def run(self) -> None:  # noqa: D102 - QThread's
        while self._wait():
            try:
                self._work()
            except Exception:  # nothing may leave a thread's edge; the library goes without it
                log.exception("The library could not be read")
                self._listing = None

    def _wait(self) -> bool:
        with self._changed:
            while not (self._stopped or self._pictures or self._film or self._folders):
                if self._listing is not None:
                    break
                self._changed.wait()
            return not self._stopped

    def _work(self) -> None:
        """One piece of work; a long one is a listing's next file only."""
        with self._changed:
            picture = self._pictures.pop() if self._pictures else None
            film = None
            if picture is None:
                film, self._film = self._film, None
            if self._folders is not None:
                self._listing, self._folders = self._index.listing(self._folders), None
        if picture is not None:
            self.pictured.emit(picture, read_picture(picture))
        elif film is not None:
            self.animated.emit(film, self._frames(film))
        elif self._listing is not None:
            self._go_on_listing(self._listing)

    def _go_on_listing(self, listing: Listing) -> None:
        news = next(listing, None)
        if news is not None:
            self.listed.emit(*news)
            if news[1]:
                next(listing, None)  # it keeps what it knows
                self._listing = None

    def _frames(self, path: Path) -> Sequence[bytes]:
        import torch

        from flowmap_studio.core.moving_thumbnail import moving_thumbnail

        torch.set_num_threads(1)
        try:
            return moving_thumbnail(path)
        except StudioError:  # opening it by hand says what is wrong with it
            return []


class Librarian(QObject):
    """Starts the thread when something is first asked for (GUI thread).

    Args:
        kept: Where the list is kept between two starts; see `PresetIndex`.
    """

    listed = Signal(object, bool)
    pictured = Signal(object, object)
    animated = Signal(object, object)

    def __init__(self, parent: QObject | None = None, kept: Path | None = None) -> None:
        super().__init__(parent)
        self._thread = thread = LibrarianThread(kept)
        self._ended = False
        thread.listed.connect(self.listed)
        thread.pictured.connect(self.pictured)
        thread.animated.connect(self.animated)

    def ask_list(self, folders: Folders) -> None:
        """List these folders: `listed` tells, at the end with all."""
        self._thread.ask_list(folders)
        self._begin()

    def ask_picture(self, path: Path) -> None:
        """Read the picture of a preset: `pictured` tells."""
        self._thread.ask_picture(path)
        self._begin()

    def ask_film(self, path: Path | None) -> None:
        """Draw the flow of a preset, `animated` tells; no more of one that waits, when None."""
        self._thread.ask_film(path)
        if path is not None:
            self._begin()

    def workers(self) -> list[Worker]:
        """The thread; nothing is started any more once somebody ends it."""
        self._ended = True
        return [self._thread]

    def _begin(self) -> None:
        if not self._ended and not self._thread.isRunning():
            self._thread.begin()
