"""The slider that says how much the loss curves are smoothed."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QSlider, QWidget

from flowmap_studio.views.texts import tr

TICKS = 1000
LONGEST = 1000.0
"""Points that the strongest smoothing averages over."""
FIRST = 200


class SmoothingSlider(QWidget):
    """A slider for a weight in 0 to 0.999, with its figure beside it."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        caption = QLabel(tr("smoothing"))
        caption.setProperty("muted", True)
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setObjectName("smoothingSlider")
        self._slider.setAccessibleName(tr("Smoothing"))
        self._slider.setRange(0, TICKS)
        self._slider.setPageStep(TICKS // 10)
        self._slider.setMinimumWidth(60)
        # It takes what its neighbours leave.
        self._slider.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._slider.setValue(FIRST)
        self._slider.valueChanged.connect(self._on_moved)
        self._figure = QLabel(f"{self.weight():.3f}")
        self._figure.setObjectName("smoothingLabel")
        self._figure.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._figure.setMinimumWidth(self._figure.fontMetrics().horizontalAdvance("0.000") + 2)
        self.setToolTip(
            tr(
                "Weight of the past in the moving average of the curves, 0 to 0.999.\n"
                "The raw curve stays, faintly, behind; the values in the legend are never smoothed."
            )
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(caption)
        row.addWidget(self._slider, 1)
        row.addWidget(self._figure)

    def weight(self) -> float:
        """The weight: even steps of the slider multiply the averaged length (1, 10, 100, 1000)."""
        return float(1 - LONGEST ** (-self._slider.value() / TICKS))

    def _on_moved(self) -> None:
        self._figure.setText(f"{self.weight():.3f}")
        self.changed.emit()
