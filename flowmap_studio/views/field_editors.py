"""Editors for the fields of the config: one small class per kind of value, one interface."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QWidget,
)

from flowmap_studio.core.setting import Setting
from flowmap_studio.views.file_dialogs import CHOOSE_FILE, ask_target
from flowmap_studio.views.texts import tr

LARGEST_SPIN = 2_147_483_647
NARROWEST = 72
"""Pixels of the narrowest editor, so that the form fits a narrow dock."""
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")


class _CalmSpinBox(QSpinBox):
    """Leaves the wheel to the scrolling form unless it has the focus."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class _CalmComboBox(QComboBox):
    """Leaves the wheel to the scrolling form unless it has the focus."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class FieldEditor(QWidget):
    """One field's editor with its unit; `edited` tells that the user committed a value.

    Args:
        name: The field.
        setting: Its description.
        kind: Its type: int, float or str.
    """

    edited = Signal()

    def __init__(self, name: str, setting: Setting, kind: type) -> None:
        super().__init__()
        self._kind = kind
        self._setting = setting
        self._shown: Any = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self.input = self._make_input()
        self.input.setObjectName("deviceCombo" if name == "device" else f"{name}Edit")
        self.input.setAccessibleName(tr(setting.label))
        self.input.setMinimumWidth(NARROWEST)
        # One height for all kinds, so that the rows lie evenly; on this widget, because the style
        # sheet gives inputs a least height of their own.
        self.setFixedHeight(self.fontMetrics().height() + 10)
        self.input.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        # A wheel that merely passes over must not take the focus, and with it the value.
        self.input.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        row.addWidget(self.input, 1)
        if setting.unit and isinstance(self.input, QLineEdit):
            _put_unit(self.input, tr(setting.unit))

    def value(self) -> Any:
        """The value as the user sees it; a text that is no number stays a text."""
        widget = self.input
        if isinstance(widget, QComboBox):
            return widget.currentText().strip()
        if isinstance(widget, QSpinBox):
            return widget.value()
        text = widget.text().strip()
        if self._kind is str:
            return text
        try:
            return int(text) if self._kind is int and text.isdecimal() else read_number(text)
        except ValueError:
            return text

    def commit(self) -> None:
        """Take a number that is typed but not finished; a text is read as it stands anyway."""
        if isinstance(self.input, QSpinBox):
            self.input.interpretText()

    def tidy(self) -> None:
        """Write a valid text as the form does: 0.0010 becomes 1e-3."""
        self._shown = self.value()
        if isinstance(self.input, QLineEdit):
            self.set_value(self.value())

    def set_value(self, value: Any) -> None:
        """Show a value without telling listeners, in place of anything half typed."""
        widget = self.input
        self._shown = value
        widget.blockSignals(True)
        if isinstance(widget, QComboBox):
            widget.setCurrentText(value)
        elif isinstance(widget, QSpinBox):
            widget.setValue(value)
        else:
            text = self._as_text(value)
            if widget.text() != text:
                widget.setText(text)
                widget.setCursorPosition(0)
        widget.blockSignals(False)

    def _as_text(self, value: Any) -> str:
        if self._kind is not float:
            return str(value)
        return write_number(value, scientific=self._setting.logarithmic)

    def _make_input(self) -> QComboBox | QSpinBox | QLineEdit:
        if self._setting.choices:
            return self._make_combo()
        if self._setting.suggestions:
            return self._make_open_combo()
        # Larger than a spin box can count: as text, checked by the config.
        if self._kind is int and self._setting.maximum <= LARGEST_SPIN:
            return self._make_spin()
        line = QLineEdit()
        line.setTextMargins(-2, 0, 0, 0)  # in line with the texts of combo boxes
        line.editingFinished.connect(self.edited)
        return line

    def _make_combo(self) -> QComboBox:
        combo = _CalmComboBox()
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.setMinimumContentsLength(5)
        combo.addItems(list(self._setting.choices))
        combo.currentTextChanged.connect(self.edited)
        return combo

    def _make_open_combo(self) -> QComboBox:
        """Names to choose from, and files: by a dialog, or typed."""
        combo = _CalmComboBox()
        combo.setEditable(True)
        combo.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.setMinimumContentsLength(5)
        combo.addItems(list(self._setting.suggestions))
        combo.insertSeparator(combo.count())
        combo.addItem(tr(CHOOSE_FILE))
        combo.activated.connect(self._on_suggestion)
        combo.lineEdit().editingFinished.connect(self.edited)
        return combo

    def _on_suggestion(self, index: int) -> None:
        if self.input.itemText(index) == tr(CHOOSE_FILE):
            path = ask_target(self, tr("Where to start"))
            self.input.setCurrentText(str(path) if path else self._shown)
        self.edited.emit()

    def _make_spin(self) -> QSpinBox:
        setting = self._setting
        spin = _CalmSpinBox()
        spin.lineEdit().setTextMargins(4, 0, 0, 0)
        spin.setLocale(QLocale(QLocale.Language.English, QLocale.Country.UnitedStates))
        spin.setRange(int(max(setting.minimum, -LARGEST_SPIN)), int(setting.maximum))
        spin.setGroupSeparatorShown(True)
        spin.setKeyboardTracking(False)  # a value counts once it is finished
        spin.setStepType(QSpinBox.StepType.AdaptiveDecimalStepType)
        spin.setSuffix(f" {tr(setting.unit)}" if setting.unit else "")
        spin.valueChanged.connect(self.edited)
        return spin


def _put_unit(line: QLineEdit, unit: str) -> None:
    """Show a unit at the right end inside a line, where spin boxes have their suffix."""
    label = QLabel(unit)
    label.setProperty("muted", True)
    label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    inside = QHBoxLayout(line)
    inside.setContentsMargins(0, 0, 8, 0)
    inside.addStretch(1)
    inside.addWidget(label)
    margins = line.textMargins()
    margins.setRight(label.sizeHint().width() + 6)
    line.setTextMargins(margins)


def read_number(text: str) -> float:
    """A number as people type it: 0.001, 1e-3, 1,000 (grouped) or 0,5 (decimal comma).

    Raises:
        ValueError: It is none.
    """
    compact = text.replace(" ", "").replace("−", "-")
    commas_group = GROUPED.fullmatch(compact) is not None
    return float(compact.replace(",", "" if commas_group else "."))


def write_number(value: float, *, scientific: bool) -> str:
    """The shortest text that `read_number` reads back as the very same number.

    Args:
        value: A finite number.
        scientific: Write small and large ones as 1e-3 and 2.5e-4.
    """
    exact = Decimal(repr(float(value))).normalize()
    if exact == 0:
        return "0"
    exponent = exact.adjusted()
    if -7 <= exponent < 7 and not (scientific and exponent < -1):
        return f"{exact:f}"
    mantissa = exact.scaleb(-exponent).normalize()
    return f"{mantissa:f}e{exponent}"
