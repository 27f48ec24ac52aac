"""The stage of images as pixels: a sheet of images for each layer. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from flowmap_studio.core.drawing.layers import LAYERS, STAGE_IMAGES
from flowmap_studio.core.drawing.raster import Pixels
from flowmap_studio.core.drawing.scene import FONT_PIXELS, USUAL_SIDE, Scene, font
from flowmap_studio.core.images import ImageShape, as_pictures, contact_sheet
from flowmap_studio.core.palettes import Palette, rgb

MARGIN, TITLE, FOOT = 10, 20, 22
"""Logical pixels around a sheet, of the name above it and of the caption below all."""
IMAGE_SIDE = 22
"""Logical pixels of an image's longer side, at least."""
MOST_ACROSS = 12
"""Images in a row and in a column at most."""


class SheetPainter:
    """Draws scenes whose clouds are images, all in one layout.

    Args:
        size: Width and height of the picture in pixels.
        image: What the points are.
        layers: Those that get a sheet.
        palette: Colours.
    """

    def __init__(
        self, size: tuple[int, int], image: ImageShape, layers: Sequence[str], palette: Palette
    ) -> None:
        self._size, self._image, self._palette = size, image, palette
        self._ratio = min(size) / USUAL_SIDE
        self._layers = [layer for layer in LAYERS if layer in layers]
        self._columns, self._rows = _table(size, len(self._layers))
        self._cell = self._room()
        self._scale = max(1, -(-round(IMAGE_SIDE * self._ratio) // max(image.height, image.width)))
        self._across, self._down = (
            min(MOST_ACROSS, max(1, (room + self._scale) // (self._scale * (side + 1))))
            for room, side in zip(self._cell, (image.width, image.height), strict=True)
        )

    @property
    def images(self) -> int:
        """How many images of each layer are drawn."""
        return min(STAGE_IMAGES, self._across * self._down)

    def draw(self, scene: Scene) -> Pixels:
        """(height, width, 3) red, green, blue of a scene of points (n, image.dim)."""
        colours, ratio = self._palette, self._ratio
        picture = Image.new("RGB", self._size, colours.stage)
        pen, letters = ImageDraw.Draw(picture), font(FONT_PIXELS * ratio)
        for place, layer in enumerate(self._layers):
            left, top = self._corner(place)
            name = scene.names.get(layer, layer)
            pen.text((left, top - 5 * ratio), name, colours.text, letters, anchor="ls")
            picture.paste(self._sheet(scene.clouds[layer]), (round(left), round(top)))
        foot = (MARGIN * ratio, self._size[1] - FOOT / 2 * ratio)
        pen.text(foot, scene.caption, colours.muted, letters, anchor="lm")
        return np.asarray(picture)

    # --- inside -------------------------------------------------------------------------------

    def _sheet(self, points: npt.NDArray[np.floating]) -> Image.Image:
        shown = as_pictures(np.nan_to_num(points[: self.images]), self._image)
        coloured = np.broadcast_to(shown, (*shown.shape[:3], 3))
        large = coloured.repeat(self._scale, axis=1).repeat(self._scale, axis=2)
        paper = np.array(rgb(self._palette.stage), np.uint8)
        sheet = Image.fromarray(contact_sheet(large, self._across, self._scale, paper))
        sheet.thumbnail(self._cell)  # where not even one image has room in full size
        return sheet

    def _room(self) -> tuple[int, int]:
        """Width and height of a sheet in pixels."""
        width = (self._size[0] - MARGIN * self._ratio) / self._columns - MARGIN * self._ratio
        height = (self._size[1] - FOOT * self._ratio) / self._rows - TITLE * self._ratio
        return max(1, int(width)), max(1, int(height))

    def _corner(self, place: int) -> tuple[float, float]:
        """Left and top of a sheet; sheets that don't fill their room stand in its middle."""
        row, column = divmod(place, self._columns)
        spare = self._cell[0] - self._scale * (self._across * (self._image.width + 1) - 1)
        left = MARGIN * self._ratio + column * (self._cell[0] + MARGIN * self._ratio)
        top = TITLE * self._ratio + row * (self._cell[1] + TITLE * self._ratio)
        return left + max(0, spare) / 2, top


def _table(size: tuple[int, int], count: int) -> tuple[int, int]:
    """Columns and rows of so many sheets that leave each the largest square."""
    count = max(1, count)
    tables = [(columns, -(-count // columns)) for columns in range(1, count + 1)]
    return max(tables, key=lambda table: min(size[0] / table[0], size[1] / table[1]))
