"""The dialogs that ask for a preset's words."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from flowmap_studio.core.library import PresetEntry
from flowmap_studio.views.texts import tr

BUTTONS = QDialogButtonBox.StandardButton


class NameDialog(QDialog):
    """Asks for a preset's new name.

    Args:
        entry: The preset.
    """

    named = Signal(str)

    def __init__(self, entry: PresetEntry, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("presetNameDialog")
        self.setWindowTitle(tr("Rename preset"))
        self._name = QLineEdit(entry.title)
        self._name.setObjectName("presetName")
        self._name.setAccessibleName(tr("New name"))
        self._name.setMinimumWidth(300)
        self._name.selectAll()
        words = QLabel(tr("The title and the file take this name."))
        words.setProperty("muted", True)
        box = QVBoxLayout(self)
        box.addWidget(self._name)
        box.addWidget(words)
        box.addWidget(_buttons(self))

    def accept(self) -> None:
        """Tell the name and close."""
        self.named.emit(self._name.text())
        super().accept()


class DetailsDialog(QDialog):
    """Asks for title, tags and notes.

    Args:
        entry: The preset with its present words.
    """

    described = Signal(str, object, str)  # title, tuple of tags, notes

    def __init__(self, entry: PresetEntry, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("presetDetailsDialog")
        self.setWindowTitle(tr("Title, tags and notes"))
        self._title = QLineEdit(entry.title)
        self._title.setObjectName("detailsTitle")
        self._title.setAccessibleName(tr("Title"))
        self._title.setMinimumWidth(320)
        self._tags = QLineEdit(", ".join(entry.tags))
        self._tags.setObjectName("detailsTags")
        self._tags.setAccessibleName(tr("Tags"))
        self._tags.setPlaceholderText(tr("Parted by commas"))
        self._notes = QPlainTextEdit(entry.notes)
        self._notes.setObjectName("detailsNotes")
        self._notes.setAccessibleName(tr("Notes"))
        self._notes.setTabChangesFocus(True)
        form = QFormLayout()
        form.addRow(tr("Title"), self._title)
        form.addRow(tr("Tags"), self._tags)
        form.addRow(tr("Notes"), self._notes)
        box = QVBoxLayout(self)
        box.addLayout(form)
        box.addWidget(_buttons(self))

    def accept(self) -> None:
        """Tell the words and close."""
        tags = (tag.strip() for tag in self._tags.text().split(","))
        kept = tuple(dict.fromkeys(tag for tag in tags if tag))
        self.described.emit(self._title.text().strip(), kept, self._notes.toPlainText())
        super().accept()


def _buttons(dialog: QDialog) -> QDialogButtonBox:
    buttons = QDialogButtonBox(BUTTONS.Ok | BUTTONS.Cancel)
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    return buttons
