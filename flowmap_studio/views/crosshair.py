"""A vertical line under the mouse and a little card with the values there."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QLabel

from flowmap_studio.views.plot_view import PlotView
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette, interface_font

GAP = 10
"""Pixels between the line and its card."""


class Crosshair(QObject):
    """Snaps to the nearest recorded step and shows what was recorded there.

    Args:
        plot: The plot to watch.
        describe: Maps a step under the mouse to the nearest recorded one and the card's rich
            text, or None where there is nothing to read.
    """

    def __init__(
        self, plot: PlotView, describe: Callable[[float], tuple[float, str] | None]
    ) -> None:
        super().__init__(plot)
        self._plot = plot
        self._describe = describe
        self._mouse: QPoint | None = None
        self._line = pg.InfiniteLine(angle=90)
        self._line.setZValue(50)
        self._line.hide()
        plot.addItem(self._line, ignoreBounds=True)
        self.card = QLabel(plot)
        self.card.setObjectName("crosshairLabel")
        self.card.setAccessibleName(tr("Values under the mouse"))
        self.card.setTextFormat(Qt.TextFormat.RichText)
        self.card.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.card.setFont(interface_font(8.5))
        self.card.hide()
        plot.viewport().setMouseTracking(True)
        plot.viewport().installEventFilter(self)

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._line.setPen(pg.mkPen(palette.muted, style=Qt.PenStyle.DashLine))
        self.card.setStyleSheet(
            f"QLabel {{ background: {palette.field}; color: {palette.text}; "
            f"border: 1px solid {palette.border}; border-radius: 6px; padding: 2px 4px; }}"
        )
        self.update()

    def update(self) -> None:
        """Read the values under the mouse again, because the curves or the range changed."""
        found = None
        box = self._plot.box
        if self._mouse is not None:
            scene = self._plot.mapToScene(self._mouse)
            if box.sceneBoundingRect().contains(scene):
                found = self._describe(box.mapSceneToView(scene).x())
        self._line.setVisible(found is not None)
        self.card.setVisible(found is not None)
        if found is None:
            self.card.clear()
            return
        step, text = found
        self._line.setValue(step)
        if text != self.card.text():
            self.card.setText(text)
            self.card.adjustSize()
        self._place(box.mapViewToScene(QPointF(step, 0)).x())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102 - Qt's
        if event.type() == QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            self._mouse = event.position().toPoint()
            self.update()
        elif event.type() == QEvent.Type.Leave:
            self._mouse = None
            self.update()
        return super().eventFilter(watched, event)

    def _place(self, line: float) -> None:
        # Beside the line, on whichever side of it there is room.
        left = round(line) + GAP
        if left + self.card.width() > self._plot.width() - 4:
            left = round(line) - GAP - self.card.width()
        top = round(self._plot.box.sceneBoundingRect().top()) + 6
        self.card.move(max(left, 2), top)


def table(step: float, rows: Iterable[tuple[str, str, str]]) -> str:
    """The card's rich text.

    Args:
        step: What the figures belong to; the last one where it is the middle of several.
        rows: Colour, name and figure of each.
    """
    head = tr("step {step:,}", step=math.ceil(step))
    body = "".join(
        f"<tr><td><span style='color:{colour}'>{html.escape(name)}</span>&nbsp;</td>"
        f"<td align='right'>{figure}</td></tr>"
        for colour, name, figure in rows
    )
    return (
        f"<table cellspacing='0'><tr><td colspan='2' style='font-weight:600'>{head}</td></tr>"
        f"{body}</table>"
    )
