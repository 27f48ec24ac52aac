"""A cloud of points as one graphics item: soft markers while few, a density image when many."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap, QTransform
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget
from shiboken6 import wrapInstance

from flowmap_studio.core.drawing.marker_look import coloured, coverage, marker_look
from flowmap_studio.views.density import Density, Placing, Points, density, mixed

MARKERS_UP_TO = 20_000
"""Times the pixel ratio; where there are more points, an image of their density is quicker."""
FINE_PHASES, COARSE_PHASES = 4, 2
"""Sub-pixel positions of a marker on ordinary and on dense screens: points glide, not hop."""
MOST_SPRITES = 16
"""Pictures of the marker that are kept: one for each colour."""
_FRAGMENT_FIELDS = 10
"""QPainter.PixmapFragment is ten doubles: x, y, source rectangle, scale x and y, angle, opacity."""


_FAR = 1e6
"""Device pixels: what lies farther out is as good as there."""


class PointsItem(pg.GraphicsObject):
    """Points in one colour, painted from numpy arrays without a Python object per point.

    Of the ways that were measured (4 × 4,000 points on 900 × 700 pixels, the empty plot
    deducted), pixmap fragments from numpy memory took 2 ms, `QPainter.drawPoints` 24 ms,
    ScatterPlotItem 25 ms and splatting with numpy 35 ms. Opacity is drawn into the markers'
    picture because an opacity per fragment takes longer.

    Args:
        colour: #rrggbb.
        scale: Of the markers' usual diameter, see `marker_look`.
    """

    def __init__(self, colour: str, scale: float = 1.0) -> None:
        super().__init__()
        self._marker_scale = scale
        self._x = self._y = np.empty(0)
        self._given: npt.NDArray[np.floating] | None = None
        self._colour = QColor(colour)
        self._labels: npt.NDArray[np.int64] | None = None
        self._class_colours: tuple[str, ...] = (colour,)
        self._opacity = 1.0
        self._sprites: dict[tuple[float, float, int, float], QPixmap] = {}
        self._fragments = np.empty((0, _FRAGMENT_FIELDS))
        self._density: tuple[tuple[float, ...], list[tuple[int | None, Density]]] | None = None
        self._image: QImage | None = None

    def __len__(self) -> int:
        return len(self._x)

    @property
    def points(self) -> npt.NDArray[np.floating]:
        """(n, 2) the points in view coordinates, a copy."""
        return np.stack([self._x, self._y], axis=1)

    def set_points(self, points: npt.ArrayLike, labels: npt.ArrayLike | None = None) -> None:
        """Show these points instead; those that are not finite are left out.

        Args:
            points: (n, 2) in view coordinates; copied.
            labels: (n,) classes, to draw each in its colour; None draws all in the item's.

        Raises:
            ValueError: The array has another shape.
        """
        given = np.asarray(points)
        if labels is None and given is self._given and self._labels is None:
            return
        self._given = given if points is given and not given.flags.writeable else None
        if given.ndim != 2 or given.shape[1] != 2:
            raise ValueError(f"points must have shape (n, 2), not {given.shape}")
        kind = given.dtype if given.dtype in (np.float32, np.float64) else np.float64
        # One array per axis: the arithmetic of a repaint then runs over contiguous memory.
        x, y = given[:, 0].astype(kind), given[:, 1].astype(kind)
        finite = np.isfinite(x) & np.isfinite(y)
        if not finite.all():
            x, y = x[finite], y[finite]
        self._labels = None if labels is None else np.asarray(labels, np.int64)[finite]
        self._x, self._y = x, y
        self._density = self._image = None
        self.update()

    def set_colour(self, colour: str) -> None:
        """Draw in another colour, #rrggbb."""
        self._colour = QColor(colour)
        self._forget_colours()

    def set_class_colours(self, colours: tuple[str, ...]) -> None:
        """Colours of classes, #rrggbb; after the last one they begin anew."""
        self._class_colours = colours
        self._density = None  # there may be fewer of them, so that classes share one
        self._forget_colours()

    def set_opacity(self, opacity: float) -> None:
        """Scale the markers' opacity by a number in [0, 1]."""
        self._opacity = float(np.clip(opacity, 0, 1))
        self._forget_colours()

    def _forget_colours(self) -> None:
        self._sprites.clear()
        self._image = None
        self.update()

    def boundingRect(self) -> QRectF:  # noqa: D102 - Qt's
        # All that is visible: rims at the edge are never cut off, and new points need no search
        # for their extent.
        return QRectF(self.viewRect() or QRectF())

    def viewTransformChanged(self) -> None:  # noqa: D102 - pyqtgraph's
        self.prepareGeometryChange()
        super().viewTransformChanged()

    def paint(  # noqa: D102 - Qt's
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        del option, widget
        if not len(self) or not self._opacity:
            return
        ratio = painter.device().devicePixelRatioF()
        world = painter.worldTransform()
        area = world.mapRect(self.boundingRect())
        painter.save()
        painter.resetTransform()
        if len(self) <= MARKERS_UP_TO * ratio:
            x, y = self._pixels(world, ratio)
            for place, chosen in self._parts():
                self._paint_markers(painter, x[chosen], y[chosen], self._colour_of(place), ratio)
        else:
            self._paint_density(painter, world, area, ratio)
        painter.restore()

    def _pixels(self, world: QTransform, ratio: float) -> tuple[Points, Points]:
        """The points' columns and rows in device pixels."""
        with np.errstate(over="ignore"):
            x = self._x * (world.m11() * ratio) + world.dx() * ratio
            y = self._y * (world.m22() * ratio) + world.dy() * ratio
        return np.clip(x, -_FAR, _FAR, out=x), np.clip(y, -_FAR, _FAR, out=y)

    def _parts(self) -> list[tuple[int | None, slice | npt.NDArray[np.bool_]]]:
        """The places of the classes' colours that are used, or None, and which points have each."""
        if self._labels is None:
            return [(None, slice(None))]
        place = self._labels % len(self._class_colours)
        used = np.flatnonzero(np.bincount(place)).tolist()
        return [(k, place == k) for k in used]

    def _colour_of(self, place: int | None) -> QColor:
        return self._colour if place is None else QColor(self._class_colours[place])

    def _paint_markers(
        self, painter: QPainter, x: Points, y: Points, colour: QColor, ratio: float
    ) -> None:
        diameter, alpha = marker_look(len(self), self._marker_scale)
        sprite = self._sprite(diameter, alpha, colour, ratio)
        phases = _phases(ratio)
        side = sprite.width() // phases
        if len(self._fragments) != len(x):
            self._fragments = np.zeros((len(x), _FRAGMENT_FIELDS))
            self._fragments[:, 9] = 1
        fragments = self._fragments
        for axis, pixels in enumerate((x, y)):
            # Whole device pixels: Qt then copies the picture without resampling it.
            whole = np.floor(pixels)
            fragments[:, axis] = (whole + 0.5) / ratio
            # The least negative numbers round up to a whole pixel.
            phase = np.minimum(np.floor((pixels - whole) * phases), phases - 1)
            fragments[:, 2 + axis] = phase * side
        fragments[:, 4:6] = side
        fragments[:, 6:8] = 1 / ratio
        first = wrapInstance(fragments.ctypes.data, QPainter.PixmapFragment)
        painter.drawPixmapFragments(first, len(x), sprite)

    def _sprite(self, diameter: float, alpha: float, colour: QColor, ratio: float) -> QPixmap:
        """The marker in all its sub-pixel positions, side by side."""
        key = (diameter, alpha, colour.rgb(), ratio)
        if key not in self._sprites:
            tiles = coverage(diameter, ratio, _phases(ratio)) * alpha * self._opacity
            sheet = tiles.transpose(0, 2, 1, 3).reshape(tiles.shape[0] * tiles.shape[2], -1)
            pixels = np.ascontiguousarray(coloured(colour.rgb(), sheet))
            side = len(pixels)
            image = QImage(pixels.data, side, side, side * 4, QImage.Format.Format_ARGB32)
            if len(self._sprites) >= MOST_SPRITES:
                self._sprites.clear()
            self._sprites[key] = QPixmap.fromImage(image)
        return self._sprites[key]

    def _paint_density(
        self, painter: QPainter, world: QTransform, area: QRectF, ratio: float
    ) -> None:
        left, top = np.floor(area.left() * ratio), np.floor(area.top() * ratio)
        width, height = int(area.width() * ratio) + 2, int(area.height() * ratio) + 2
        place = (world.m11(), world.m22(), world.dx(), world.dy(), width, height, ratio)
        if self._density is None or self._density[0] != place:
            placing = Placing(
                world.m11() * ratio,
                world.dx() * ratio - left,
                world.m22() * ratio,
                world.dy() * ratio - top,
            )
            frame = width, height, ratio, placing, len(self)
            piled = [(k, density(self._x[p], self._y[p], *frame)) for k, p in self._parts()]
            self._density = place, piled
            self._image = None
        if self._image is None:
            self._image = self._coloured(self._density[1])
            self._image.setDevicePixelRatio(ratio)
        painter.drawImage(QPointF(left / ratio, top / ratio), self._image)

    def _coloured(self, parts: list[tuple[int | None, Density]]) -> QImage:
        inks = [self._colour_of(place).rgb() for place, _ in parts]
        piled = parts[0][1]
        height, width = piled.levels.shape
        if len(parts) > 1:
            pixels = mixed(
                [(ink, one) for ink, (_, one) in zip(inks, parts, strict=True)], self._opacity
            )
            form = QImage.Format.Format_ARGB32_Premultiplied
            return QImage(pixels.data, width, height, 4 * width, form).copy()
        image = QImage(piled.levels.data, width, height, width, QImage.Format.Format_Indexed8)
        table = coloured(inks[0], piled.alphas() * self._opacity)
        image.setColorTable(table.tolist())
        # Owns its memory, and draws five times as fast as an indexed image.
        return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


def _phases(ratio: float) -> int:
    return FINE_PHASES if ratio < 1.5 else COARSE_PHASES
