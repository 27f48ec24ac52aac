"""Soft markers of a cloud: made a picture by the compiled library, or painted one by one by Qt."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRect
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap
from shiboken6 import wrapInstance

from flowmap_studio.core.drawing.marker_look import coloured, coverage, premultiplied
from flowmap_studio.core.native.markers import ACROSS, stamp

FINE_PHASES, COARSE_PHASES = 4, 2
"""Sub-pixel positions of a marker on ordinary and on dense screens: points glide, not hop."""
MOST_SPRITES = 16
"""Pictures of the marker that are kept: one for each colour."""
_FRAGMENT_FIELDS = 10
"""QPainter.PixmapFragment is ten doubles: x, y, source rectangle, scale x and y, angle, opacity."""

Numbers = npt.NDArray[np.floating]


class Look(NamedTuple):
    """How markers look: diameter in logical pixels, opacity, and device pixels per logical one."""

    diameter: float
    opacity: float
    ratio: float

    @property
    def phases(self) -> int:
        """Sub-pixel positions along each axis."""
        return FINE_PHASES if self.ratio < 1.5 else COARSE_PHASES

    def tiles(self) -> npt.NDArray[np.float64]:
        """(phases, phases, side, side) opacity in [0, 1], see `coverage`."""
        return coverage(self.diameter, self.ratio, self.phases) * self.opacity


class Ink(NamedTuple):
    """Points of one colour: x and y are columns and rows in device pixels."""

    x: Numbers
    y: Numbers
    colour: QColor


class Picture(NamedTuple):
    """An image and where its upper left corner lies, in device pixels."""

    image: QImage
    left: int
    top: int

    def paint(self, painter: QPainter, ratio: float) -> None:
        """Copy it pixel by pixel, with a painter in logical pixels.

        An image with a pixel ratio of its own is resampled where that is no whole number: ten
        times as slow.
        """
        painter.save()
        painter.scale(1 / ratio, 1 / ratio)
        painter.drawImage(QPointF(self.left, self.top), self.image)
        painter.restore()


class StampedMarkers:
    """Clouds as pictures, by the compiled library.

    4,096 markers on 900 × 700 pixels take 0.6 ms and 0.25 each time that the same picture is
    painted again, where pixmap fragments take 1.4.
    """

    def __init__(self) -> None:
        self._memory = np.empty(0, np.uint32)

    def picture(self, inks: Sequence[Ink], look: Look, area: QRect) -> Picture | None:
        """Draw markers, one colour over the other; good until the next call.

        Args:
            inks: The points.
            look: Of their markers.
            area: What is seen, in device pixels.

        Returns:
            None where nothing is seen.
        """
        sprites = [_stamped(look, ink.colour.rgb()) for ink in inks]
        height, width = sprites[0].shape[2:]
        half = height // 2
        columns = _touched([ink.x for ink in inks], half, area.left(), area.right())
        rows = _touched([ink.y for ink in inks], half, area.top(), area.bottom())
        if not columns or not rows:
            return None
        # A picture's rows are a multiple of ACROSS; what lies beyond its side is empty.
        pixels = self._room(len(rows), len(columns) + width - height)
        for place, (ink, sprite) in enumerate(zip(inks, sprites, strict=True)):
            x, y = ink.x - (columns.start + half), ink.y - (rows.start + half)
            x, y = x.astype(np.float32, copy=False), y.astype(np.float32, copy=False)
            stamp(pixels, sprite, x, y, fresh=place == 0)
        stride = pixels.strides[0]
        form = QImage.Format.Format_ARGB32_Premultiplied
        image = QImage(pixels.data, len(columns), len(rows), stride, form)
        return Picture(image, columns.start, rows.start)

    def _room(self, rows: int, columns: int) -> npt.NDArray[np.uint32]:
        """Pixels, in the same memory as before where that is enough: new memory is slow."""
        needed = rows * columns
        if not needed <= len(self._memory) <= 4 * needed:
            self._memory = np.empty(needed, np.uint32)
        return self._memory[:needed].reshape(rows, columns)


class FragmentMarkers:
    """Markers painted by Qt, each a piece of a pixmap: where there is no compiled library.

    Of the other ways that were measured (4 × 4,000 points on 900 × 700 pixels, the empty plot
    deducted), pixmap fragments from numpy memory took 2 ms, `QPainter.drawPoints` 24 ms,
    ScatterPlotItem 25 ms and splatting with numpy 35 ms. Opacity is drawn into the markers'
    picture because an opacity per fragment takes longer.
    """

    def __init__(self) -> None:
        self._sprites: dict[tuple[Look, int], QPixmap] = {}
        self._fragments = np.empty((0, _FRAGMENT_FIELDS))

    def paint(self, painter: QPainter, inks: Sequence[Ink], look: Look) -> None:
        """Paint markers, one colour over the other, with a painter in logical pixels."""
        for ink in inks:
            self._paint(painter, ink, look)

    def _paint(self, painter: QPainter, ink: Ink, look: Look) -> None:
        sprite, phases = self._sprite(look, ink.colour), look.phases
        side = sprite.width() // phases
        if len(self._fragments) != len(ink.x):
            self._fragments = np.zeros((len(ink.x), _FRAGMENT_FIELDS))
            self._fragments[:, 9] = 1
        fragments = self._fragments
        for axis, pixels in enumerate((ink.x, ink.y)):
            # Whole device pixels: Qt then copies the picture without resampling it.
            whole = np.floor(pixels)
            fragments[:, axis] = (whole + 0.5) / look.ratio
            # The least negative numbers round up to a whole pixel.
            phase = np.minimum(np.floor((pixels - whole) * phases), phases - 1)
            fragments[:, 2 + axis] = phase * side
        fragments[:, 4:6] = side
        fragments[:, 6:8] = 1 / look.ratio
        first = wrapInstance(fragments.ctypes.data, QPainter.PixmapFragment)
        painter.drawPixmapFragments(first, len(ink.x), sprite)

    def _sprite(self, look: Look, colour: QColor) -> QPixmap:
        """The marker in all its sub-pixel positions, side by side."""
        key = look, colour.rgb()
        if key not in self._sprites:
            tiles = look.tiles()
            sheet = tiles.transpose(0, 2, 1, 3).reshape(tiles.shape[0] * tiles.shape[2], -1)
            pixels = np.ascontiguousarray(coloured(colour.rgb(), sheet))
            side = len(pixels)
            image = QImage(pixels.data, side, side, side * 4, QImage.Format.Format_ARGB32)
            if len(self._sprites) >= MOST_SPRITES:
                self._sprites.clear()
            self._sprites[key] = QPixmap.fromImage(image)
        return self._sprites[key]


@lru_cache(maxsize=MOST_SPRITES)
def _stamped(look: Look, rgb: int) -> npt.NDArray[np.uint32]:
    """The marker in all its sub-pixel positions, as `stamp` wants it."""
    tiles = look.tiles()
    padded = np.pad(tiles, [(0, 0)] * 3 + [(0, -tiles.shape[3] % ACROSS)])
    return premultiplied(rgb, padded)


def _touched(places: Sequence[Numbers], half: int, first: int, last: int) -> range:
    """The pixels of an axis that markers reach to, of those that are seen and their rims."""
    low = min(float(each.min()) for each in places)
    high = max(float(each.max()) for each in places)
    begin = max(int(np.floor(low)), first - half) - half
    end = min(int(np.floor(high)), last + half) + half
    return range(begin, end + 1) if end - begin >= 2 * half else range(0)
