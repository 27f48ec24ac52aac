"""The tool bar: run, what to learn and how, files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QLabel, QToolBar, QToolButton, QWidget

from flowmap_studio.core.config import COUPLINGS, RunConfig
from flowmap_studio.core.methods import METHODS

CHOOSE_FILE = "Your own file…"


class StudioToolBar(QToolBar):
    """Buttons for the run, three choices of the config, buttons for files."""

    setting_chosen = Signal(str, str)  # field of the config, value
    file_wanted = Signal()

    def __init__(
        self, actions: Mapping[str, QAction], targets: Mapping[str, str], parent: QWidget
    ) -> None:
        super().__init__("Tools", parent)
        self.setObjectName("toolBar")
        self.setMovable(False)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        train = QToolButton()
        train.setObjectName("trainButton")
        train.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        train.setDefaultAction(actions["trainAction"])
        train.setMinimumWidth(92)
        self.addWidget(train)
        self.addAction(actions["stopAction"])
        self.addAction(actions["resetAction"])
        self.addSeparator()
        self.target_combo = self._choice("target", "target", targets)
        self.target_combo.insertSeparator(self.target_combo.count())
        self.target_combo.addItem(CHOOSE_FILE)
        self.target_combo.setItemData(
            self.target_combo.count() - 1,
            "A point file (.npy .csv .txt) or a picture (.png .jpg)",
            Qt.ItemDataRole.ToolTipRole,
        )
        methods = {name: info.summary for name, info in METHODS.items()}
        self.method_combo = self._choice("method", "method", methods)
        self.coupling_combo = self._choice("coupling", "coupling", COUPLINGS)
        self.addSeparator()
        for name in ("openAction", "savePresetAction", "exportAction"):
            self.addAction(actions[name])

    def show_config(self, config: RunConfig) -> None:
        """Show a config's choices without telling listeners."""
        for field, combo in self._combos().items():
            value = getattr(config, field)
            combo.blockSignals(True)
            at = combo.findData(value)
            if at < 0:  # the user's own file: listed by its name before the last two rows
                at = combo.count() - 2
                combo.insertItem(at, Path(value).name, value)
            combo.setCurrentIndex(at)
            combo.blockSignals(False)

    def set_editable(self, editable: bool, reason: str) -> None:
        """Let the user choose, or not, for the reason given."""
        for field, combo in self._combos().items():
            combo.setEnabled(editable)
            combo.setToolTip(f"Which {field} to train with" if editable else reason)

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
        combo.setMinimumContentsLength(max(len(name) for name in options))
        for name, line in options.items():
            combo.addItem(name, name)
            combo.setItemData(combo.count() - 1, line, Qt.ItemDataRole.ToolTipRole)
        combo.currentIndexChanged.connect(self._on_chosen)
        self.addWidget(QLabel(label))
        self.addWidget(combo)
        return combo

    def _on_chosen(self, index: int) -> None:
        combo = self.sender()
        value = combo.itemData(index)
        if value is None:
            self.file_wanted.emit()
        else:
            self.setting_chosen.emit(combo.objectName().removesuffix("Combo"), value)
