"""A square to draw a density on: dark is likely, white is not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QBuffer, QEvent, QIODevice, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QTransform,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from flowmap_studio.views.paint_symmetry import copies

SIDE = 512
"""Pixels of the picture; the map's data spans [−2, 2] from edge to edge."""
FILLED = 0.86
"""Share of the square that texts, pictures and points take."""
UNDONE = 30
"""Steps that can be undone."""
DOT = 5
"""Pixels across of a point of a file."""
PACE, STRIDE = 8, 40
"""Pixels that an arrow key moves the pen, alone and with Shift."""
ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class PaintCanvas(QWidget):
    """Draws by mouse, by pen or by keys: arrows move the pen, Space lowers and lifts it.

    Attributes:
        erasing: Whether strokes take away.
        width_px: Of a stroke, in pixels of the picture.
        symmetry: Name of the symmetry that strokes are repeated by.
    """

    changed = Signal()
    undo_changed = Signal()

    def __init__(self, name: str, what: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(f"Canvas of the {what}")
        self.setAccessibleDescription("Arrow keys move the pen, Space lowers and lifts it")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(160, 160)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.erasing = False
        self.width_px = 24
        self.symmetry = "No symmetry"
        self._accent, self._border = QColor("#3388cc"), QColor("#888888")
        self._image = _blank()
        self._undo: list[QImage] = []
        self._redo: list[QImage] = []
        self._last: QPointF | None = None
        self._pen = QPointF(SIDE / 2, SIDE / 2)
        self._down = False

    # --- the picture --------------------------------------------------------------------------

    def darkness(self) -> npt.NDArray[np.uint8]:
        """(SIDE, SIDE) darkness of the pixels, 0 for white; first row on top."""
        grey = self._image.convertToFormat(QImage.Format.Format_Grayscale8)
        rows = np.frombuffer(grey.constBits(), np.uint8).reshape(SIDE, grey.bytesPerLine())
        return 255 - rows[:, :SIDE]

    def is_blank(self) -> bool:
        """Whether nothing is drawn."""
        return not self.darkness().any()

    def png(self) -> bytes:
        """The picture as a file's content."""
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        self._image.convertToFormat(QImage.Format.Format_Grayscale8).save(buffer, "PNG")
        return bytes(buffer.data().data())

    def clear(self) -> None:
        """White again; can be undone."""
        self._keep()
        self._image = _blank()
        self._tell()

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
        self._keep()
        with _painting(self._image) as painter:
            painter.fillPath(path, QColor("white" if self.erasing else "black"))
        self._tell()

    def put_picture(self, picture: QImage) -> None:
        """Lay a picture over what is there, as large as fits; its dark pixels count."""
        side = round(FILLED * SIDE)
        keep, smooth = (
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        fitted = picture.scaled(QSize(side, side), keep, smooth)
        self._keep()
        with _painting(self._image) as painter:
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Multiply)
            painter.drawImage((SIDE - fitted.width()) // 2, (SIDE - fitted.height()) // 2, fitted)
        self._tell()

    def put_points(self, points: npt.NDArray[np.floating]) -> None:
        """Dot the points (n, ≥ 2) of a file over what is there, fitted with equal axes."""
        flat = points[:, :2]
        low, high = flat.min(axis=0), flat.max(axis=0)
        scale = FILLED * SIDE / max(float((high - low).max()), 1e-300)
        placed = (flat - (low + high) / 2) * [scale, -scale] + SIDE / 2
        self._keep()
        with _painting(self._image) as painter:
            painter.setPen(_stroke(QColor("black"), DOT))
            painter.drawPoints([QPointF(x, y) for x, y in placed.tolist()])
        self._tell()

    # --- undo ---------------------------------------------------------------------------------

    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return bool(self._undo)

    def undo(self) -> None:
        """Take the last change back."""
        if self._undo:
            self._redo.append(self._image.copy())
            self._image = self._undo.pop()
            self._tell()

    def redo(self) -> None:
        """Do again what was undone."""
        if self._redo:
            self._undo.append(self._image.copy())
            self._image = self._redo.pop()
            self._tell()

    # --- Qt's events --------------------------------------------------------------------------

    def set_colours(self, accent: str, border: str) -> None:
        """Of pen and frame."""
        self._accent, self._border = QColor(accent), QColor(border)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102 - Qt's
        del event
        square = self._square()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(square, self._image)
        painter.setPen(QPen(self._accent if self.hasFocus() else self._border, 1))
        painter.drawRect(square.adjusted(0.5, 0.5, -0.5, -0.5))
        if self.hasFocus():
            scale = square.width() / SIDE
            place = square.topLeft() + self._pen * scale
            radius = max(3.0, self.width_px * scale / 2)
            painter.setPen(QPen(self._accent, 2 if self._down else 1))
            painter.drawEllipse(place, radius, radius)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102 - Qt's
        if event.button() == Qt.MouseButton.LeftButton:
            self._keep()
            self._last = self._pen = self._place(event)
            self._draw(self._last, self._last)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102 - Qt's
        if self._last is not None:
            place = self._pen = self._place(event)
            self._draw(self._last, place)
            self._last = place

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102 - Qt's
        if event.button() == Qt.MouseButton.LeftButton:
            self._last = None

    def event(self, event: QEvent) -> bool:  # noqa: D102 - Qt's
        if event.type() == QEvent.Type.ShortcutOverride and _is_own(event):
            event.accept()  # before the window's shortcuts take the arrows and Ctrl+Z
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102 - Qt's
        if not _is_own(event):
            super().keyPressEvent(event)
            return
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.key() == Qt.Key.Key_Z:
            if shift:
                self.redo()
            else:
                self.undo()
        elif event.key() == Qt.Key.Key_Space:
            self._lower()
        else:
            self._move(*ARROWS[event.key()], STRIDE if shift else PACE)

    # --- inside -------------------------------------------------------------------------------

    def _lower(self) -> None:
        self._down = not self._down
        if self._down:
            self._keep()
            self._draw(self._pen, self._pen)
        self.update()

    def _move(self, dx: int, dy: int, pace: int) -> None:
        x = min(max(self._pen.x() + dx * pace, 0), SIDE)
        y = min(max(self._pen.y() + dy * pace, 0), SIDE)
        former, self._pen = self._pen, QPointF(x, y)
        if self._down:
            self._draw(former, self._pen)
        self.update()

    def _square(self) -> QRectF:
        side = min(self.width(), self.height())
        return QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)

    def _place(self, event: QMouseEvent) -> QPointF:
        square = self._square()
        return (event.position() - square.topLeft()) * (SIDE / square.width())

    def _draw(self, start: QPointF, end: QPointF) -> None:
        with _painting(self._image) as painter:
            painter.setPen(_stroke(QColor("white" if self.erasing else "black"), self.width_px))
            for transform in copies(self.symmetry, SIDE):
                painter.drawLine(transform.map(start), transform.map(end))
        self._tell()

    def _keep(self) -> None:
        self._undo = [*self._undo, self._image.copy()][-UNDONE:]
        self._redo.clear()

    def _tell(self) -> None:
        self.update()
        self.undo_changed.emit()
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


def _is_own(event: QKeyEvent) -> bool:
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    if event.key() == Qt.Key.Key_Z:
        return modifiers in (control, control | shift)
    if event.key() == Qt.Key.Key_Space:
        return modifiers == Qt.KeyboardModifier.NoModifier
    return event.key() in ARROWS and modifiers in (Qt.KeyboardModifier.NoModifier, shift)
