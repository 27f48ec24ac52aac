"""A cloud of points as one graphics item: soft markers while few, a density image when many."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QTransform
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from flowmap_studio.core.drawing.marker_look import coloured, marker_look
from flowmap_studio.core.native.markers import can_stamp
from flowmap_studio.views.density import Density, Placing, density, mixed
from flowmap_studio.views.markers import FragmentMarkers, Ink, Look, Picture, StampedMarkers

MARKERS_UP_TO = 20_000
"""Times the pixel ratio; where there are more points, an image of their density is quicker."""
_FAR = 1e6
"""Device pixels: what lies farther out is as good as there."""


class Place(NamedTuple):
    """Where an item is painted, in device pixels.

    A point's column is x · across + left and its row y · down + top; what is seen begins at
    `first_column` and `first_row`.
    """

    across: float
    left: float
    down: float
    top: float
    first_column: int
    first_row: int
    columns: int
    rows: int
    ratio: float

    @classmethod
    def of(cls, world: QTransform, seen: QRectF, ratio: float) -> Place:
        """By the way from the points to logical pixels, and what is seen in those."""
        return cls(
            *(world.m11() * ratio, world.dx() * ratio, world.m22() * ratio, world.dy() * ratio),
            *(math.floor(seen.left() * ratio), math.floor(seen.top() * ratio)),
            *(int(seen.width() * ratio) + 2, int(seen.height() * ratio) + 2),
            ratio,
        )

    def area(self) -> QRect:
        """What is seen."""
        return QRect(self.first_column, self.first_row, self.columns, self.rows)

    def placing(self) -> Placing:
        """Where points lie on an image of what is seen."""
        left, top = self.left - self.first_column, self.top - self.first_row
        return Placing(self.across, left, self.down, top)


class PointsItem(pg.GraphicsObject):
    """Points in one colour, painted from numpy arrays without a Python object per point.

    It is made a picture, which is painted again as long as points, colours and view stay; see
    `markers` for how, and for what is done where there is no compiled library.

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
        self._stamped, self._fragments = StampedMarkers(), FragmentMarkers()
        self._density: tuple[Place, list[tuple[int | None, Density]]] | None = None
        self._drawn: tuple[Place, Picture | None] | None = None

    def __len__(self) -> int:
        return len(self._x)

    @property
    def points(self) -> npt.NDArray[np.floating]:
        """(n, 2) the points in view coordinates, a copy."""
        return np.stack([self._x, self._y], axis=1)

    def set_points(self, points: npt.ArrayLike, labels: npt.ArrayLike | None = None) -> None:
        """Show these points instead; those that are not finite are left out.

        Nothing is painted anew for the same points: not all clouds move with time.

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
        classes = None if labels is None else np.asarray(labels, np.int64)[finite]
        if _same(x, self._x) and _same(y, self._y) and _same(classes, self._labels):
            return
        self._x, self._y, self._labels = x, y, classes
        self._density = self._drawn = None
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
        self._drawn = None
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
        seen = world.mapRect(self.boundingRect())
        place = Place.of(world, seen, ratio)
        painter.save()
        painter.resetTransform()
        if len(self) <= MARKERS_UP_TO * ratio and not can_stamp():
            self._fragments.paint(painter, self._inks(place), self._look(ratio))
        elif (picture := self._picture_at(place)) is not None:
            picture.paint(painter, ratio)
        painter.restore()

    def _picture_at(self, place: Place) -> Picture | None:
        """What is seen of the points there, made once for all times that it is painted."""
        if self._drawn is None or self._drawn[0] != place:
            self._drawn = None  # its image may lie in the memory of the next one
            few = len(self) <= MARKERS_UP_TO * place.ratio
            self._drawn = place, self._markers_at(place) if few else self._density_at(place)
        return self._drawn[1]

    def _markers_at(self, place: Place) -> Picture | None:
        return self._stamped.picture(self._inks(place), self._look(place.ratio), place.area())

    def _look(self, ratio: float) -> Look:
        diameter, alpha = marker_look(len(self), self._marker_scale)
        return Look(diameter, alpha * self._opacity, ratio)

    def _inks(self, place: Place) -> list[Ink]:
        """The points of each colour, in device pixels."""
        with np.errstate(over="ignore"):
            x = self._x * place.across + place.left
            y = self._y * place.down + place.top
        np.clip(x, -_FAR, _FAR, out=x)
        np.clip(y, -_FAR, _FAR, out=y)
        return [Ink(x[chosen], y[chosen], self._colour_of(k)) for k, chosen in self._parts()]

    def _parts(self) -> list[tuple[int | None, slice | npt.NDArray[np.bool_]]]:
        """The places of the classes' colours that are used, or None, and which points have each."""
        if self._labels is None:
            return [(None, slice(None))]
        place = self._labels % len(self._class_colours)
        used = np.flatnonzero(np.bincount(place)).tolist()
        return [(k, place == k) for k in used]

    def _colour_of(self, place: int | None) -> QColor:
        return self._colour if place is None else QColor(self._class_colours[place])

    def _density_at(self, place: Place) -> Picture:
        if self._density is None or self._density[0] != place:
            frame = place.columns, place.rows, place.ratio, place.placing(), len(self)
            piled = [(k, density(self._x[p], self._y[p], *frame)) for k, p in self._parts()]
            self._density = place, piled
        return Picture(self._coloured(self._density[1]), place.first_column, place.first_row)

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


def _same(one: npt.NDArray[Any] | None, other: npt.NDArray[Any] | None) -> bool:
    if one is None or other is None or len(one) != len(other):
        return one is other
    # Clouds that move differ at once: all of them need not be looked at.
    return np.array_equal(one[:8], other[:8]) and np.array_equal(one, other)
