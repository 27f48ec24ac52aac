"""What can be done with a preset of the library, as a menu."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from flowmap_studio.core.library import PresetEntry
from flowmap_studio.views.preset_list import COMMAND_KEYS
from flowmap_studio.views.texts import tr

ROWS = (
    ("open", "Open", ""),
    ("favourite", "Favourite", ""),
    ("", "", ""),
    ("rename", "Rename…", "own"),
    ("describe", "Title, tags and notes…", "own"),
    ("duplicate", "Duplicate", ""),
    ("export", "Export a copy…", ""),
    ("reveal", "Show in folder", ""),
    ("", "", ""),
    ("delete", "Delete", "own"),
)
"""Name, text, and whether it is for the user's own presets alone; a line where there is no name."""
READ_ONLY = "It came with the program; duplicate it to change it"


class PresetMenu(QMenu):
    """Says what is wanted of the entry it was opened for."""

    wanted = Signal(str, object)  # a name of `ROWS`, PresetEntry

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("presetMenu")
        self.setToolTipsVisible(True)
        self._entry: PresetEntry | None = None
        self._rows = {}
        for name, text, _ in ROWS:
            if not name:
                self.addSeparator()
                continue
            action = self._rows[name] = self.addAction(tr(text))
            action.setObjectName(f"preset-{name}")
            # Shown only: the list itself looks at the keys, wherever the menu is.
            action.setShortcut(QKeySequence(COMMAND_KEYS.get(name, "")))
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.triggered.connect(self._on_triggered)
        self._rows["favourite"].setCheckable(True)

    def set_entry(self, entry: PresetEntry, *, favourite: bool) -> None:
        """Be about this entry from now on."""
        self._entry = entry
        self._rows["favourite"].setChecked(favourite)
        for name, _, whose in ROWS:
            if whose == "own":
                self._rows[name].setEnabled(not entry.shipped)
                self._rows[name].setToolTip(tr(READ_ONLY) if entry.shipped else "")

    def _on_triggered(self) -> None:
        name = self.sender().objectName().removeprefix("preset-")
        self.wanted.emit(name, self._entry)
