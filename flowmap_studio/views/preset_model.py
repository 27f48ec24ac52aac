"""The preset library's list model: entries in the chosen order, and a search over them."""

from __future__ import annotations

import html
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from flowmap_studio.core.library import PresetEntry
from flowmap_studio.views.texts import told, tr

ENTRY_ROLE = int(Qt.ItemDataRole.UserRole) + 1
"""The `PresetEntry` of a row."""
FAVOURITE_ROLE = ENTRY_ROLE + 1
"""Whether the user has marked it."""

Index = QModelIndex | QPersistentModelIndex
Key = Callable[[PresetEntry], Any]

ORDERS: Mapping[str, Key | None] = {
    "Own first": None,
    "By name": lambda entry: entry.title.casefold(),
    "By target": lambda entry: (entry.subtitle.casefold(), entry.title.casefold()),
    "Newest first": lambda entry: -entry.modified,
    "Best one step first": lambda entry: float("inf") if entry.score is None else entry.score,
}
"""How entries may be sorted; None leaves them as they were given."""


class PresetModel(QAbstractListModel):
    """Sorts and searches in plain lists: ten thousand entries take a few milliseconds."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._entries: list[PresetEntry] = []
        self._texts: dict[Path, str] = {}
        self._shown: list[PresetEntry] = []
        self._rows: dict[Path, int] = {}
        self._words: list[str] = []
        self._order: Key | None = None
        self._favourites: frozenset[Path] = frozenset()
        self._only_favourites = False

    def set_entries(self, entries: Sequence[PresetEntry]) -> None:
        """Hold these entries."""
        self._entries = [_translated(entry) for entry in entries]
        self._texts = {entry.path: _searched(entry) for entry in self._entries}
        self._arrange()

    def search(self, text: str) -> None:
        """Keep the entries that hold all the words of a text; all entries when it is blank."""
        self._words = text.casefold().split()
        self._arrange()

    def order_by(self, name: str) -> None:
        """Sort as one of `ORDERS` says; entries that are equal stay in their order."""
        self._order = ORDERS[name]
        self._arrange()

    def set_favourites(self, paths: Collection[Path], *, alone: bool) -> None:
        """Say which presets the user has marked.

        Args:
            paths: Of these presets.
            alone: Whether only they are shown.
        """
        self._favourites = frozenset(paths)
        self._only_favourites = alone
        self._arrange()

    def count(self) -> int:
        """Entries, also those that are not shown."""
        return len(self._entries)

    def index_of(self, path: Path) -> QModelIndex:
        """The index of the entry of a path; an invalid one where it is not shown."""
        row = self._rows.get(path)
        return QModelIndex() if row is None else self.index(row, 0)

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: D102 - Qt's
        return 0 if parent is not None and parent.isValid() else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:  # noqa: D102
        if not index.isValid():
            return None
        entry = self._shown[index.row()]
        if role == ENTRY_ROLE:
            return entry
        if role == FAVOURITE_ROLE:
            return entry.path in self._favourites
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            marks = [tr("favourite")] * (entry.path in self._favourites)
            marks += [tr("shipped")] * entry.shipped
            return ", ".join([entry.title, told(entry.subtitle), *marks])
        if role == Qt.ItemDataRole.ToolTipRole:
            # Escaped: the words come from a file and must not be taken for rich text.
            words = [entry.title, told(entry.subtitle), entry.path.name, ", ".join(entry.tags)]
            words += entry.notes.splitlines()
            return "<qt>" + "<br>".join(html.escape(word) for word in words if word) + "</qt>"
        return None

    def _arrange(self) -> None:
        shown = [entry for entry in self._entries if self._is_wanted(entry)]
        if self._order is not None:
            shown.sort(key=self._order)
        self.beginResetModel()
        self._shown = shown
        self._rows = {entry.path: row for row, entry in enumerate(shown)}
        self.endResetModel()

    def _is_wanted(self, entry: PresetEntry) -> bool:
        if self._only_favourites and entry.path not in self._favourites:
            return False
        text = self._texts[entry.path]
        return all(word in text for word in self._words)


def _translated(entry: PresetEntry) -> PresetEntry:
    """The words of a preset that came with the program in the window's language."""
    if not entry.shipped:
        return entry
    tags = tuple(tr(tag) for tag in entry.tags)
    return replace(entry, title=tr(entry.title), notes=tr(entry.notes), tags=tags)


def _searched(entry: PresetEntry) -> str:
    parts = (entry.title, entry.subtitle, entry.path.stem, *entry.tags, entry.notes)
    return " ".join(parts).casefold()
