"""The status bar: device, steps per second, frame time, points and state."""

from __future__ import annotations

from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QLabel, QProgressBar, QStatusBar, QWidget

from flowmap_studio.views.figure_label import keep_size
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import interface_font

PADDING = 20
"""Logical pixels that a figure has beside its text."""
STATES = ("idle", "running", "paused", "stopping", "failed")
ACTIVE = ("running", "paused", "stopping")


class StudioStatus(QStatusBar):
    """Quiet figures of fixed width, so that they do not jump about."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.setContentsMargins(6, 0, 12, 2)
        self._device = self._figure("statusDevice", tr("Where the map is trained"), "CPU")
        self._rate = self._figure("statusRate", tr("Training steps per second"), _rate(100_000))
        self._frame = self._figure(
            "statusFrame", tr("Time to evaluate the clouds on stage"), _frame(10)
        )
        self._points = self._figure("statusPoints", tr("Points of each cloud"), _points(1_000_000))
        self._state = self._figure(
            "statusState", tr("Whether a run is going on"), max(map(tr, STATES), key=_width)
        )
        self._progress = QProgressBar()
        self._progress.setObjectName("runProgress")
        self._progress.setAccessibleName(tr("Progress of the run"))
        self._progress.setRange(0, 1000)
        self._progress.setTextVisible(False)
        self._progress.setFixedWidth(140)
        self.addPermanentWidget(self._progress)
        self._device.setText("CPU")
        self._rate.setText(_rate(0))
        self._frame.setText(_frame(None))

    def show_state(self, state: str) -> None:
        """Name the run's state."""
        self._state.setText(tr(state))
        self._progress.setVisible(state in ACTIVE)

    def show_device(self, name: str) -> None:
        """Name the device of the run."""
        keep_size(self._device, _width(name))
        self._device.setText(name)

    def show_rate(self, steps_per_second: float, fraction: float) -> None:
        """Show the training rate, a dash where there is none, and the share of the budget used."""
        self._rate.setText(_rate(steps_per_second))
        self._progress.setValue(round(1000 * fraction))

    def show_frame(self, seconds: float | None, points: int) -> None:
        """Show the time of the last evaluation, a dash for None, and the number of points."""
        self._frame.setText(_frame(seconds))
        self._points.setText(_points(points))

    def _figure(self, name: str, tip: str, widest: str) -> QLabel:
        label = QLabel()
        label.setObjectName(name)
        label.setToolTip(tip)
        self.addWidget(label)
        keep_size(label, _width(widest))
        return label


def _rate(steps_per_second: float) -> str:
    if not steps_per_second:
        return tr("– steps/s")
    return tr("{rate:,.0f} steps/s", rate=steps_per_second)


def _frame(seconds: float | None) -> str:
    if seconds is None:
        return tr("frame –")
    return tr("frame {milliseconds:,.1f} ms", milliseconds=1000 * seconds)


def _points(count: int) -> str:
    return tr("{count:,} points", count=count)


def _width(text: str) -> int:
    """Pixels that a text needs in the interface's font, whatever is in force while building."""
    return QFontMetrics(interface_font()).horizontalAdvance(text) + PADDING
