"""The preset library's list model: entries in the given order and a search over them."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRegularExpression,
    QSortFilterProxyModel,
    Qt,
)

from flowmap_studio.core.library import PresetEntry

ENTRY_ROLE = int(Qt.ItemDataRole.UserRole) + 1
"""The `PresetEntry` of a row."""
SEARCH_ROLE = ENTRY_ROLE + 1
"""The text that a search looks through."""

Index = QModelIndex | QPersistentModelIndex


class PresetModel(QAbstractListModel):
    """Entries in the given order; nothing is decoded before it is painted."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._entries: list[PresetEntry] = []
        self._rows: dict[Path, int] = {}

    def set_entries(self, entries: Sequence[PresetEntry]) -> None:
        """Show these entries."""
        self.beginResetModel()
        self._entries = list(entries)
        self._rows = {entry.path: row for row, entry in enumerate(self._entries)}
        self.endResetModel()

    def index_of(self, path: Path) -> QModelIndex:
        """The index of the entry of a path; an invalid one where there is none."""
        row = self._rows.get(path)
        return QModelIndex() if row is None else self.index(row, 0)

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: D102 - Qt's
        return 0 if parent is not None and parent.isValid() else len(self._entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:  # noqa: D102
        if not index.isValid():
            return None
        entry = self._entries[index.row()]
        if role == ENTRY_ROLE:
            return entry
        if role == SEARCH_ROLE:
            return f"{entry.title} {entry.subtitle} {entry.path.stem}"
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{entry.title}, {entry.subtitle}" + (", shipped" if entry.shipped else "")
        if role == Qt.ItemDataRole.ToolTipRole:
            # Escaped: the title comes from a file and must not be taken for rich text.
            words = (entry.title, entry.subtitle, entry.path.name)
            return "<qt>" + "<br>".join(html.escape(word) for word in words) + "</qt>"
        return None


class PresetSearch(QSortFilterProxyModel):
    """The entries that hold all words of a search, in any order and case."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setFilterRole(SEARCH_ROLE)

    def search(self, text: str) -> None:
        """Keep the entries that hold all the words of a text; all entries when it is blank."""
        words = (f"(?=.*{QRegularExpression.escape(word)})" for word in text.split())
        option = QRegularExpression.PatternOption.CaseInsensitiveOption
        self.setFilterRegularExpression(QRegularExpression("^" + "".join(words), option))
