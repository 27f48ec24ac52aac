"""The stage as pixels: soft antialiased discs, as the window draws them. No Qt, no torch."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from flowmap_studio.core.drawing.heats import heat_pixels
from flowmap_studio.core.drawing.layers import LINE_WIDTH, MARKER_SCALE
from flowmap_studio.core.drawing.legend import (
    BAR,
    Box,
    Line,
    caption_place,
    legend_lines,
    legend_place,
)
from flowmap_studio.core.drawing.marker_look import MANY, coverage, marker_look
from flowmap_studio.core.drawing.scene import FONT_PIXELS, Layout, Scene, font
from flowmap_studio.core.drawing.strokes import picture_places, stroked
from flowmap_studio.core.palettes import Palette, rgb
from flowmap_studio.core.probing.values import Lines

PHASES = 4
"""Sub-pixel positions of a marker along each axis: points glide, not hop."""
FAR = 1e6
"""Pixels: what lies farther out is as good as there."""
CHIP = 0.8
"""Opacity of the ground under caption and legend."""

Pixels = npt.NDArray[np.uint8]
Ink = npt.NDArray[np.float32]


class Painter:
    """Draws scenes of one layout; axes and grid are drawn once.

    Args:
        layout: Where everything stands.
        palette: Colours.
    """

    def __init__(self, layout: Layout, palette: Palette) -> None:
        self._layout = layout
        self._palette = palette
        self._ground = np.asarray(self._axes(), np.float32)

    def draw(self, scene: Scene) -> Pixels:
        """(height, width, 3) red, green, blue of a scene."""
        at = self._layout
        canvas = self._ground.copy()
        plot = canvas[at.top : at.bottom, at.left : at.right]
        for layer in scene.ordered():
            if layer in scene.clouds:
                self._splat(plot, scene, layer)
            else:
                self._lay(plot, scene, layer)
        image = Image.fromarray(np.rint(canvas).astype(np.uint8))
        self._write(image, scene)
        return np.asarray(image)

    def _axes(self) -> Image.Image:
        at, colours = self._layout, self._palette
        image = Image.new("RGB", (at.width, at.height), colours.stage)
        pen, letters = ImageDraw.Draw(image), font(FONT_PIXELS * at.ratio)
        thick = max(1, round(at.ratio))
        for axis in (0, 1):
            for value, place, text in at.ticks(axis):
                colour = colours.border if abs(value) < at.spacing / 2 else colours.grid
                # Whole pixels, as in the window: a line between two would be a grey band.
                first = round(place)
                if axis == 0:
                    pen.rectangle((first, at.top, first + thick - 1, at.bottom - 1), fill=colour)
                    foot = (place, at.bottom + 4 * at.ratio)
                    pen.text(foot, text, colours.muted, letters, anchor="ma")
                else:
                    pen.rectangle((at.left, first, at.right - 1, first + thick - 1), fill=colour)
                    side = (at.left - 6 * at.ratio, place)
                    pen.text(side, text, colours.muted, letters, anchor="rm")
        return image

    def _splat(self, plot: Ink, scene: Scene, layer: str) -> None:
        points = np.asarray(scene.clouds[layer])[:, :2]
        finite = np.isfinite(points).all(axis=1)
        x, y = self._layout.pixels(points[finite])
        x, y = x - self._layout.left, y - self._layout.top
        diameter, alpha = marker_look(len(x), MARKER_SCALE[layer])
        alpha *= scene.opacity(layer)
        labels = scene.labels.get(layer)
        known = None if labels is None else np.asarray(labels)[finite]
        tiles = coverage(diameter, self._layout.ratio, PHASES) * alpha
        piled = _depth if len(x) <= MANY else _depth_of_many
        for colour, chosen in by_colour(scene, self._palette, layer, known):
            depth = piled(x[chosen], y[chosen], plot.shape[:2], tiles)
            inked = np.nonzero(depth)  # most of the plot is free
            ground, ink = plot[inked], np.array(rgb(colour), np.float32)
            plot[inked] = ground + (1 - np.exp(depth[inked]))[:, None] * (ink - ground)

    def _lay(self, plot: Ink, scene: Scene, layer: str) -> None:
        """Draw lines or a picture."""
        shape, at = scene.shapes[layer], self._layout
        opacity = scene.opacity(layer)
        if isinstance(shape, Lines):
            mask = stroked(shape, at, LINE_WIDTH.get(layer, 1.0)) * opacity
            ink = np.array(rgb(scene.colour(self._palette, layer)), np.float32)
            plot += mask[..., None] * (ink - plot)
            return
        pixels = heat_pixels(layer, shape, scene.heat_colours(self._palette, layer))
        rows, columns, seen = picture_places(shape, at)
        seen_pixels = pixels[rows[:, None], columns[None]].astype(np.float32)
        alpha = seen_pixels[..., 3:] * (seen[..., None] * (opacity / 255))
        plot += alpha * (seen_pixels[..., :3] - plot)

    def _write(self, image: Image.Image, scene: Scene) -> None:
        at, colours = self._layout, self._palette
        if caption := caption_place(scene.caption, at):
            _chip(image, caption, colours.stage, round(5 * at.ratio))
            middle = (caption[0] + 6 * at.ratio, (caption[1] + caption[3]) / 2)
            letters = font(FONT_PIXELS * at.ratio)
            pen = ImageDraw.Draw(image)
            pen.text(middle, scene.caption, colours.muted, letters, anchor="lm")
        lines = legend_lines(scene, colours)
        if legend := legend_place(lines, at):
            _chip(image, legend, colours.stage, round(5 * at.ratio))
            self._write_legend(image, lines, legend)

    def _write_legend(self, image: Image.Image, lines: list[Line], box: Box) -> None:
        at, pen = self._layout, ImageDraw.Draw(image)
        for line in lines:
            y = box[1] + line.offset * at.ratio
            if line.shades is None:
                swatch = coverage(8, at.ratio, 1)[0, 0]
                disc = Image.fromarray(np.rint(swatch * 255).astype(np.uint8))
                corner = (round(box[0] + 7 * at.ratio), round(y - disc.height / 2))
                image.paste(Image.new("RGB", disc.size, line.colour), corner, disc)
            else:
                side = max(1, round(BAR * at.ratio)), max(1, round(9 * at.ratio))
                bar = Image.fromarray(line.shades[None]).resize(side, Image.Resampling.BILINEAR)
                image.paste(bar, (round(box[0] + 7 * at.ratio), round(y - bar.height / 2)), bar)
            pen.text(
                (box[0] + line.indent * at.ratio, y),
                line.text,
                self._palette.text,
                font(FONT_PIXELS * at.ratio),
                anchor="lm",
            )


def by_colour(
    scene: Scene, palette: Palette, layer: str, labels: npt.NDArray[np.int64] | None
) -> list[tuple[str, slice | npt.NDArray[np.bool_]]]:
    """The colours in which a layer is drawn, and which of its points have them."""
    if labels is None:
        return [(scene.colour(palette, layer), slice(None))]
    place = labels % len(palette.classes)
    return [(palette.classes[k], place == k) for k in np.unique(place).tolist()]


def as_png(pixels: Pixels) -> bytes:
    """The bytes of a .png file of pixels (height, width, 3)."""
    stream = io.BytesIO()
    # Not optimised: that takes three times as long, in the window, for 3 % of the size.
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def _depth(
    x: npt.NDArray[np.floating],
    y: npt.NDArray[np.floating],
    shape: tuple[int, ...],
    tiles: npt.NDArray[np.float64],
) -> Ink:
    """Logarithm of what light the markers of points at columns x and rows y let through.

    Markers of one colour let through the product of what each of them does, in any order.

    Args:
        x: (n,) columns.
        y: (n,) rows.
        shape: Rows and columns of the plot.
        tiles: (phases, phases, side, side) opacity of a marker, see `coverage`.
    """
    half, side = tiles.shape[-1] // 2, tiles.shape[-1]
    column, row, within = _in_plot(x, y, shape)
    phase_x = np.minimum(((x[within] - column) * PHASES).astype(np.int64), PHASES - 1)
    phase_y = np.minimum(((y[within] - row) * PHASES).astype(np.int64), PHASES - 1)
    rows, columns = shape[0] + 2 * half, shape[1] + 2 * half  # room for rims over the edges
    across = np.arange(side)
    offsets = (across[:, None] * columns + across).ravel()
    places = (row * columns + column)[:, None] + offsets
    inks = np.log1p(-tiles).reshape(PHASES, PHASES, side * side)[phase_y, phase_x]
    depth = np.bincount(places.ravel(), inks.ravel(), minlength=rows * columns)
    framed = depth.reshape(rows, columns).astype(np.float32)
    return framed[half : rows - half, half : columns - half]


def _depth_of_many(
    x: npt.NDArray[np.floating],
    y: npt.NDArray[np.floating],
    shape: tuple[int, ...],
    tiles: npt.NDArray[np.float64],
) -> Ink:
    """As `_depth`, in time that hardly grows with the points.

    Each point has the mean ink of all places in its pixel: where discs lie on discs nobody sees
    where in its pixel each of them is.
    """
    half = tiles.shape[-1] // 2
    column, row, _ = _in_plot(x, y, shape)
    counts = np.bincount(row * shape[1] + column, minlength=shape[0] * shape[1])
    counted = counts.reshape(shape).astype(np.float32)
    depth = np.zeros((shape[0] + 2 * half, shape[1] + 2 * half), np.float32)
    inks = np.log1p(-tiles).mean(axis=(0, 1)).astype(np.float32)
    for down, across in np.argwhere(inks).tolist():
        moved = depth[down : down + shape[0], across : across + shape[1]]
        moved += counted * inks[down, across]
    return depth[half : len(depth) - half, half : half + shape[1]]


def _in_plot(
    x: npt.NDArray[np.floating], y: npt.NDArray[np.floating], shape: tuple[int, ...]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Columns and rows of the pixels of those points that lie in the plot, and which these are."""
    column = np.floor(np.clip(x, -FAR, FAR)).astype(np.int64)
    row = np.floor(np.clip(y, -FAR, FAR)).astype(np.int64)
    within = (column >= 0) & (column < shape[1]) & (row >= 0) & (row < shape[0])
    return column[within], row[within], within


def _chip(image: Image.Image, box: Box, colour: str, radius: int) -> None:
    """A rounded ground that clouds shine through."""
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).rounded_rectangle(box, radius, fill=round(255 * CHIP))
    image.paste(Image.new("RGB", image.size, colour), (0, 0), mask)
