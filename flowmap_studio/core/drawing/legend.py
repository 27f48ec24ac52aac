"""Legend and caption of a picture of the stage: their lines and places. No Qt, no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.drawing.heats import heat_scale
from flowmap_studio.core.drawing.layers import ALL_LAYERS
from flowmap_studio.core.drawing.scene import FONT_PIXELS, Layout, Scene, text_width
from flowmap_studio.core.palettes import Palette
from flowmap_studio.core.probing.values import Heat

LINE_HEIGHT = 19
EDGE = 10
"""Logical pixels between these and the edges of the plot."""
DISC, BAR = 8, 30
"""Widths of the disc of a layer and of the scale of a picture, in logical pixels."""
TEXT_LEFT, TEXT_RIGHT = 22, 8
"""Logical pixels of a legend's line before and behind its text."""
MOST_CLASSES = 10
"""Further classes are counted, or the legend would cover the clouds."""
LONGEST = 32
"""Letters of a name."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels."""


@dataclass(frozen=True)
class Line:
    """One line of the legend.

    Attributes:
        text: What it says.
        colour: #rrggbb of its disc.
        offset: Logical pixels from the legend's top to the line's middle.
        shades: (n, 4) colours of a scale in the place of the disc.
    """

    text: str
    colour: str
    offset: float
    shades: npt.NDArray[np.uint8] | None = None

    @property
    def indent(self) -> float:
        """Logical pixels from the legend's left edge to the text."""
        return TEXT_LEFT if self.shades is None else TEXT_LEFT + BAR - DISC


def legend_lines(scene: Scene, palette: Palette) -> list[Line]:
    """A line for each layer in its own colour, and one for each class where there are some.

    A picture's line has its scale, and says what both its ends mean.
    """
    named: list[tuple[str, str, npt.NDArray[np.uint8] | None]] = [
        _layer_line(scene, palette, layer)
        for layer in ALL_LAYERS
        if layer in scene.shapes or (layer in scene.clouds and layer not in scene.labels)
    ]
    if any(layer in scene.labels for layer in scene.clouds):
        classes = list(scene.classes)
        shown = classes[:MOST_CLASSES]
        named += [
            (_shortened(name), palette.class_colour(number), None)
            for number, name in enumerate(shown)
        ]
        if more := len(classes) - len(shown):
            named.append((scene.further.format(more=more), palette.muted, None))
    return [
        Line(text, colour, 4 + (number + 0.5) * LINE_HEIGHT, shades)
        for number, (text, colour, shades) in enumerate(named)
    ]


def legend_place(lines: list[Line], at: Layout) -> Box | None:
    """Where the legend lies, in the upper right corner; None where it is empty."""
    if not lines:
        return None
    widest = max(text_width(line.text, at.ratio) / at.ratio + line.indent for line in lines)
    right, top = at.right - EDGE * at.ratio, at.top + EDGE * at.ratio
    width = (widest + TEXT_RIGHT) * at.ratio
    return right - width, top, right, top + (8 + LINE_HEIGHT * len(lines)) * at.ratio


def caption_place(text: str, at: Layout) -> Box | None:
    """Where the caption lies, in the lower left corner; None where there is none."""
    if not text:
        return None
    left, bottom = at.left + EDGE * at.ratio, at.bottom - EDGE * at.ratio
    width = text_width(text, at.ratio) + 12 * at.ratio
    return left, bottom - (FONT_PIXELS + 9) * at.ratio, left + width, bottom


def _layer_line(
    scene: Scene, palette: Palette, layer: str
) -> tuple[str, str, npt.NDArray[np.uint8] | None]:
    name, shape = _shortened(scene.names[layer]), scene.shapes.get(layer)
    if not isinstance(shape, Heat):
        return name, scene.colour(palette, layer), None
    scale = heat_scale(layer, shape, scene.heat_colours(palette, layer))
    return f"{name}: {scale.low} … {scale.high}", "", scale.shades


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
