"""The tool bar: run, what to learn and how, files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QFont, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QComboBox, QLabel, QToolBar, QToolButton, QWidget

from flowmap_studio.core.config import COUPLINGS, RunConfig
from flowmap_studio.core.methods import METHODS
from flowmap_studio.core.target_names import NAMED
from flowmap_studio.views.file_dialogs import CHOOSE_FILE, CHOOSE_FOLDER
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import interface_font

TRAIN_TEXTS = ("Train", "Pause", "Resume")
QUESTIONS = {
    "target": "Which target to train with",
    "method": "Which method to train with",
    "coupling": "Which coupling to train with",
}
OWN = {
    CHOOSE_FOLDER: "A folder of images, in a folder for each class if they have classes",
    CHOOSE_FILE: "A point file (.npy .csv .txt), a picture (.png .jpg) or images (.npz)",
}
"""The rows after the names of targets, with their tips."""
TRAIN_ROOM = 64
"""Logical pixels that the train button has beside its text."""
FILE_NAME = "0" * 13
"""The user's own file has the room of this text for its name."""
COMBO_LETTERS = 10
"""Width of a choice, in the widest letters; longer names are of narrower ones and fit."""


class StudioToolBar(QToolBar):
    """Buttons for the run, three choices of the config, buttons for files."""

    setting_chosen = Signal(str, str)  # field of the config, value
    file_wanted = Signal()
    folder_wanted = Signal()

    def __init__(
        self, actions: Mapping[str, QAction], targets: Mapping[str, str], parent: QWidget
    ) -> None:
        super().__init__(tr("Tools"), parent)
        self.setObjectName("toolBar")
        self._reason = ""
        self.setMovable(False)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        train = QToolButton()
        train.setObjectName("trainButton")
        train.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        train.setDefaultAction(actions["trainAction"])
        bold = interface_font()
        bold.setWeight(QFont.Weight.DemiBold)
        widest = max(QFontMetrics(bold).horizontalAdvance(tr(text)) for text in TRAIN_TEXTS)
        train.setMinimumWidth(widest + TRAIN_ROOM)  # what follows stays where it is
        self.addWidget(train)
        self.addAction(actions["stopAction"])
        self.addAction(actions["resetAction"])
        self.addSeparator()
        self._labels: list[QAction] = []
        self._level = 0
        self._needed: dict[int, int] = {}
        self.target_combo = self._choice("target", tr("target"), targets)
        self.target_combo.insertSeparator(self.target_combo.count())
        for text, tip in OWN.items():
            self.target_combo.addItem(tr(text))
            at = self.target_combo.count() - 1
            self.target_combo.setItemData(at, tr(tip), Qt.ItemDataRole.ToolTipRole)
        methods = {name: info.summary for name, info in METHODS.items()}
        self.method_combo = self._choice("method", tr("method"), methods)
        self.coupling_combo = self._choice("coupling", tr("coupling"), COUPLINGS)
        self.addSeparator()
        for name in ("openAction", "savePresetAction", "exportAction"):
            self.addAction(actions[name])

    def show_config(self, config: RunConfig) -> None:
        """Show a config's choices without telling listeners."""
        for field, combo in self._combos().items():
            value = getattr(config, field)
            combo.blockSignals(True)
            at = combo.findData(value)
            if at < 0:  # the user's own file: listed by its name, before the separator
                at = combo.count() - len(OWN) - 1
                combo.insertItem(at, self._short(Path(value).name), value)
                combo.setItemData(at, value, Qt.ItemDataRole.ToolTipRole)
            combo.setCurrentIndex(at)
            combo.blockSignals(False)
        self._show_tips()

    def forget_target(self, target: str) -> None:
        """Take the user's file off the list again."""
        at = self.target_combo.findData(target)
        if at >= 0 and target not in NAMED:
            self.target_combo.blockSignals(True)
            self.target_combo.removeItem(at)
            self.target_combo.blockSignals(False)

    def set_editable(self, editable: bool, reason: str) -> None:
        """Let the user choose, or not, for the reason given."""
        self._reason = "" if editable else reason
        for combo in self._combos().values():
            combo.setEnabled(editable)
        self._show_tips()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102 - Qt's
        # Where there is little room the words go first: nothing is pushed out of sight.
        for level in range(3):
            self._set_level(level)
            if self._needed.setdefault(level, self.sizeHint().width()) <= event.size().width():
                break
        super().resizeEvent(event)

    def _set_level(self, level: int) -> None:
        """All words (0), icons alone for actions (1), or without the labels of choices too (2)."""
        if level == self._level:
            return
        self._level = level
        style = Qt.ToolButtonStyle
        self.setToolButtonStyle(
            style.ToolButtonIconOnly if level else style.ToolButtonTextBesideIcon
        )
        for label in self._labels:
            label.setVisible(level < 2)
        self.layout().invalidate()

    def _show_tips(self) -> None:
        for field, combo in self._combos().items():
            choice = combo.itemData(combo.currentIndex(), Qt.ItemDataRole.ToolTipRole) or ""
            parts = [self._reason or tr(QUESTIONS[field]), tr("Now: {choice}", choice=choice)]
            combo.setToolTip("\n".join(parts))

    def _short(self, name: str) -> str:
        metrics = QFontMetrics(interface_font())
        room = metrics.horizontalAdvance(FILE_NAME)
        return metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, room)

    def _combos(self) -> dict[str, QComboBox]:
        return {
            "target": self.target_combo,
            "method": self.method_combo,
            "coupling": self.coupling_combo,
        }

    def _choice(self, field: str, label: str, options: Mapping[str, str]) -> QComboBox:
        combo = QComboBox()
        combo.setObjectName(f"{field}Combo")
        combo.setAccessibleName(label.capitalize())
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        longest = max(len(name) for name in options)
        combo.setMinimumContentsLength(min(longest, COMBO_LETTERS))
        for name, line in options.items():
            combo.addItem(name, name)
            combo.setItemData(combo.count() - 1, tr(line), Qt.ItemDataRole.ToolTipRole)
        combo.currentIndexChanged.connect(self._on_chosen)
        self._labels.append(self.addWidget(QLabel(label)))
        self.addWidget(combo)
        return combo

    def _on_chosen(self, index: int) -> None:
        combo = self.sender()
        value = combo.itemData(index)
        if value is None:
            folder = combo.itemText(index) == tr(CHOOSE_FOLDER)
            (self.folder_wanted if folder else self.file_wanted).emit()
        else:
            self.setting_chosen.emit(combo.objectName().removesuffix("Combo"), value)
