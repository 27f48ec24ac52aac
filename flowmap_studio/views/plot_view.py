"""What every plot stands on: a view of data with one axis on its left and one below."""

from __future__ import annotations

from collections.abc import Mapping

import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QGraphicsGridLayout, QGraphicsItem, QSizePolicy, QWidget

PLACES = {"left": (0, 0), "bottom": (1, 1)}
"""Row and column of each axis; the view is at (0, 1)."""
ABOVE_IMAGES = 0.5


class FillsView:
    """A mixin of items that count as filling the view.

    Bounds of their own take as long to find as the items take to draw.
    """

    def boundingRect(self) -> QRectF:  # noqa: D102 - Qt's
        box = self.getViewBox()
        return QRectF() if box is None else box.viewRect()


class PlotView(pg.GraphicsView):
    """As much of pyqtgraph's `PlotWidget` as the studio shows.

    A `PlotItem` also makes axes on top and on the right, a title, and hidden menus of 44 widgets:
    17 ms for each of the four plots, where this takes 6.

    Attributes:
        box: The view of the data.
        axes: "left" and "bottom".

    Args:
        axes: Instead of pyqtgraph's plain ones.
        margins: Logical pixels on the left, above, on the right and below.
    """

    def __init__(
        self,
        axes: Mapping[str, pg.AxisItem] | None = None,
        margins: tuple[int, int, int, int] = (0, 0, 0, 0),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.enableMouse(False)  # the box has its own
        frame = pg.GraphicsWidget()
        frame.setContentsMargins(*margins)
        layout = QGraphicsGridLayout()
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        frame.setLayout(layout)
        self.box = pg.ViewBox(parent=frame, enableMenu=False)
        layout.addItem(self.box, 0, 1)
        self.axes = {side: (axes or {}).get(side) or pg.AxisItem(side) for side in PLACES}
        for side, axis in self.axes.items():
            axis.linkToView(self.box)
            axis.setZValue(ABOVE_IMAGES)
            axis.setFlag(QGraphicsItem.GraphicsItemFlag.ItemNegativeZStacksBehindParent)
            layout.addItem(axis, *PLACES[side])
        self.setCentralItem(frame)
        self._frame = frame

    def addItem(self, item: QGraphicsItem, ignoreBounds: bool = False) -> None:  # noqa: D102, N803 - pyqtgraph's
        self.box.addItem(item, ignoreBounds=ignoreBounds)

    def removeItem(self, item: QGraphicsItem) -> None:  # noqa: D102 - pyqtgraph's
        self.box.removeItem(item)

    def show_grid(self, alpha: float) -> None:
        """Draw a grid at the ticks of both axes, of this opacity in [0, 1]; none at 0."""
        for axis in self.axes.values():
            axis.setGrid(round(alpha * 255) or False)

    def show_numbers(self, shown: bool) -> None:
        """Show or hide the numbers of both axes; nothing is drawn anew where that is no change."""
        for axis in self.axes.values():
            if axis.style["showValues"] is not shown:
                axis.setStyle(showValues=shown)
