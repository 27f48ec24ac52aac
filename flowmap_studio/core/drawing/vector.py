"""The stage as an SVG file: every point a disc of its own. No Qt, no torch."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt
from PIL import Image

from flowmap_studio.core.drawing.heats import heat_pixels
from flowmap_studio.core.drawing.layers import LINE_WIDTH, MARKER_SCALE
from flowmap_studio.core.drawing.legend import BAR, Box, caption_place, legend_lines, legend_place
from flowmap_studio.core.drawing.marker_look import marker_look
from flowmap_studio.core.drawing.raster import CHIP, by_colour
from flowmap_studio.core.drawing.scene import FONT_PIXELS, Layout, Scene
from flowmap_studio.core.drawing.strokes import pieces
from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.palettes import Palette
from flowmap_studio.core.probing.values import Lines

MOST_DISCS = 300_000
"""Points of a picture: a file of some 30 MB, which viewers open in seconds."""
FONTS = "Inter, 'Helvetica Neue', Arial, sans-serif"


def as_svg(scene: Scene, layout: Layout, palette: Palette) -> bytes:
    """The bytes of an .svg file of a scene.

    Layers are groups with ids; points out of the plot, or not finite, are left out.

    Args:
        scene: What to draw.
        layout: Where everything stands, in pixels.
        palette: Colours.

    Raises:
        StudioError: There are too many points for a file of that kind.
    """
    points = sum(map(len, scene.clouds.values()))
    if points > MOST_DISCS:
        raise StudioError(
            f"An .svg holds every point by itself, and these are {points:,}; choose .png, or fewer "
            "points."
        )
    width, height, letters = layout.width, layout.height, FONT_PIXELS * layout.ratio
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="{FONTS}" font-size="{letters:.2f}">',
        f'<rect width="{width}" height="{height}" fill="{palette.stage}"/>',
        *_axes(layout, palette),
    ]
    lines.append(_plot_clip(layout))
    for layer in scene.ordered():
        drawn = _cloud if layer in scene.clouds else _shape
        lines += drawn(scene, layer, layout, palette)
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
    alpha *= scene.opacity(layer)
    radius = f"{diameter * at.ratio / 2:.2f}"
    within = (x >= at.left) & (x < at.right) & (y >= at.top) & (y < at.bottom)
    labels = scene.labels.get(layer)
    known = None if labels is None else np.asarray(labels)[finite]
    yield f'<g id="{layer}" fill-opacity="{alpha:.4g}">'
    for colour, chosen in by_colour(scene, palette, layer, known):
        there = within[chosen]
        yield f'<g fill="{colour}">'
        for column, row in zip(x[chosen][there].tolist(), y[chosen][there].tolist(), strict=True):
            yield f'<circle cx="{column:.2f}" cy="{row:.2f}" r="{radius}"/>'
        yield "</g>"
    yield "</g>"


def _shape(scene: Scene, layer: str, at: Layout, palette: Palette) -> Iterator[str]:
    """Lines as one path, a figure at each place as a picture within the file."""
    shape = scene.shapes[layer]
    clear = scene.opacity(layer)
    yield f'<g id="{layer}" clip-path="url(#plot)">'
    if isinstance(shape, Lines):
        lines = (
            "M" + "L".join(f"{x + at.left:.2f} {y + at.top:.2f}" for x, y in line.tolist())
            for line in pieces(shape, at)
        )
        width = LINE_WIDTH.get(layer, 1.0) * at.ratio
        look = f'stroke-width="{width:.2f}" fill="none" stroke-opacity="{clear:.4g}"'
        colour = scene.colour(palette, layer)
        yield f'<path d="{"".join(lines)}" stroke="{colour}" {look} stroke-linejoin="round"/>'
    else:
        pixels = heat_pixels(layer, shape, scene.heat_colours(palette, layer))
        x, y = at.pixels(np.stack([shape.low, shape.high]))
        place = f'x="{x[0]:.2f}" y="{y[1]:.2f}" width="{x[1] - x[0]:.2f}" '
        place += f'height="{y[0] - y[1]:.2f}" preserveAspectRatio="none" opacity="{clear:.4g}"'
        yield f'<image {place} style="image-rendering:pixelated" href="{_embedded(pixels[::-1])}"/>'
    yield "</g>"


def _plot_clip(at: Layout) -> str:
    size = f'width="{at.right - at.left}" height="{at.bottom - at.top}"'
    # Readers that know no clipping draw the rectangle: then it shall not be seen.
    area = f'<rect x="{at.left}" y="{at.top}" {size} fill="none"/>'
    return f'<defs><clipPath id="plot">{area}</clipPath></defs>'


def _embedded(pixels: npt.NDArray[np.uint8]) -> str:
    """A picture (rows, columns, 4) as the address of its own content."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


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
        if line.shades is None:
            disc = f'cx="{x:.2f}" cy="{y:.2f}" r="{4 * at.ratio:.2f}" fill="{line.colour}"'
            yield f"<circle {disc}/>"
        else:
            bar = f'x="{box[0] + 7 * at.ratio:.2f}" y="{y - 4.5 * at.ratio:.2f}" '
            bar += f'width="{BAR * at.ratio:.2f}" height="{9 * at.ratio:.2f}"'
            href = _embedded(line.shades[None])
            yield f'<image {bar} preserveAspectRatio="none" href="{href}"/>'
        start, foot = box[0] + line.indent * at.ratio, y + FONT_PIXELS * at.ratio * 0.36
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
