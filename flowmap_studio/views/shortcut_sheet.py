"""All keys at a glance, by menu."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from flowmap_studio.views.actions import ACTIONS, ActionRow
from flowmap_studio.views.texts import tr

COLUMNS = (("File", "Edit", "Run", "Help"), ("Time",), ("View",))
"""Menus side by side; together they are all of `MENUS`."""


class ShortcutSheet(QDialog):
    """A dialog made from the table of actions; Escape closes it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("shortcutSheet")
        self.setWindowTitle(tr("Keyboard shortcuts"))
        row = QHBoxLayout(self)
        row.setContentsMargins(24, 20, 24, 22)
        row.setSpacing(36)
        for menus in COLUMNS:
            column = QVBoxLayout()
            column.setSpacing(14)
            for menu in menus:
                column.addWidget(_group(menu))
            column.addStretch(1)
            row.addLayout(column)


def _group(menu: str) -> QWidget:
    group = QWidget()
    grid = QGridLayout(group)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(18)
    grid.setVerticalSpacing(5)
    grid.setColumnStretch(0, 1)
    heading = QLabel(tr(menu))
    heading.setProperty("heading", True)
    grid.addWidget(heading, 0, 0, 1, 2)
    rows = [row for row in ACTIONS if row.menu == menu and row.keys]
    for line, row in enumerate(rows, start=1):
        grid.addWidget(QLabel(tr(row.text).rstrip("…")), line, 0)
        grid.addWidget(_key_cap(row), line, 1, Qt.AlignmentFlag.AlignRight)
    return group


def _key_cap(row: ActionRow) -> QLabel:
    cap = QLabel(row.key_text())
    cap.setProperty("keyCap", True)
    cap.setAlignment(Qt.AlignmentFlag.AlignCenter)
    cap.setAccessibleName(f"{tr(row.text).rstrip('…')}: {row.key_text()}")
    return cap
