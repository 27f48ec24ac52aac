"""The presets that were opened or saved last, as a menu."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMenu

from flowmap_studio.views.settings import Settings
from flowmap_studio.views.texts import tr

MOST = 10
KEY = "recent"


class RecentFiles(QObject):
    """Fills a menu each time it opens; files that are gone are left out.

    Args:
        menu: Which.
        settings: Where they are remembered.
    """

    chosen = Signal(object)  # Path

    def __init__(self, menu: QMenu, settings: Settings, parent: QObject) -> None:
        super().__init__(parent)
        self._menu = menu
        self._settings = settings
        menu.aboutToShow.connect(self._fill)
        self._fill()

    def paths(self) -> list[Path]:
        """The newest first."""
        return [Path(line) for line in self._settings.text(KEY).splitlines() if line]

    def add(self, path: Path) -> None:
        """Put a file at the top."""
        path = path.absolute()
        others = [other for other in self.paths() if other != path]
        self._settings.remember(KEY, "\n".join(map(str, [path, *others][:MOST])))
        self._fill()

    def replace(self, path: Path, place: Path) -> None:
        """A file has another name now."""
        there = [place.absolute() if other == path.absolute() else other for other in self.paths()]
        self._settings.remember(KEY, "\n".join(map(str, there)))
        self._fill()

    def _fill(self) -> None:
        self._menu.clear()
        for number, path in enumerate((p for p in self.paths() if p.is_file()), start=1):
            # An ampersand of the name's own would underline the letter after it.
            name = path.name.replace("&", "&&")
            action = self._menu.addAction(f"&{number % 10}  {name}")
            action.setToolTip(str(path))
            action.triggered.connect(lambda _on=False, chosen=path: self.chosen.emit(chosen))
        if self._menu.isEmpty():
            self._menu.addAction(tr("No files yet")).setEnabled(False)
