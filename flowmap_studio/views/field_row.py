"""One row of the settings form: label, editor, reset and what is wrong, in a grid."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QToolButton

from flowmap_studio.core.config import defaults, settings
from flowmap_studio.views.field_editors import FieldEditor
from flowmap_studio.views.field_texts import default_text, setting_tip
from flowmap_studio.views.icons import icon
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette

RESET_SIDE = 24
"""Pixels; less than an editor's height, so that it never sets a row's height."""


class FieldRow(QObject):
    """The widgets of one field; `edited` tells that the user committed or reset its value.

    Args:
        name: A field of the config.
        kind: Its type: int, float or str.
        parent: The form.
    """

    edited = Signal()

    def __init__(self, name: str, kind: type, parent: QObject) -> None:
        super().__init__(parent)
        self._name = name
        setting = settings()[name]
        self.editor = FieldEditor(name, setting, kind)
        self.editor.edited.connect(self.edited)
        self.label = QLabel(tr(setting.label))
        self.label.setBuddy(self.editor.input)
        self.error = error_label(f"error_{name}")
        self.reset = QToolButton()
        self.reset.setObjectName(f"reset_{name}")
        self.reset.setToolTip(tr("Back to the default, {value}", value=default_text(name)))
        self.reset.setAccessibleName(tr("Reset {label}", label=tr(setting.label)))
        self.reset.setProperty("tight", True)
        self.reset.setFixedSize(RESET_SIDE, RESET_SIDE)
        self.reset.clicked.connect(self._on_reset)
        policy = self.reset.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # so that nothing moves when it appears
        self.reset.setSizePolicy(policy)
        self.set_editable(True)

    def place(self, grid: QGridLayout, row: int) -> None:
        """Put the widgets into two lines of a grid of three columns."""
        grid.addWidget(self.label, row, 0)
        grid.addWidget(self.editor, row, 1)
        grid.addWidget(self.reset, row, 2)
        grid.addWidget(self.error, row + 1, 0, 1, 3)

    def set_editable(self, editable: bool, reason: str = "") -> None:
        """Let the user edit, or grey the row out and give the reason in its tooltips."""
        tip = setting_tip(self._name, "" if editable else reason)
        for widget in (self.label, self.editor):
            widget.setEnabled(editable)
            widget.setToolTip(tip)
        self.reset.setEnabled(editable)

    def set_default(self) -> None:
        """Show the default without telling listeners."""
        self.editor.set_value(defaults()[self._name])

    def mark_changed(self) -> bool:
        """Offer the reset where the shown value differs from the default; returns whether."""
        changed = bool(self.editor.value() != defaults()[self._name])
        self.reset.setVisible(changed)
        return changed

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self.reset.setIcon(icon("reset", palette))

    def _on_reset(self) -> None:
        self.set_default()
        self.edited.emit()


def error_label(name: str) -> QLabel:
    """A hidden label in the colour of errors for a text of any length."""
    label = QLabel()
    label.setObjectName(name)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("error", True)
    label.setWordWrap(True)
    label.hide()
    return label
