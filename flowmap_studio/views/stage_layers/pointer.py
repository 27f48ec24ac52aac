"""The mouse on the stage: a click means a point, a lasso a group of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent

from flowmap_studio.views.stage_plot import StagePlot

STILL = 4
"""Logical pixels that the mouse may move during a click."""
REACH = 12
"""Logical pixels from a point that still mean it."""


class StagePointer(QObject):
    """Watches the stage's mouse; dragging still pans, but for a lasso.

    Attributes:
        lasso: Whether dragging draws a lasso; with Shift it does so anyway.
        outline: The lasso while it is drawn.

    Args:
        plot: Whose mouse it watches; it is the owner.
    """

    clicked = Signal(float, float, float)
    """A place in data units, and how near a point has to be to be meant."""
    lassoed = Signal(object)
    """(k, 2) corners in data units."""

    def __init__(self, plot: StagePlot) -> None:
        super().__init__(plot)
        self._plot = plot
        self.lasso = False
        self._pressed: QPoint | None = None
        self._corners: list[tuple[float, float]] | None = None
        self.outline = pg.PlotCurveItem()
        self.outline.setZValue(1000)
        plot.addItem(self.outline, ignoreBounds=True)
        plot.viewport().installEventFilter(self)

    def set_colour(self, colour: str) -> None:
        """Draw the lasso in a colour, #rrggbb."""
        self.outline.setPen(pg.mkPen(colour, width=1.5, style=Qt.PenStyle.DashLine))

    def set_lasso(self, on: bool) -> None:
        """Let dragging draw a lasso, or pan again."""
        self.lasso = on
        shape = Qt.CursorShape.CrossCursor if on else Qt.CursorShape.ArrowCursor
        self._plot.viewport().setCursor(shape)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102 - Qt's
        if isinstance(event, QMouseEvent):
            kind = event.type()
            if kind == QEvent.Type.MouseButtonPress:
                return self._press(event)
            if kind == QEvent.Type.MouseMove and self._corners is not None:
                self._corners.append(self._place(event.position()))
                corners = np.array(self._corners)
                self.outline.setData(corners[:, 0], corners[:, 1])
                return True
            if kind == QEvent.Type.MouseButtonRelease:
                return self._release(event)
        return super().eventFilter(watched, event)

    def _press(self, event: QMouseEvent) -> bool:
        if event.button() != Qt.MouseButton.LeftButton:
            return False
        self._pressed = event.position().toPoint()
        if self.lasso or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._corners = [self._place(event.position())]
        return self._corners is not None

    def _release(self, event: QMouseEvent) -> bool:
        pressed, corners = self._pressed, self._corners
        if event.button() != Qt.MouseButton.LeftButton or pressed is None:
            return False
        self._pressed = self._corners = None
        self.outline.clear()
        if (event.position().toPoint() - pressed).manhattanLength() <= STILL and (
            corners is None or len(corners) < 4
        ):
            here, beside = (
                self._place(event.position() + QPointF(shift, 0)) for shift in (0, REACH)
            )
            self.clicked.emit(*here, beside[0] - here[0])
        elif corners is not None and len(corners) > 2:
            drawn: npt.NDArray[np.float64] = np.array(corners)
            self.lassoed.emit(drawn)
        return corners is not None

    def _place(self, position: QPointF) -> tuple[float, float]:
        scene = self._plot.mapToScene(position.toPoint())
        place = self._plot.box.mapSceneToView(scene)
        return place.x(), place.y()
