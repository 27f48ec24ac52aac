"""How probes are drawn: each as one graphics item."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor

from flowmap_studio.core.drawing.heats import HeatColours, HeatScale, heat_pixels, heat_scale
from flowmap_studio.core.probing.shapes import paths_until, place_at, seen_paths
from flowmap_studio.core.probing.values import Heat, Lines, Paths
from flowmap_studio.core.projections import Frame, projected


class StageItem(Protocol):
    """What the stage does with any of its layers."""

    def set_colour(self, colour: str) -> None:
        """Draw in a colour, #rrggbb."""

    def set_opacity(self, opacity: float) -> None:
        """Draw with an opacity in [0, 1]."""

    def setVisible(self, visible: bool) -> None:
        """Show or hide."""

    def setZValue(self, depth: float) -> None:
        """Lie over what has a lower value."""


class ProbeItem(StageItem, Protocol):
    """What the stage does with a layer that is no cloud."""

    def shape(self) -> Lines | Heat | None:
        """What it draws; None where there is nothing."""


class LinesItem(pg.PlotCurveItem):
    """Lines with gaps: the deformed grid, and the arrows of a velocity.

    Args:
        width: Of the lines, in logical pixels.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__(connect="finite", skipFiniteCheck=True)
        self._width = width
        self._lines: Lines | None = None

    def set_colour(self, colour: str) -> None:
        """Draw in a colour, #rrggbb."""
        self.setPen(pg.mkPen(QColor(colour), width=self._width))

    def set_opacity(self, opacity: float) -> None:
        """Draw with an opacity in [0, 1]."""
        self.setOpacity(opacity)

    def set_value(self, value: Lines | None) -> None:
        """Draw these lines, or none."""
        self._lines = value
        if value is None:
            self.clear()
        else:
            self.setData(value.x, value.y)

    def shape(self) -> Lines | None:
        """The lines that are drawn; None where there are none."""
        return self._lines


class PathsItem(LinesItem):
    """The ways of points, as far as they have come at the time on stage.

    Args:
        width: Of the lines, in logical pixels.
        whole: Draw the whole way at every time.
    """

    def __init__(self, width: float = 1.0, whole: bool = False) -> None:
        super().__init__(width)
        self._whole = whole
        self._paths: Paths | None = None
        self._frame: Frame | None = None
        self._t = 1.0

    def set_paths(self, paths: Paths | None) -> None:
        """Draw these ways, or none."""
        self._paths = paths
        self._draw()

    def set_projection(self, frame: Frame | None) -> None:
        """See them along two directions, (dim, 2); along the first two axes when None."""
        self._frame = frame
        self._draw()

    @property
    def paths(self) -> Paths | None:
        """The ways in all their axes."""
        return self._paths

    def set_time(self, t: float) -> None:
        """Draw them up to flow time t."""
        if t != self._t:
            self._t = t
            if not self._whole:
                self._draw()

    def heads(self) -> npt.NDArray[np.floating]:
        """(n, 2) where the points are at the time on stage."""
        if self._paths is None:
            return np.empty((0, 2))
        return projected(place_at(self._paths, self._t), self._frame)

    def _draw(self) -> None:
        if self._paths is None:
            self.set_value(None)
        else:
            seen = seen_paths(self._paths, self._frame)
            self.set_value(paths_until(seen, 1.0 if self._whole else self._t))


class HeatItem(pg.ImageItem):
    """A figure at each place as a picture.

    Args:
        layer: Whose, a name in `HEATS`.
    """

    def __init__(self, layer: str) -> None:
        super().__init__(axisOrder="row-major")
        self._layer = layer
        self._heat: Heat | None = None
        self._colours = HeatColours("#ffffff", "#808080", "#ff0000")

    def set_colour(self, colour: str) -> None:
        """Draw in a colour, #rrggbb."""
        self._recolour(QColor(colour).name(), self._colours.below, self._colours.folded)

    def set_other_colours(self, below: str, folded: str) -> None:
        """Colours of negative figures and of folds, #rrggbb."""
        self._recolour(self._colours.above, QColor(below).name(), QColor(folded).name())

    def set_opacity(self, opacity: float) -> None:
        """Draw with an opacity in [0, 1]."""
        self.setOpacity(opacity)

    def set_value(self, value: Heat | None) -> None:
        """Draw this picture, or none."""
        self._heat = value
        self._draw()

    def shape(self) -> Heat | None:
        """The picture that is drawn; None where there is none."""
        return self._heat

    def scale(self) -> HeatScale | None:
        """What the picture's colours mean; None where there is none."""
        if self._heat is None:
            return None
        return heat_scale(self._layer, self._heat, self._colours)

    def pixels(self) -> npt.NDArray[np.uint8]:
        """(rows, columns, 4) red, green, blue and opacity; nothing at all without a picture."""
        if self._heat is None:
            return np.empty((0, 0, 4), np.uint8)
        return heat_pixels(self._layer, self._heat, self._colours)

    def _recolour(self, above: str, below: str, folded: str) -> None:
        self._colours = HeatColours(above, below, folded)
        self._draw()

    def _draw(self) -> None:
        heat = self._heat
        if heat is None:
            self.clear()
            return
        self.setImage(self.pixels(), levels=None, autoLevels=False)
        (left, bottom), (right, top) = heat.low, heat.high
        self.setRect(QRectF(left, bottom, right - left, top - bottom))
