"""A panel of images side by side: where each lies, and how they are drawn."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

GAP = 2.0
"""Logical pixels between images."""
ABOUT = 100
"""Images that a large panel shows: more would be too small to read at a glance."""

Pictures = npt.NDArray[np.uint8]
"""(n, height, width, channels) bytes."""


def as_qimage(picture: Pictures) -> QImage:
    """A copy of one picture (height, width, 1 or 3)."""
    height, width, channels = picture.shape
    packed = np.ascontiguousarray(picture)
    grey = channels == 1
    kind = QImage.Format.Format_Grayscale8 if grey else QImage.Format.Format_RGB888
    return QImage(packed.data, width, height, width * channels, kind).copy()


class ImagePanel:
    """Some images in an area, row by row, as many as fit at a size that a person can see.

    Args:
        least: Smallest side of an image in logical pixels.
        rows: Number of rows; as many as fit when None.
    """

    def __init__(self, least: float = 30.0, rows: int | None = None) -> None:
        self._least, self._rows = least, rows
        self._images: list[QImage] = []
        self._area = QRectF()
        self._columns, self._width, self._height = 1, 0.0, 0.0
        self.shown = 0

    def __len__(self) -> int:
        return len(self._images)

    def set_pictures(self, pictures: Pictures) -> None:
        """Show these (n, height, width, channels)."""
        self._images = [as_qimage(picture) for picture in pictures]
        self._arrange()

    def set_area(self, area: QRectF) -> None:
        """Lie there, in logical pixels."""
        self._area = area
        self._arrange()

    def _arrange(self) -> None:
        """As many images as fit, each as large as their number allows."""
        self.shown = 0
        if not self._images or self._area.width() < 8 or self._area.height() < 8:
            return
        aspect = self._images[0].width() / self._images[0].height()
        wide, high = self._area.width() + GAP, self._area.height() + GAP
        if self._rows is None:
            even = math.sqrt(self._area.width() * self._area.height() / ABOUT)
            width = max(self._least, even) * max(1.0, aspect)
            self._columns = max(1, min(int(wide / (width + GAP)), len(self._images)))
            cell = wide / self._columns - GAP
            rows = max(1, int(high / (cell / aspect + GAP)))
        else:
            rows = self._rows
            self._columns = math.ceil(len(self._images) / rows)
            cell = min(wide / self._columns - GAP, (high / rows - GAP) * aspect)
        rows = min(rows, math.ceil(len(self._images) / self._columns))
        self._width, self._height = cell, cell / aspect
        self.shown = min(len(self._images), rows * self._columns)

    def cell(self, index: int) -> QRectF:
        """Where an image lies."""
        row, column = divmod(index, self._columns)
        left = self._area.left() + column * (self._width + GAP)
        top = self._area.top() + row * (self._height + GAP)
        return QRectF(left, top, self._width, self._height)

    def index_at(self, place: QPointF) -> int | None:
        """Which image lies there."""
        if not self.shown or not self._area.contains(place):
            return None
        column = int((place.x() - self._area.left()) / (self._width + GAP))
        row = int((place.y() - self._area.top()) / (self._height + GAP))
        index = row * self._columns + column
        return index if column < self._columns and index < self.shown else None

    def image(self, index: int) -> QImage:
        """One of the images."""
        return self._images[index]

    def paint(self, painter: QPainter, paper: QColor, marks: dict[int, QColor]) -> None:
        """Draw all that fit.

        Args:
            painter: In logical pixels; pixels of images stay square blocks.
            paper: Colour of a line round each.
            marks: Colours of frames round some of them, by number.
        """
        for index in range(self.shown):
            painter.fillRect(self.cell(index).adjusted(-1, -1, 1, 1), paper)
        for index in range(self.shown):
            painter.drawImage(self.cell(index), self._images[index])
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for index, colour in marks.items():
            if index < self.shown:
                painter.setPen(QPen(colour, 2))
                painter.drawRect(self.cell(index).adjusted(-1, -1, 1, 1))
