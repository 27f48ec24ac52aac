"""The row below the loss plot: kind of axis, smoothing, earlier runs."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from flowmap_studio.views.runs_button import RunsButton
from flowmap_studio.views.smoothing_slider import SmoothingSlider
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette


class LossControls(QWidget):
    """What the user sets of the loss plot.

    Attributes:
        smoothing: How much curves are smoothed.
        runs: Opens the list of earlier runs.
    """

    logarithmic_toggled = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._log = QToolButton()
        self._log.setObjectName("logToggle")
        self._log.setText(tr("log"))
        self._log.setAccessibleName(tr("Logarithmic loss axis"))
        self._log.setCheckable(True)
        self._log.setChecked(True)
        self._log.setToolTip(
            tr("Logarithmic or linear loss axis. Zeros have no place on a logarithmic one.")
        )
        self._log.toggled.connect(self.logarithmic_toggled)
        self.smoothing = SmoothingSlider()
        self.runs = RunsButton("lossRuns")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._log)
        row.addWidget(self.smoothing, 1)
        row.addWidget(self.runs)

    def set_logarithmic(self, on: bool) -> None:
        """Show which axis it is."""
        self._log.setChecked(on)

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self.runs.apply_palette(palette)
        self._log.setStyleSheet(
            f"QToolButton {{ border: 1px solid {palette.border}; border-radius: 6px; "
            f"padding: 2px 8px; color: {palette.muted}; }}"
            f"QToolButton:hover, QToolButton:focus {{ border-color: {palette.accent}; }}"
            f"QToolButton:checked {{ background: {palette.grid}; color: {palette.text}; }}"
        )
