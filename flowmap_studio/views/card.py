"""A card over the stage, painted as one picture: what lies under it moves with each frame."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QMoveEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QFrame, QLabel, QWidget

from flowmap_studio.views.theme import Palette

OPAQUENESS = 0.86
"""Of the card: clouds under it show through."""
ROUNDNESS = 7.5
"""Radius of its corners in logical pixels."""


class Card(QFrame):
    """A rounded ground with the words and signs of its `CardLabel`s.

    They are drawn when one of them changes. Of the 1.4 ms that a layer panel with labels and a
    ground by style sheets took for each frame under it, 0.5 were the ground's and 0.5 the labels'.

    Args:
        palette: Colours.
        parent: What it lies on.
    """

    def __init__(self, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._palette = palette
        self._picture: QPixmap | None = None

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._palette = palette
        self.forget_picture()

    def forget_picture(self) -> None:
        """Something on it looks different."""
        self._picture = None
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102 - Qt's
        del event
        size = self.size() * self.devicePixelRatioF()
        if self._picture is None or self._picture.size() != size:  # of another screen, maybe
            self._picture = self._drawn(size)
        QPainter(self).drawPixmap(0, 0, self._picture)

    def _drawn(self, size: QSize) -> QPixmap:
        picture = QPixmap(size)
        picture.setDevicePixelRatio(self.devicePixelRatioF())
        picture.fill(Qt.GlobalColor.transparent)
        back, border = QColor(self._palette.panel), QColor(self._palette.border)
        for colour in (back, border):
            colour.setAlphaF(OPAQUENESS)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(border)
        painter.setBrush(back)
        whole = QRectF(QPointF(0, 0), picture.deviceIndependentSize())
        painter.drawRoundedRect(whole.adjusted(0.5, 0.5, -0.5, -0.5), ROUNDNESS, ROUNDNESS)
        for label in self.findChildren(CardLabel):
            if not label.isHidden():
                label.draw(painter)
        painter.end()
        return picture


class CardLabel(QLabel):
    """A word or a sign on a card, which paints it.

    Args:
        card: Which.
        text: The word.
    """

    def __init__(self, card: Card, text: str = "") -> None:
        self._card = card
        super().__init__(text, card)

    def draw(self, painter: QPainter) -> None:
        """Draw it where it lies on its card."""
        if not (sign := self.pixmap()).isNull():
            painter.drawPixmap(self.pos(), sign)
            return
        painter.setFont(self.font())
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        painter.drawText(self.geometry(), self.alignment(), self.text())

    def setText(self, text: str) -> None:  # noqa: D102 - Qt's
        if text != self.text():
            super().setText(text)
            self._card.forget_picture()

    def setPixmap(self, sign: QPixmap) -> None:  # noqa: D102 - Qt's
        super().setPixmap(sign)
        self._card.forget_picture()

    def setVisible(self, visible: bool) -> None:  # noqa: D102 - Qt's
        super().setVisible(visible)
        self._card.forget_picture()

    def changeEvent(self, event: QEvent) -> None:  # noqa: D102 - Qt's
        super().changeEvent(event)
        self._card.forget_picture()

    def moveEvent(self, event: QMoveEvent) -> None:  # noqa: D102 - Qt's
        super().moveEvent(event)
        self._card.forget_picture()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102 - Qt's
        super().resizeEvent(event)
        self._card.forget_picture()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Nothing: its card has painted it."""
