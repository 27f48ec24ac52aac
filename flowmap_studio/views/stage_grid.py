"""The stage's grid: one spacing for both axes, drawn far quicker than pyqtgraph's own grid."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QTransform
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from flowmap_studio.core.drawing.axes import multiples, nice_spacing


class StageGrid(pg.GraphicsObject):
    """Lines at the multiples of `nice_spacing`; those through the origin are a little stronger.

    pyqtgraph's grid paints antialiased, partly transparent lines of single opacities: 9 ms for a
    stage of 900 × 700 pixels, many times what all the points take. These take 0.1 ms.
    """

    def __init__(self) -> None:
        super().__init__()
        self._line = self._origin = QColor()
        self._ruled: tuple[tuple[QRectF, QTransform, float], list[tuple[QRectF, bool]]] | None
        self._ruled = None
        self.setZValue(-1)

    def set_colours(self, line: QColor, origin: QColor) -> None:
        """Colours of ordinary lines and of those through the origin."""
        self._line, self._origin = line, origin
        self.update()

    def boundingRect(self) -> QRectF:  # noqa: D102 - Qt's
        return QRectF(self.viewRect() or QRectF())

    def viewTransformChanged(self) -> None:  # noqa: D102 - pyqtgraph's
        self.prepareGeometryChange()
        super().viewTransformChanged()

    def paint(  # noqa: D102 - Qt's
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        del option, widget
        view = self.boundingRect()
        if view.isEmpty():
            return
        world, ratio = painter.worldTransform(), painter.device().devicePixelRatioF()
        place = view, world, ratio
        if self._ruled is None or self._ruled[0] != place:
            self._ruled = place, _lines(view, world, ratio)
        painter.save()
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for line, through_origin in self._ruled[1]:
            painter.fillRect(line, self._origin if through_origin else self._line)
        painter.restore()


def _lines(view: QRectF, world: QTransform, ratio: float) -> list[tuple[QRectF, bool]]:
    """The lines on whole device pixels, and which of them go through the origin."""
    area, found = world.mapRect(view), []
    spacing = nice_spacing(view.width() / area.width())
    for number in multiples(view.left(), view.right(), spacing):
        at = round(world.map(QPointF(number * spacing, 0)).x() * ratio) / ratio
        found.append((QRectF(at, area.top(), 1, area.height()), number == 0))
    for number in multiples(view.top(), view.bottom(), spacing):
        at = round(world.map(QPointF(0, number * spacing)).y() * ratio) / ratio
        found.append((QRectF(area.left(), at, area.width(), 1), number == 0))
    return found
