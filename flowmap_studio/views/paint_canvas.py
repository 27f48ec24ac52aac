"""A square to draw a density on: dark is likely, white is not."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from flowmap_studio.views.paint_sheet import SIDE, PaintSheet
from flowmap_studio.views.texts import tr

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
        sheet: The picture.
    """

    def __init__(self, name: str, what: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(
            tr("Canvas of the target" if what == "target" else "Canvas of the source")
        )
        self.setAccessibleDescription(tr("Arrow keys move the pen, Space lowers and lifts it"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(160, 160)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.sheet = PaintSheet(self)
        self.sheet.changed.connect(self.update)
        self._accent, self._border = QColor("#3388cc"), QColor("#888888")
        self._last: QPointF | None = None
        self._pen = QPointF(SIDE / 2, SIDE / 2)
        self._down = False

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
        painter.drawImage(square, self.sheet.image)
        painter.setPen(QPen(self._accent if self.hasFocus() else self._border, 1))
        painter.drawRect(square.adjusted(0.5, 0.5, -0.5, -0.5))
        if self.hasFocus():
            scale = square.width() / SIDE
            place = square.topLeft() + self._pen * scale
            radius = max(3.0, self.sheet.width_px * scale / 2)
            painter.setPen(QPen(self._accent, 2 if self._down else 1))
            painter.drawEllipse(place, radius, radius)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102 - Qt's
        if event.button() == Qt.MouseButton.LeftButton:
            self.sheet.keep()
            self._last = self._pen = self._place(event)
            self.sheet.draw(self._last, self._last)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102 - Qt's
        if self._last is not None:
            place = self._pen = self._place(event)
            self.sheet.draw(self._last, place)
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
                self.sheet.redo()
            else:
                self.sheet.undo()
        elif event.key() == Qt.Key.Key_Space:
            self._lower()
        else:
            self._move(*ARROWS[event.key()], STRIDE if shift else PACE)

    # --- inside -------------------------------------------------------------------------------

    def _lower(self) -> None:
        self._down = not self._down
        if self._down:
            self.sheet.keep()
            self.sheet.draw(self._pen, self._pen)
        self.update()

    def _move(self, dx: int, dy: int, pace: int) -> None:
        x = min(max(self._pen.x() + dx * pace, 0), SIDE)
        y = min(max(self._pen.y() + dy * pace, 0), SIDE)
        former, self._pen = self._pen, QPointF(x, y)
        if self._down:
            self.sheet.draw(former, self._pen)
        self.update()

    def _square(self) -> QRectF:
        side = min(self.width(), self.height())
        return QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)

    def _place(self, event: QMouseEvent) -> QPointF:
        square = self._square()
        return (event.position() - square.topLeft()) * (SIDE / square.width())


def _is_own(event: QKeyEvent) -> bool:
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    if event.key() == Qt.Key.Key_Z:
        return modifiers in (control, control | shift)
    if event.key() == Qt.Key.Key_Space:
        return modifiers == Qt.KeyboardModifier.NoModifier
    return event.key() in ARROWS and modifiers in (Qt.KeyboardModifier.NoModifier, shift)
