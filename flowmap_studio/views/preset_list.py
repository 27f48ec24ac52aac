"""The preset library's list: what pointer and keys do in it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QMouseEvent
from PySide6.QtWidgets import QLineEdit, QListView

from flowmap_studio.views.texts import tr

COMMAND_KEYS = {
    "rename": "F2",
    "describe": "Alt+Return",
    "favourite": "Ctrl+B",
    "duplicate": "Ctrl+D",
    "delete": "Del",
}
"""Keys that act on the current row."""


class SearchLine(QLineEdit):
    """A line that the Down key leaves for what it has found."""

    down_pressed = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102 - Qt's
        if event.key() == Qt.Key.Key_Down:
            self.down_pressed.emit()
        else:
            super().keyPressEvent(event)


class PresetList(QListView):
    """A list whose rows are chosen by a single click, Enter or Return.

    Attributes:
        can_undo: Whether Ctrl+Z is about a deletion.
    """

    chosen = Signal(QModelIndex)
    command = Signal(str)  # a name of `COMMAND_KEYS`, for the current row
    undo_wanted = Signal()
    looked_at = Signal(QModelIndex)  # the row under the pointer or reached by keys; invalid if none

    def __init__(self) -> None:
        super().__init__()
        self.can_undo = False
        self.setObjectName("presetList")
        self.setAccessibleName(tr("Presets"))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.clicked.connect(self.chosen)

    def event(self, event: QEvent) -> bool:  # noqa: D102 - Qt's
        if event.type() == QEvent.Type.ShortcutOverride and self.can_undo and _is_undo(event):
            event.accept()  # here it is about presets first, and about settings after them
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102 - Qt's
        if self.can_undo and _is_undo(event):
            self.undo_wanted.emit()
            return
        pressed = QKeySequence(event.keyCombination())
        for name, keys in COMMAND_KEYS.items():
            if pressed == QKeySequence(keys) and self.currentIndex().isValid():
                self.command.emit(name)
                return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.chosen.emit(self.currentIndex())
            return
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.looked_at.emit(self.currentIndex())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102 - Qt's
        super().mouseMoveEvent(event)
        self.looked_at.emit(self.indexAt(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:  # noqa: D102 - Qt's
        super().leaveEvent(event)
        self.looked_at.emit(QModelIndex())


def _is_undo(event: QEvent) -> bool:
    return isinstance(event, QKeyEvent) and event.matches(QKeySequence.StandardKey.Undo)
