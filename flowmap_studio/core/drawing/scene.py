"""What a picture of the stage shows, and where on it everything stands. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import ImageFont

from flowmap_studio.core.drawing.axes import (
    Ends,
    multiples,
    nice_spacing,
    robust_extent,
    tick_texts,
    with_margin,
)
from flowmap_studio.core.drawing.heats import HeatColours
from flowmap_studio.core.drawing.layers import BACK_TO_FRONT, NAMES, OPACITY, layer_colour
from flowmap_studio.core.palettes import Palette
from flowmap_studio.core.probing.values import Heat, Lines
from flowmap_studio.resources import asset

USUAL_SIDE = 640
"""Pixels of the shorter side at which markers and letters are as large as in the window; others
scale with it, so that a larger picture is the same picture, only finer."""
TOP, RIGHT, BOTTOM, LEFT = 8, 8, 24, 40
"""Least room around the plot, in logical pixels."""
FONT_PIXELS = 11.5
GAP = 14
"""Logical pixels that the left margin has beside its numbers."""

Points = npt.NDArray[np.floating]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Scene:
    """Clouds, lines and pictures of the plane with their looks, and a caption.

    Attributes:
        clouds: (n, dim ≥ 2) points in data units by layer; the first two columns are drawn.
        shapes: What the map was probed for, by layer.
        names: By layer, for the legend.
        opacities: By layer, in [0, 1].
        colours: #rrggbb of the layers that don't have their own; "" is their own too.
        order: Layers from the back to the front.
        labels: (n,) classes by layer: those layers are drawn in the classes' colours.
        classes: Names of the classes.
        caption: A line in the lower left corner.
        further: What the legend says of classes that it has no room for.
    """

    clouds: Mapping[str, Points]
    shapes: Mapping[str, Lines | Heat] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=lambda: dict(NAMES))
    opacities: Mapping[str, float] = field(default_factory=lambda: OPACITY)
    colours: Mapping[str, str] = field(default_factory=dict)
    order: Sequence[str] = BACK_TO_FRONT
    labels: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    classes: Sequence[str] = ()
    caption: str = ""
    further: str = "and {more:,} more"

    def ordered(self) -> list[str]:
        """Its layers from the back to the front."""
        return [layer for layer in self.order if layer in self.clouds or layer in self.shapes]

    def colour(self, palette: Palette, layer: str) -> str:
        """The colour of a layer, #rrggbb."""
        return self.colours.get(layer) or layer_colour(palette, layer)

    def heat_colours(self, palette: Palette, layer: str) -> HeatColours:
        """The colours of a layer's picture."""
        return HeatColours(self.colour(palette, layer), palette.muted, palette.danger)

    def opacity(self, layer: str) -> float:
        """The opacity of a layer, in [0, 1]."""
        return float(np.clip(self.opacities[layer], 0, 1))


@dataclass(frozen=True)
class Layout:
    """Where the plane lies on a picture.

    Attributes:
        width: Of the picture in pixels.
        height: Likewise.
        ratio: Pixels per logical pixel.
        left: First column of the plot.
        top: Its first row.
        right: First column beyond it.
        bottom: First row beyond it.
        middle: (2,) what is shown in the plot's centre, in data units.
        scale: Pixels per data unit, the same for both axes.
        spacing: Of the lines, in data units.
    """

    width: int
    height: int
    ratio: float
    left: int
    top: int
    right: int
    bottom: int
    middle: Ends
    scale: float
    spacing: float

    def pixels(self, points: Points) -> tuple[Ends, Ends]:
        """Columns and rows (n,) of points (n, dim), as fractions; y goes upwards."""
        x = (self.left + self.right) / 2 + (points[:, 0] - self.middle[0]) * self.scale
        y = (self.top + self.bottom) / 2 - (points[:, 1] - self.middle[1]) * self.scale
        return x, y

    def ticks(self, axis: int) -> list[tuple[float, float, str]]:
        """Value, pixel and text of each line across an axis: 0 for columns, 1 for rows."""
        low, high = self.range(axis)
        values = [number * self.spacing for number in multiples(low, high, self.spacing)]
        places = self.pixels(np.repeat(np.array(values)[:, None], 2, axis=1))[axis]
        texts = tick_texts(values, self.spacing)
        return list(zip(values, places.tolist(), texts, strict=True))

    def range(self, axis: int) -> tuple[float, float]:
        """The ends of what is shown along an axis, in data units."""
        pixels = self.right - self.left if axis == 0 else self.bottom - self.top
        half = pixels / 2 / self.scale
        return float(self.middle[axis] - half), float(self.middle[axis] + half)


def fitted_view(*clouds: Points) -> tuple[Ends, Ends]:
    """Lower and upper ends (2,) around all of these clouds (n, dim) but their farthest points."""
    flat = [cloud[:, :2] for cloud in clouds]
    near = [cloud[np.isfinite(cloud).all(axis=1)] for cloud in flat]
    ends = [robust_extent(cloud) for cloud in near if len(cloud)] or [np.array([[-1, -1], [1, 1]])]
    return with_margin(np.min(ends, axis=(0, 1)), np.max(ends, axis=(0, 1)))


def lay_out(size: tuple[int, int], view: tuple[Ends, Ends]) -> Layout:
    """The layout that shows a whole view on equal axes, as large as it fits.

    Args:
        size: Width and height of the picture in pixels.
        view: Lower and upper ends (2,) of what must be seen, in data units.
    """
    ratio = min(size) / USUAL_SIDE
    made = _layout(size, view, ratio, LEFT)
    needed = max((text_width(text, ratio) for _, _, text in made.ticks(1)), default=0.0)
    return _layout(size, view, ratio, max(LEFT, needed / ratio + GAP))


def _layout(size: tuple[int, int], view: tuple[Ends, Ends], ratio: float, margin: float) -> Layout:
    left, top = round(margin * ratio), round(TOP * ratio)
    right, bottom = size[0] - round(RIGHT * ratio), size[1] - round(BOTTOM * ratio)
    low, high = view
    units = np.maximum(high - low, 1e-300)
    scale = float(min((right - left) / units[0], (bottom - top) / units[1]))
    spacing = nice_spacing(ratio / scale)
    middle = (low + high) / 2
    return Layout(*size, ratio, left, top, right, bottom, middle, scale, spacing)


@lru_cache(maxsize=8)
def font(pixels: float) -> Font:
    """The interface's font; Pillow's own where the program was installed without it."""
    try:
        return ImageFont.truetype(str(asset("fonts", "Inter-Regular.otf")), pixels)
    except (FileNotFoundError, OSError):
        return ImageFont.load_default(pixels)


def text_width(text: str, ratio: float) -> float:
    """Pixels that a text takes."""
    return font(FONT_PIXELS * ratio).getlength(text)
