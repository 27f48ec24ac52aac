"""How points of more than two axes are seen: principal axes, chosen axes or a tour."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSpinBox, QWidget

from flowmap_studio.core.projections import (
    TOUR_PACE,
    Ride,
    Tour,
    chosen_axes,
    principal_axes,
)
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.views.cloud_view import CloudView
from flowmap_studio.views.texts import tr

WAYS = ("Principal axes", "Chosen axes", "Random tour")
INTERVAL = 33
"""Milliseconds between two views of a tour."""


class ProjectionBar(QWidget):
    """A line above the stage; hidden in the plane.

    Args:
        stage: Shows points through the view that is chosen here.
    """

    def __init__(self, stage: CloudView) -> None:
        super().__init__()
        self.setObjectName("projectionBar")
        self._stage = stage
        self._data: npt.NDArray[np.float32] | None = None
        self._place = 0.0
        self.way = QComboBox()
        self.way.setObjectName("projectionCombo")
        self.way.setAccessibleName(tr("Projection"))
        self.way.addItems([tr(way) for way in WAYS])
        self.axes = [QSpinBox(), QSpinBox()]
        for spin, name in zip(self.axes, ("x", "y"), strict=True):
            spin.setObjectName(f"{name}AxisSpin")
            spin.setAccessibleName(tr("Axis shown along {name}", name=name))
            spin.setPrefix(f"{name}: ")
            spin.setMinimum(1)
            spin.valueChanged.connect(self._refresh)
        self._words = QLabel()
        self._words.setProperty("muted", True)
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL)
        self._timer.timeout.connect(self._tick)
        self.way.currentIndexChanged.connect(self._refresh)
        box = QHBoxLayout(self)
        box.setContentsMargins(8, 4, 8, 0)
        box.addWidget(QLabel(tr("Projection")))
        box.addWidget(self.way)
        for spin in self.axes:
            box.addWidget(spin)
        box.addWidget(self._words, 1)
        self.hide()

    def show_points(self, snapshot: Snapshot) -> None:
        """See the points of a map: its axes, and the principal ones of its data."""
        if snapshot.dim <= 2:
            if not self.isHidden():
                self.hide()
                self._timer.stop()
                self._stage.set_projection(None)
            self._data = None
            return
        if self._data is snapshot.data:
            return
        first = self._data is None or self._data.shape[1] != snapshot.dim
        self._data = snapshot.data
        if first:
            for number, spin in enumerate(self.axes):
                spin.setMaximum(snapshot.dim)
                spin.setValue(number + 1)
        self.show()
        self._refresh()

    def ride(self) -> Ride | None:
        """The tour as it goes on from here; None where there is none."""
        if self._data is None or WAYS[self.way.currentIndex()] != WAYS[2]:
            return None
        return Ride(self._data.shape[1], self._place)

    def _refresh(self) -> None:
        if self._data is None:
            return
        chosen = WAYS[self.way.currentIndex()]
        for spin in self.axes:
            spin.setVisible(chosen == WAYS[1])
        self._words.setText(tr("of {count} axes", count=self._data.shape[1]))
        if chosen == WAYS[2]:
            self._timer.start()
            self._tick()
            return
        self._timer.stop()
        if chosen == WAYS[0]:
            self._stage.set_projection(principal_axes(self._data))
        else:
            x, y = (spin.value() - 1 for spin in self.axes)
            self._stage.set_projection(chosen_axes(self._data.shape[1], x, y))
        self._stage.fit()

    def _tick(self) -> None:
        if self._data is not None:
            self._place += TOUR_PACE * INTERVAL / 1000
            self._stage.set_projection(Tour(self._data.shape[1]).at(self._place))
