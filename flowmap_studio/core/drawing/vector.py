"""The stage as an SVG file: every point a disc of its own. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

import numpy as np

from flowmap_studio.core.drawing.layers import MARKER_SCALE
from flowmap_studio.core.drawing.legend import Box, caption_place, legend_lines, legend_place
from flowmap_studio.core.drawing.marker_look import marker_look
from flowmap_studio.core.drawing.raster import CHIP, by_colour
from flowmap_studio.core.drawing.scene import FONT_PIXELS, Layout, Scene
from flowmap_studio.core.palettes import Palette

FONTS = "Inter, 'Helvetica Neue', Arial, sans-serif"


def as_svg(scene: Scene, layout: Layout, palette: Palette) -> bytes:
    """The bytes of an .svg file of a scene.

    Layers are groups with ids; points out of the plot, or not finite, are left out.

    Args:
        scene: What to draw.
        layout: Where everything stands, in pixels.
        palette: Colours.
    """
    width, height, letters = layout.width, layout.height, FONT_PIXELS * layout.ratio
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="{FONTS}" font-size="{letters:.2f}">',
        f'<rect width="{width}" height="{height}" fill="{palette.stage}"/>',
        *_axes(layout, palette),
    ]
    for layer in scene.ordered():
        lines += _cloud(scene, layer, layout, palette)
    lines += [*_caption(scene, layout, palette), *_legend(scene, layout, palette), "</svg>", ""]
    return "\n".join(lines).encode()


def _axes(at: Layout, palette: Palette) -> Iterator[str]:
    middle = FONT_PIXELS * at.ratio * 0.36  # from a line's middle to the foot of its letters
    yield f'<g id="axes" stroke-width="{at.ratio:.2f}" fill="{palette.muted}">'
    for value, x, text in at.ticks(0):
        stroke = palette.border if abs(value) < at.spacing / 2 else palette.grid
        yield f'<path d="M{x:.2f} {at.top}V{at.bottom}" stroke="{stroke}"/>'
        foot = at.bottom + 15 * at.ratio
        yield f'<text x="{x:.2f}" y="{foot:.2f}" text-anchor="middle">{text}</text>'
    for value, y, text in at.ticks(1):
        stroke = palette.border if abs(value) < at.spacing / 2 else palette.grid
        yield f'<path d="M{at.left} {y:.2f}H{at.right}" stroke="{stroke}"/>'
        side = at.left - 6 * at.ratio
        yield f'<text x="{side:.2f}" y="{y + middle:.2f}" text-anchor="end">{text}</text>'
    yield "</g>"


def _cloud(scene: Scene, layer: str, at: Layout, palette: Palette) -> Iterator[str]:
    points = np.asarray(scene.clouds[layer])[:, :2]
    finite = np.isfinite(points).all(axis=1)
    x, y = at.pixels(points[finite])
    diameter, alpha = marker_look(len(x), MARKER_SCALE[layer])
    alpha *= float(np.clip(scene.opacities[layer], 0, 1))
    radius = f"{diameter * at.ratio / 2:.2f}"
    within = (x >= at.left) & (x < at.right) & (y >= at.top) & (y < at.bottom)
    labels = scene.labels.get(layer)
    known = None if labels is None else np.asarray(labels)[finite]
    yield f'<g id="{layer}" fill-opacity="{alpha:.4g}">'
    for colour, chosen in by_colour(palette, layer, known):
        there = within[chosen]
        yield f'<g fill="{colour}">'
        for column, row in zip(x[chosen][there].tolist(), y[chosen][there].tolist(), strict=True):
            yield f'<circle cx="{column:.2f}" cy="{row:.2f}" r="{radius}"/>'
        yield "</g>"
    yield "</g>"


def _caption(scene: Scene, at: Layout, palette: Palette) -> Iterator[str]:
    box = caption_place(scene.caption, at)
    if box is None:
        return
    yield _chip(box, at, palette)
    x, y = box[0] + 6 * at.ratio, (box[1] + box[3]) / 2 + FONT_PIXELS * at.ratio * 0.36
    text = escape(_legible(scene.caption))
    yield f'<text id="caption" x="{x:.2f}" y="{y:.2f}" fill="{palette.muted}">{text}</text>'


def _legend(scene: Scene, at: Layout, palette: Palette) -> Iterator[str]:
    lines = legend_lines(scene, palette)
    box = legend_place(lines, at)
    if box is None:
        return
    yield _chip(box, at, palette)
    yield '<g id="legend">'
    for line in lines:
        x, y = box[0] + 11 * at.ratio, box[1] + line.offset * at.ratio
        disc = f'cx="{x:.2f}" cy="{y:.2f}" r="{4 * at.ratio:.2f}" fill="{line.colour}"'
        yield f"<circle {disc}/>"
        start, foot = box[0] + 22 * at.ratio, y + FONT_PIXELS * at.ratio * 0.36
        place = f'x="{start:.2f}" y="{foot:.2f}" fill="{palette.text}"'
        yield f"<text {place}>{escape(_legible(line.text))}</text>"
    yield "</g>"


def _chip(box: Box, at: Layout, palette: Palette) -> str:
    left, top, right, bottom = box
    return (
        f'<rect x="{left:.2f}" y="{top:.2f}" width="{right - left:.2f}" '
        f'height="{bottom - top:.2f}" rx="{5 * at.ratio:.2f}" fill="{palette.stage}" '
        f'fill-opacity="{CHIP}"/>'
    )


def _legible(text: str) -> str:
    """Without the characters that no XML file may hold: names come from other people's files."""
    return "".join(c if c.isprintable() else "�" for c in text)
