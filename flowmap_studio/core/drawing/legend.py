"""Legend and caption of a picture of the stage: their lines and places. No Qt, no torch."""

from __future__ import annotations

from dataclasses import dataclass

from flowmap_studio.core.drawing.layers import LAYERS
from flowmap_studio.core.drawing.scene import FONT_PIXELS, Layout, Scene, text_width
from flowmap_studio.core.palettes import Palette

LINE_HEIGHT = 19
EDGE = 10
"""Logical pixels between these and the edges of the plot."""
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
    """

    text: str
    colour: str
    offset: float


def legend_lines(scene: Scene, palette: Palette) -> list[Line]:
    """A line for each layer in its own colour, and one for each class where there are some."""
    named = [
        (scene.names[layer], palette.layer(layer))
        for layer in LAYERS
        if layer in scene.clouds and layer not in scene.labels
    ]
    if any(layer in scene.labels for layer in scene.clouds):
        classes = list(scene.classes)
        shown = classes[:MOST_CLASSES]
        named += [(name, palette.class_colour(number)) for number, name in enumerate(shown)]
        if more := len(classes) - len(shown):
            named.append((scene.further.format(more=more), palette.muted))
    return [
        Line(_shortened(text), colour, 4 + (number + 0.5) * LINE_HEIGHT)
        for number, (text, colour) in enumerate(named)
    ]


def legend_place(lines: list[Line], at: Layout) -> Box | None:
    """Where the legend lies, in the upper right corner; None where it is empty."""
    if not lines:
        return None
    widest = max(text_width(line.text, at.ratio) for line in lines)
    right, top = at.right - EDGE * at.ratio, at.top + EDGE * at.ratio
    width = widest + (TEXT_LEFT + TEXT_RIGHT) * at.ratio
    return right - width, top, right, top + (8 + LINE_HEIGHT * len(lines)) * at.ratio


def caption_place(text: str, at: Layout) -> Box | None:
    """Where the caption lies, in the lower left corner; None where there is none."""
    if not text:
        return None
    left, bottom = at.left + EDGE * at.ratio, at.bottom - EDGE * at.ratio
    width = text_width(text, at.ratio) + 12 * at.ratio
    return left, bottom - (FONT_PIXELS + 9) * at.ratio, left + width, bottom


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
