"""The stage of images: samples in one step and composed, data beside, the way of one sample."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from flowmap_studio.views.image_grid import ImagePanel, Pictures
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette, interface_font

GRIDS = ("one_step", "composed", "data")
STRIPS = ("way", "mix")
MARGIN, TITLE, BETWEEN = 12.0, 22.0, 14.0
"""Logical pixels round the panels, above each for its title, and between them."""
STRIP_SHARE, MOST_STRIP = 0.12, 84.0
"""Height of a strip's images, as a share of the stage's and in logical pixels."""
DATA_SHARE = 0.24
"""Of the width, for the data beside the samples."""
ENLARGED = 160.0
"""Side of the image under the pointer, in logical pixels."""


class ImageStage(QWidget):
    """Images by layer. Click picks the sample whose way is shown; Shift+click the one to mix with.

    The same noise stands at the same place at every time and in both grids of samples.
    """

    picked = Signal(int)
    """A sample was clicked."""
    other_picked = Signal(int)
    """A sample was clicked with Shift, or with the right button."""

    def __init__(self, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("imageStage")
        self.setAccessibleName(tr("Stage: images at the chosen flow time"))
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._palette = palette
        self._panels = {name: ImagePanel() for name in GRIDS}
        self._panels |= {name: ImagePanel(rows=1) for name in STRIPS}
        self._pictures: dict[str, Pictures] = {}
        self._titles = dict.fromkeys((*GRIDS, *STRIPS), "")
        self._labels: dict[str, list[str]] = {}
        self._marked = (0, 1)
        self._caption = ""
        self._hovered: tuple[str, int] | None = None

    def minimumSizeHint(self) -> QSize:  # noqa: D102 - Qt's
        return QSize(320, 240)

    # --- what is shown ------------------------------------------------------------------------

    def set_pictures(self, pictures: Mapping[str, Pictures]) -> None:
        """Show images (n, height, width, channels) by the name of their grid or strip."""
        for name, given in pictures.items():
            self._panels[name].set_pictures(given)
            self._pictures[name] = given
        self._arrange()
        self.update()

    def displayed(self, name: str) -> Pictures:
        """(n, height, width, channels) the images of a grid or strip that are drawn now."""
        return self._pictures[name][: self._panels[name].shown]

    def set_titles(self, titles: Mapping[str, str]) -> None:
        """Say what stands above each grid and strip, by name."""
        self._titles.update(titles)
        self.update()

    def set_labels(self, labels: Mapping[str, list[str]]) -> None:
        """Names of the classes of each image, by grid; shown with the enlarged one."""
        self._labels = dict(labels)

    def set_marked(self, picked: int, other: int) -> None:
        """Mark the sample whose way is shown and the one that it is mixed with."""
        self._marked = (picked, other)
        self.update()

    def set_caption(self, text: str) -> None:
        """Show a line in the lower left corner, e.g. time and training step."""
        self._caption = text
        self.update()

    def caption(self) -> str:
        """The line in the lower left corner."""
        return self._caption

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._palette = palette
        self.update()

    def centre_of(self, name: str, index: int) -> QPointF:
        """The middle of an image of a grid or strip."""
        return self._panels[name].cell(index).center()

    # --- where it lies ------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102 - Qt's
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        wide, high = self.width() - 2 * MARGIN, self.height() - 2 * MARGIN - TITLE
        strip = min(MOST_STRIP, STRIP_SHARE * self.height())
        grids = high - 2 * (TITLE + strip) - TITLE - BETWEEN
        data = DATA_SHARE * wide
        sample = (wide - data - 2 * BETWEEN) / 2
        top = MARGIN + TITLE
        for number, name in enumerate(GRIDS):
            left = MARGIN + number * (sample + BETWEEN)
            width = data if name == "data" else sample
            self._panels[name].set_area(QRectF(left, top, width, grids))
        below = top + grids + BETWEEN
        for number, name in enumerate(STRIPS):
            at = below + TITLE + number * (strip + TITLE)
            self._panels[name].set_area(QRectF(MARGIN, at, wide, strip))

    # --- painting -----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102 - Qt's
        del event
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._palette.stage))
        painter.setFont(interface_font())
        for name, panel in self._panels.items():
            if panel.shown:
                self._paint_title(painter, name, panel.cell(0).topLeft())
                panel.paint(painter, QColor(self._palette.border), self._marks(name))
        painter.setPen(QColor(self._palette.muted))
        low = QRectF(MARGIN, self.height() - TITLE, self.width() - 2 * MARGIN, TITLE - 4)
        painter.drawText(low, Qt.AlignmentFlag.AlignVCenter, self._caption)
        if self._hovered is not None:
            self._paint_enlarged(painter, *self._hovered)

    def _marks(self, name: str) -> dict[int, QColor]:
        if name not in ("one_step", "composed"):
            return {}
        picked, other = self._marked
        accent, second = QColor(self._palette.accent), QColor(self._palette.consistency)
        return {other: second, picked: accent}

    def _paint_title(self, painter: QPainter, name: str, place: QPointF) -> None:
        colour = self._palette.layer(name) if name in GRIDS else self._palette.text
        painter.fillRect(QRectF(place.x(), place.y() - 15, 8, 8), QColor(colour))
        painter.setPen(QColor(self._palette.text))
        line = QRectF(place.x() + 14, place.y() - TITLE, self.width() - place.x() - 14, TITLE)
        if name in GRIDS:
            line.setWidth(self._panel_width(name) - 14)
        metrics = painter.fontMetrics()
        text = metrics.elidedText(
            self._titles[name], Qt.TextElideMode.ElideRight, int(line.width())
        )
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, text)

    def _panel_width(self, name: str) -> float:
        wide = self.width() - 2 * MARGIN
        data = DATA_SHARE * wide
        return data if name == "data" else (wide - data - 2 * BETWEEN) / 2

    def _paint_enlarged(self, painter: QPainter, name: str, index: int) -> None:
        """The image under the pointer, beside it, with its number and class."""
        panel = self._panels[name]
        image, cell = panel.image(index), panel.cell(index)
        width = ENLARGED * min(1.0, image.width() / image.height())
        height = width * image.height() / image.width()
        left = cell.right() + 10
        if left + width > self.width() - MARGIN:
            left = cell.left() - 10 - width
        top = min(max(cell.center().y() - height / 2, MARGIN), self.height() - height - 2 * TITLE)
        frame = QRectF(left - 4, top - 4, width + 8, height + TITLE + 8)
        painter.setPen(QColor(self._palette.border))
        painter.setBrush(QColor(self._palette.panel))
        painter.drawRoundedRect(frame, 5, 5)
        painter.drawImage(QRectF(left, top, width, height), image)
        painter.setPen(QColor(self._palette.text))
        line = QRectF(left, top + height + 2, width, TITLE)
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, self._words(name, index))

    def _words(self, name: str, index: int) -> str:
        labels = self._labels.get(name, [])
        known = f" · {tr('class')} {labels[index]}" if index < len(labels) else ""
        return f"{index + 1}{known}"

    # --- the pointer --------------------------------------------------------------------------

    def _found(self, place: QPointF) -> tuple[str, int] | None:
        for name, panel in self._panels.items():
            index = panel.index_at(place)
            if index is not None:
                return name, index
        return None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102 - Qt's
        found = self._found(event.position())
        if found != self._hovered:
            self._hovered = found
            self.update()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: D102 - Qt's
        super().leaveEvent(event)
        self._hovered = None
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102 - Qt's
        found = self._found(event.position())
        if found is None or found[0] not in ("one_step", "composed"):
            return
        shifted = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        second = shifted or event.button() == Qt.MouseButton.RightButton
        (self.other_picked if second else self.picked).emit(found[1])
