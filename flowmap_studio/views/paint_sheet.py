"""The picture that is drawn by hand: strokes, texts, pictures and points, with undo."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QBuffer, QIODevice, QObject, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPainterPath, QPen, QTransform

from flowmap_studio.views.paint_symmetry import copies

SIDE = 512
"""Pixels of the picture; the map's data spans [−2, 2] from edge to edge."""
FILLED = 0.86
"""Share of the square that texts, pictures and points take."""
UNDONE = 30
"""Steps that can be undone."""
DOT = 5
"""Pixels across of a point of a file."""


class PaintSheet(QObject):
    """A square density: dark is likely, white is not.

    Attributes:
        image: What is drawn.
        erasing: Whether strokes and texts take away.
        width_px: Of a stroke, in pixels.
        symmetry: Name of the symmetry that strokes are repeated by.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.erasing = False
        self.width_px = 24
        self.symmetry = "No symmetry"
        self.image = _blank()
        self._undo: list[QImage] = []
        self._redo: list[QImage] = []

    def keep(self) -> None:
        """What is drawn from now on is one step, which can be undone."""
        self._undo = [*self._undo, self.image.copy()][-UNDONE:]
        self._redo.clear()

    def draw(self, start: QPointF, end: QPointF) -> None:
        """Draw a line, and its images under the symmetry."""
        with _painting(self.image) as painter:
            painter.setPen(_stroke(QColor("white" if self.erasing else "black"), self.width_px))
            for transform in copies(self.symmetry, SIDE):
                painter.drawLine(transform.map(start), transform.map(end))
        self.changed.emit()

    def darkness(self) -> npt.NDArray[np.uint8]:
        """(SIDE, SIDE) darkness of the pixels, 0 for white; first row on top."""
        grey = self.image.convertToFormat(QImage.Format.Format_Grayscale8)
        rows = np.frombuffer(grey.constBits(), np.uint8).reshape(SIDE, grey.bytesPerLine())
        return 255 - rows[:, :SIDE]

    def is_blank(self) -> bool:
        """Whether nothing is drawn."""
        return not self.darkness().any()

    def png(self) -> bytes:
        """The picture as a file's content."""
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        self.image.convertToFormat(QImage.Format.Format_Grayscale8).save(buffer, "PNG")
        return bytes(buffer.data().data())

    def clear(self) -> None:
        """White again; can be undone."""
        self.keep()
        self.image = _blank()
        self.changed.emit()

    def put_text(self, text: str, font: QFont) -> None:
        """Write a text as large as fits, over what is there."""
        font = QFont(font)
        font.setPixelSize(200)
        path, top = QPainterPath(), 0.0
        for line in text.splitlines():
            path.addText(0, top, font, line)
            top += 240
        area = path.boundingRect()
        if area.isEmpty():
            return
        scale = FILLED * SIDE / max(area.width(), area.height())
        middle = area.center()
        fitted = QTransform().translate(SIDE / 2, SIDE / 2).scale(scale, scale)
        path = fitted.translate(-middle.x(), -middle.y()).map(path)
        self.keep()
        with _painting(self.image) as painter:
            painter.fillPath(path, QColor("white" if self.erasing else "black"))
        self.changed.emit()

    def put_picture(self, picture: QImage) -> None:
        """Lay a picture over what is there, as large as fits; its dark pixels count."""
        side = round(FILLED * SIDE)
        keep, smooth = (
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        fitted = picture.scaled(QSize(side, side), keep, smooth)
        self.keep()
        with _painting(self.image) as painter:
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Multiply)
            painter.drawImage((SIDE - fitted.width()) // 2, (SIDE - fitted.height()) // 2, fitted)
        self.changed.emit()

    def put_points(self, points: npt.NDArray[np.floating]) -> None:
        """Dot the points (n, ≥ 2) of a file over what is there, fitted with equal axes."""
        flat = points[:, :2]
        low, high = flat.min(axis=0), flat.max(axis=0)
        scale = FILLED * SIDE / max(float((high - low).max()), 1e-300)
        placed = (flat - (low + high) / 2) * [scale, -scale] + SIDE / 2
        self.keep()
        with _painting(self.image) as painter:
            painter.setPen(_stroke(QColor("black"), DOT))
            painter.drawPoints([QPointF(x, y) for x, y in placed.tolist()])
        self.changed.emit()

    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return bool(self._undo)

    def undo(self) -> None:
        """Take the last change back."""
        if self._undo:
            self._redo.append(self.image.copy())
            self.image = self._undo.pop()
            self.changed.emit()

    def redo(self) -> None:
        """Do again what was undone."""
        if self._redo:
            self._undo.append(self.image.copy())
            self.image = self._redo.pop()
            self.changed.emit()


class _painting:  # noqa: N801 - used as a statement
    """A painter that has ended when its block has."""

    def __init__(self, image: QImage) -> None:
        self._painter = QPainter(image)
        self._painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def __enter__(self) -> QPainter:
        return self._painter

    def __exit__(self, *_: object) -> None:
        self._painter.end()


def _blank() -> QImage:
    image = QImage(SIDE, SIDE, QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    return image


def _stroke(colour: QColor, width: float) -> QPen:
    cap, join = Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin
    return QPen(colour, width, Qt.PenStyle.SolidLine, cap, join)
