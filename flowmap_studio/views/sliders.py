"""The sliders of both axes of time: they jump to a click and say what lies under the mouse."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QSlider, QStyle, QStyleOptionSlider, QWidget

from flowmap_studio.views.theme import LIGHT, Palette, interface_font

LABEL_POINTS = 8.0
APART = 6
"""Logical pixels between two names at least."""
TICK = 4
"""Logical pixels of a tick below the groove."""
FLAG, FLAG_ABOVE = 6, 5
"""Logical pixels of a bookmark's flag, and between it and the middle of the groove."""


class JumpSlider(QSlider):
    """A horizontal slider whose groove takes the handle to the place that is clicked.

    Args:
        describe: The text for a position of the slider, shown while the mouse is over it.
    """

    def __init__(
        self, describe: Callable[[int], str] | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._describe = describe
        self._hovered: int | None = None
        self._bookmarks: tuple[int, ...] = ()
        self._palette = LIGHT
        self._parts: dict[tuple[QStyle.SubControl, int, int], QRect] = {}
        self.setMouseTracking(describe is not None)

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._palette = palette
        self.update()

    def bookmarks(self) -> tuple[int, ...]:
        """The marked positions."""
        return self._bookmarks

    def set_bookmarks(self, positions: Sequence[int]) -> None:
        """Mark these positions with little flags above the groove."""
        self._bookmarks = tuple(positions)
        self.update()

    def position_at(self, x: float) -> int:
        """The slider's position whose handle's middle lies at a place in the widget."""
        groove, handle = self._groove(), self._handle_width()
        return QStyle.sliderValueFromPosition(
            self.minimum(),
            self.maximum(),
            round(x - groove.left() - handle / 2),
            groove.width() - handle,
        )

    def place_of(self, position: int) -> float:
        """Where in the widget the handle's middle lies at a position."""
        groove, handle = self._groove(), self._handle_width()
        span = max(1, self.maximum() - self.minimum())
        share = (position - self.minimum()) / span
        return groove.left() + handle / 2 + share * (groove.width() - handle)

    # --- Qt's events --------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102 - Qt's
        if event.button() == Qt.MouseButton.LeftButton:
            # The handle then lies under the mouse and is dragged on.
            self.setValue(self.position_at(event.position().x()))
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102 - Qt's
        super().mouseMoveEvent(event)
        # A handle that was seized beside its middle keeps that distance to the mouse.
        held = self.isSliderDown()
        self._hover(self.value() if held else self.position_at(event.position().x()))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102 - Qt's
        self._parts.clear()
        super().resizeEvent(event)

    def changeEvent(self, event: QEvent) -> None:  # noqa: D102 - Qt's
        self._parts.clear()  # another style, maybe
        super().changeEvent(event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: D102 - Qt's
        self._hover(None)
        super().leaveEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102 - Qt's
        super().paintEvent(event)
        self._paint_bookmarks()
        if self._describe is None or self._hovered is None or not self.isEnabled():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(interface_font(LABEL_POINTS))
        text = self._describe(self._hovered)
        metrics = painter.fontMetrics()
        place = QRect(0, 0, metrics.horizontalAdvance(text) + 12, metrics.height() + 2)
        place.moveCenter(QRect(self.rect()).center())
        place.moveBottom(self.rect().bottom())
        left = round(self.place_of(self._hovered) - place.width() / 2)
        place.moveLeft(min(max(left, 0), self.width() - place.width()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._palette.text))
        painter.drawRoundedRect(QRectF(place), 4, 4)
        painter.setPen(QColor(self._palette.panel))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)

    # --- inside -------------------------------------------------------------------------------

    def _paint_bookmarks(self) -> None:
        if not self._bookmarks:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._palette.warning))
        tip = self._groove().center().y() - FLAG_ABOVE
        for position in self._bookmarks:
            x = self.place_of(position)
            corners = [(x, tip), (x - FLAG / 2, tip - FLAG), (x + FLAG / 2, tip - FLAG)]
            painter.drawPolygon([QPointF(*corner) for corner in corners])

    def _hover(self, position: int | None) -> None:
        if position != self._hovered:
            self._hovered = position
            self.update()

    def _groove(self) -> QRect:
        return self._part(QStyle.SubControl.SC_SliderGroove)

    def _handle_width(self) -> int:
        return self._part(QStyle.SubControl.SC_SliderHandle).width()

    def _part(self, part: QStyle.SubControl) -> QRect:
        """Where a part lies; of the handle only the size counts, which is asked for once."""
        key = part, self.width(), self.height()
        if key not in self._parts:
            option = QStyleOptionSlider()
            self.initStyleOption(option)
            slider = QStyle.ComplexControl.CC_Slider
            self._parts[key] = self.style().subControlRect(slider, option, part, self)
        return self._parts[key]


class TickedSlider(JumpSlider):
    """A slider with named ticks below its groove.

    Args:
        ticks: Positions with their names, in rising order; the outermost names stay within the
            groove's ends.
        describe: See `JumpSlider`.
    """

    def __init__(
        self,
        ticks: Sequence[tuple[int, str]],
        describe: Callable[[int], str] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(describe, parent)
        self._ticks = tuple(ticks)
        self._scale: QPixmap | None = None  # ticks and names; None when they have to be drawn anew

    def _names_that_fit(self, length: Callable[[str], int]) -> list[tuple[str, float]]:
        """Names and their left ends: those of the outermost ticks, and of others between them."""
        placed = []
        for position, name in self._ticks:
            width = length(name)
            left = min(max(self.place_of(position) - width / 2, 2), self.width() - width - 2)
            placed.append((name, left, left + width))
        kept, last = placed[:1], placed[1:][-1:]
        for one in placed[1:-1]:
            if one[1] - kept[-1][2] > APART and last[0][1] - one[2] > APART:
                kept.append(one)
        return [(name, left) for name, left, _ in (*kept, *last)]

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._scale = None
        super().apply_palette(palette)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102 - Qt's
        self._scale = None
        super().resizeEvent(event)

    def changeEvent(self, event: QEvent) -> None:  # noqa: D102 - Qt's
        self._scale = None  # another style, maybe
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102 - Qt's
        ratio = self.devicePixelRatioF()
        if self._scale is None or self._scale.devicePixelRatio() != ratio:
            self._scale = self._drawn_scale(ratio)
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._scale)
        painter.end()
        super().paintEvent(event)

    def _drawn_scale(self, ratio: float) -> QPixmap:
        """Ticks and names: once for many places of the handle, which moves as time plays."""
        scale = QPixmap(self.size() * ratio)
        scale.setDevicePixelRatio(ratio)
        scale.fill(Qt.GlobalColor.transparent)
        painter = QPainter(scale)
        painter.setFont(interface_font(LABEL_POINTS))
        metrics = painter.fontMetrics()
        baseline = self.height() - metrics.descent() - 1
        top = self._groove().center().y() + 9
        painter.setPen(QPen(QColor(self._palette.border), 1))
        for position, _ in self._ticks:
            place = round(self.place_of(position))
            painter.drawLine(place, top, place, top + TICK)
        painter.setPen(QColor(self._palette.muted))
        for name, left in self._names_that_fit(metrics.horizontalAdvance):
            painter.drawText(round(left), baseline, name)
        painter.end()
        return scale
