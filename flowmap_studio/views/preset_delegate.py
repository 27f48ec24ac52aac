"""The painting of the preset library's rows: picture, title, one line, badge, star and tags."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, QRect, QSize, Qt
from PySide6.QtGui import QColor, QImageReader, QPainter, QPainterPath, QPixmap, QTextLayout
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from flowmap_studio.core.library import PresetEntry
from flowmap_studio.views.preset_model import ENTRY_ROLE, FAVOURITE_ROLE, Index
from flowmap_studio.views.texts import told, tr
from flowmap_studio.views.theme import Palette, interface_font

THUMBNAIL = 64
ROW_HEIGHT = 80
MARGIN = 8
KEPT_PICTURES = 256
BADGE = "Shipped"
STAR = "★"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
NO_BREAK = "\u00a0"
LARGEST_SIDE = 4096
"""Pixels beyond which a thumbnail is not decoded: it is none."""


class PresetDelegate(QStyledItemDelegate):
    """Paints a row; decodes a picture when it is first seen and keeps the newest few hundred.

    Args:
        palette: Colours.
        picture: Gives the PNG that an entry shows now, or None.
    """

    def __init__(
        self,
        palette: Palette,
        picture: Callable[[PresetEntry], bytes | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.colours = palette
        self._picture = picture
        self._decoded = lru_cache(maxsize=KEPT_PICTURES)(_decode)
        self._title_font = interface_font(9.5)
        self._title_font.setWeight(self._title_font.Weight.DemiBold)
        self._line_font = interface_font(8.5)
        self._badge_font = interface_font(7.5)

    def pictures_decoded(self) -> int:
        """How many pictures have been decoded so far."""
        return self._decoded.cache_info().misses

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: D102 - Qt's
        del option, index
        return QSize(THUMBNAIL + 80, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: D102
        entry = index.data(ENTRY_ROLE)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        row = option.rect.adjusted(2, 2, -2, -2)
        self._paint_ground(painter, row, option.state)
        picture = QRect(row.left() + 6, row.center().y() - THUMBNAIL // 2, THUMBNAIL, THUMBNAIL)
        self._paint_picture(painter, picture, self._picture(entry))
        left = picture.right() + 1 + MARGIN + 2
        words = QRect(left, row.top() + 7, row.right() - MARGIN - left, row.height() - 14)
        self._paint_words(painter, words, entry, marked=bool(index.data(FAVOURITE_ROLE)))
        painter.restore()

    def _paint_ground(self, painter: QPainter, row: QRect, state: QStyle.StateFlag) -> None:
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if not selected and not state & QStyle.StateFlag.State_MouseOver:
            return
        painter.setPen(QColor(self.colours.accent) if selected else Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.colours.grid if selected else self.colours.window))
        painter.drawRoundedRect(row, 8, 8)

    def _paint_picture(self, painter: QPainter, place: QRect, png: bytes | None) -> None:
        clip = QPainterPath()
        clip.addRoundedRect(place, 6, 6)
        side = round(THUMBNAIL * painter.device().devicePixelRatioF())
        pixmap = self._decoded(png, side) if png else None
        if pixmap is None:
            self._paint_placeholder(painter, place, clip)
            return
        painter.save()
        painter.setClipPath(clip)
        painter.drawPixmap(place, pixmap)
        painter.restore()

    def _paint_placeholder(self, painter: QPainter, place: QRect, clip: QPainterPath) -> None:
        painter.setPen(QColor(self.colours.border))  # seen on a selected row as well
        painter.setBrush(QColor(self.colours.window))
        painter.drawPath(clip)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.colours.border))
        for dx, dy, radius in ((-14, 6, 5), (0, -9, 7), (13, 8, 6)):
            painter.drawEllipse(
                place.center().x() + dx - radius,
                place.center().y() + dy - radius,
                2 * radius,
                2 * radius,
            )

    def _paint_words(
        self, painter: QPainter, place: QRect, entry: PresetEntry, *, marked: bool
    ) -> None:
        colours = self.colours
        painter.setFont(self._title_font)
        metrics = painter.fontMetrics()
        height, star = metrics.height(), metrics.horizontalAdvance(STAR) + 4
        if marked:
            painter.setPen(QColor(colours.warning))
            painter.drawText(place.right() - star + 5, place.top() + metrics.ascent(), STAR)
        painter.setPen(QColor(colours.text))
        width = place.width() - star * marked
        self._elided(painter, place.left(), place.top(), width, entry.title)
        painter.setFont(self._line_font)
        painter.setPen(QColor(colours.muted))
        below = QRect(place.left(), place.top() + height + 1, place.width(), place.height())
        self._wrapped(painter, below, told(entry.subtitle))
        painter.setFont(self._badge_font)
        left = self._paint_badge(painter, place) if entry.shipped else place.left()
        painter.setPen(QColor(colours.muted))
        top = place.bottom() - painter.fontMetrics().height()
        tags = " ".join(f"#{tag}" for tag in entry.tags)
        self._elided(painter, left, top, place.right() - left, tags)

    def _wrapped(self, painter: QPainter, place: QRect, text: str) -> None:
        """Two lines at most, broken between the parts; the second one is elided."""
        parts = " ".join(text.split()).split(" · ")
        one_line = " · ".join(part.replace(" ", NO_BREAK) for part in parts)
        layout = QTextLayout(one_line, painter.font())
        layout.beginLayout()
        line = layout.createLine()
        line.setLineWidth(place.width())
        first = line.textLength() if line.isValid() else 0
        layout.endLayout()
        upper = one_line[:first].removesuffix("· ")
        self._elided(painter, place.left(), place.top(), place.width(), upper)
        below = place.top() + painter.fontMetrics().height()
        rest = one_line[first:].removeprefix("· ")
        self._elided(painter, place.left(), below, place.width(), rest)

    def _elided(self, painter: QPainter, left: int, top: int, width: int, text: str) -> None:
        metrics = painter.fontMetrics()
        shown = metrics.elidedText(_one_line(text), Qt.TextElideMode.ElideRight, width)
        painter.drawText(left, top + metrics.ascent(), shown)

    def _paint_badge(self, painter: QPainter, place: QRect) -> int:
        """Paint it in the lower left corner, and say where the room beside it begins."""
        metrics = painter.fontMetrics()
        badge_text = tr(BADGE)
        width, height = metrics.horizontalAdvance(badge_text) + 12, metrics.height() + 2
        badge = QRect(place.left(), place.bottom() - height + 1, width, height)
        painter.setPen(QColor(self.colours.border))
        painter.setBrush(QColor(self.colours.panel))
        painter.drawRoundedRect(badge, height / 2, height / 2)
        painter.setPen(QColor(self.colours.muted))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, badge_text)
        return badge.right() + 7


def _one_line(text: str) -> str:
    return text.replace("\n", " ").replace("\t", " ").strip(" ")


def _decode(png: bytes, side: int) -> QPixmap | None:
    """A picture cut to a square of so many pixels, or None where it cannot be decoded."""
    if not png.startswith(PNG_SIGNATURE):
        return None
    buffer = QBuffer()
    buffer.setData(QByteArray(png))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer, QByteArray(b"png"))
    size = reader.size()
    if not size.isValid() or max(size.width(), size.height()) > LARGEST_SIDE:
        return None
    image = reader.read()
    if image.isNull():
        return None
    expanding = Qt.AspectRatioMode.KeepAspectRatioByExpanding
    image = image.scaled(side, side, expanding, Qt.TransformationMode.SmoothTransformation)
    left, top = (image.width() - side) // 2, (image.height() - side) // 2
    return QPixmap.fromImage(image.copy(left, top, side, side))
