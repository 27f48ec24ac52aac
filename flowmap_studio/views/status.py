"""The status bar: device, steps per second, frame time, points and state."""

from __future__ import annotations

from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QLabel, QProgressBar, QStatusBar, QWidget

from flowmap_studio.views.theme import interface_font

PADDING = 20
"""Logical pixels that a figure has beside its text."""
NO_RATE = "– steps/s"
ACTIVE = ("running", "paused", "stopping")


class StudioStatus(QStatusBar):
    """Quiet figures of fixed width, so that they do not jump about."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.setContentsMargins(6, 0, 12, 2)
        self._device = self._figure("statusDevice", "Where the map is trained", "CPU")
        self._rate = self._figure("statusRate", "Training steps per second", "100,000 steps/s")
        self._frame = self._figure(
            "statusFrame", "Time to evaluate the clouds on stage", "frame 10,000.0 ms"
        )
        self._points = self._figure("statusPoints", "Points of each cloud", "1,000,000 points")
        self._state = self._figure("statusState", "Whether a run is going on", "stopping")
        self._progress = QProgressBar()
        self._progress.setObjectName("runProgress")
        self._progress.setAccessibleName("Progress of the run")
        self._progress.setRange(0, 1000)
        self._progress.setTextVisible(False)
        self._progress.setFixedWidth(140)
        self.addPermanentWidget(self._progress)
        self._device.setText("CPU")
        self._rate.setText(NO_RATE)
        self._frame.setText("frame –")

    def show_state(self, state: str) -> None:
        """Name the run's state."""
        self._state.setText(state)
        self._progress.setVisible(state in ACTIVE)

    def show_device(self, name: str) -> None:
        """Name the device of the run."""
        self._device.setMinimumWidth(_width(name))
        self._device.setText(name)

    def show_rate(self, steps_per_second: float, fraction: float) -> None:
        """Show the training rate, a dash where there is none, and the share of the budget used."""
        self._rate.setText(f"{steps_per_second:,.0f} steps/s" if steps_per_second else NO_RATE)
        self._progress.setValue(round(1000 * fraction))

    def show_frame(self, seconds: float | None, points: int) -> None:
        """Show the time of the last evaluation, a dash for None, and the number of points."""
        self._frame.setText("frame –" if seconds is None else f"frame {1000 * seconds:,.1f} ms")
        self._points.setText(f"{points:,} points")

    def _figure(self, name: str, tip: str, widest: str) -> QLabel:
        label = QLabel()
        label.setObjectName(name)
        label.setToolTip(tip)
        label.setMinimumWidth(_width(widest))
        self.addWidget(label)
        return label


def _width(text: str) -> int:
    """Pixels that a text needs in the interface's font, whatever is in force while building."""
    return QFontMetrics(interface_font()).horizontalAdvance(text) + PADDING
