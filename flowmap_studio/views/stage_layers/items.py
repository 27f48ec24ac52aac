"""How probes are drawn: each as one graphics item."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor

from flowmap_studio.core.palettes import rgb
from flowmap_studio.runtime.probe_values import DEPTH_NATS, Heat, Lines, Paths

DOUBLINGS = 4.0
"""Doublings or halvings of area that have the full colour."""
FULL_GAP = 0.25
"""Distance, in units of the data's spread, that has the full colour."""
FOLD_ALPHA = 0.9


Strength = Callable[[Heat], npt.NDArray[np.float64]]


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


class LinesItem(pg.PlotCurveItem):
    """Lines with gaps: the deformed grid, and the arrows of a velocity.

    Args:
        width: Of the lines, in logical pixels.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__(connect="finite", skipFiniteCheck=True)
        self._width = width

    def set_colour(self, colour: str) -> None:
        """Draw in a colour, #rrggbb."""
        self.setPen(pg.mkPen(colour, width=self._width))

    def set_opacity(self, opacity: float) -> None:
        """Draw with an opacity in [0, 1]."""
        self.setOpacity(opacity)

    def set_value(self, value: Lines | None) -> None:
        """Draw these lines, or none."""
        if value is None:
            self.clear()
        else:
            self.setData(value.x, value.y)


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
        self._t = 1.0

    def set_paths(self, paths: Paths | None) -> None:
        """Draw these ways, or none."""
        self._paths = paths
        self._draw()

    def set_time(self, t: float) -> None:
        """Draw them up to flow time t."""
        if t != self._t:
            self._t = t
            if not self._whole:
                self._draw()

    def heads(self) -> npt.NDArray[np.float64]:
        """(n, 2) where the points are at the time on stage."""
        return np.empty((0, 2)) if self._paths is None else place_at(self._paths, self._t)

    def _draw(self) -> None:
        paths = self._paths
        if paths is None:
            self.set_value(None)
            return
        gone = paths.positions
        if not self._whole:
            passed = int(np.searchsorted(paths.times, self._t, side="left"))
            gone = np.concatenate([gone[:passed], place_at(paths, self._t)[None]])
        gap = np.full((1, *gone.shape[1:]), np.nan)
        joined = np.concatenate([gone, gap]).transpose(1, 0, 2).reshape(-1, 2)
        self.set_value(Lines(joined[:, 0], joined[:, 1]))


def place_at(paths: Paths, t: float) -> npt.NDArray[np.float64]:
    """(n, 2) positions at flow time t, linear between the known times."""
    after = int(np.clip(np.searchsorted(paths.times, t), 1, len(paths.times) - 1))
    before = after - 1
    share = (t - paths.times[before]) / (paths.times[after] - paths.times[before])
    one, other = paths.positions[before], paths.positions[after]
    place: npt.NDArray[np.float64] = one + share * (other - one)
    return place


def by_doublings(heat: Heat) -> npt.NDArray[np.float64]:
    """Of logarithms to base 2 that are clear at 0."""
    return np.abs(heat.values) / DOUBLINGS


def by_nats(heat: Heat) -> npt.NDArray[np.float64]:
    """Of logarithms whose top is strong; what lies `DEPTH_NATS` below it is clear."""
    return np.clip(1 - (heat.top - heat.values) / DEPTH_NATS, 0, 1) ** 2


def by_share(heat: Heat) -> npt.NDArray[np.float64]:
    """Of figures from 0 to their top, evenly."""
    return heat.values / heat.top if heat.top > 0 else np.zeros_like(heat.values)


def by_distance(heat: Heat) -> npt.NDArray[np.float64]:
    """Of distances; small ones are seen too."""
    return np.sqrt(heat.values / FULL_GAP)


class HeatItem(pg.ImageItem):
    """A figure at each place as a picture.

    Args:
        strength: How strongly it colours a place, 1 for the full colour.
        signed: Whether figures below 0 have a colour of their own.
    """

    def __init__(self, strength: Strength, *, signed: bool = False) -> None:
        super().__init__(axisOrder="row-major")
        self._strength = strength
        self._signed = signed
        self._heat: Heat | None = None
        self._colours = ("#ffffff", "#808080", "#ff0000")

    def set_colour(self, colour: str) -> None:
        """Draw in a colour, #rrggbb."""
        self._colours = (colour, *self._colours[1:])
        self._draw()

    def set_other_colours(self, below: str, folded: str) -> None:
        """Colours of negative figures and of folds, #rrggbb."""
        self._colours = (self._colours[0], below, folded)
        self._draw()

    def set_opacity(self, opacity: float) -> None:
        """Draw with an opacity in [0, 1]."""
        self.setOpacity(opacity)

    def set_value(self, value: Heat | None) -> None:
        """Draw this picture, or none."""
        self._heat = value
        self._draw()

    def pixels(self) -> npt.NDArray[np.uint8]:
        """(rows, columns, 4) red, green, blue and opacity; nothing at all without a picture."""
        heat = self._heat
        if heat is None:
            return np.empty((0, 0, 4), np.uint8)
        values, share = heat.values, self._strength(heat)
        share = np.where(np.isnan(share), 0, np.clip(share, 0, 1))
        colours = np.array([rgb(QColor(colour).name()) for colour in self._colours])
        chosen = np.where(values < 0, 1, 0) if self._signed else np.zeros(values.shape, int)
        chosen[heat.folded] = 2
        share[heat.folded] = FOLD_ALPHA
        made = np.concatenate([colours[chosen], np.round(255 * share)[..., None]], axis=-1)
        return made.astype(np.uint8)

    def _draw(self) -> None:
        heat = self._heat
        if heat is None:
            self.clear()
            return
        self.setImage(self.pixels(), levels=None, autoLevels=False)
        (left, bottom), (right, top) = heat.low, heat.high
        self.setRect(QRectF(left, bottom, right - left, top - bottom))
