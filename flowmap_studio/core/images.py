"""Images as rows of points: the shape they have as pictures, and how their values were levelled.

Torch-free.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

MAX_SIDE = 64
MAX_VALUES = 4096
"""Largest height · width · channels."""
CHANNELS = (1, 3)
MAX_LEVELS = 256
HELD_OUT = 0.2
"""Share of the images that no training sees, by which maps are judged; presets record it."""


class ImageShape(NamedTuple):
    """What the axes of a point are as an image, row by row with the channels last.

    Attributes:
        height: Pixels.
        width: Pixels.
        channels: 1 for grey, 3 for red, green and blue.
        levels: Values that a pixel of the data can have; with noise in [0, 1) added and divided by
            this, they fill [0, 1] evenly. 0 where the data is continuous already.
    """

    height: int
    width: int
    channels: int = 1
    levels: int = 0

    @property
    def dim(self) -> int:
        """Axes of the points."""
        return self.height * self.width * self.channels

    @property
    def sensible(self) -> bool:
        """Whether a map can be made of such images."""
        sides = 1 <= self.height <= MAX_SIDE and 1 <= self.width <= MAX_SIDE
        pixels = self.channels in CHANNELS and self.dim <= MAX_VALUES
        return sides and pixels and 0 <= self.levels <= MAX_LEVELS and self.levels != 1


def same_image(one: ImageShape | None, other: ImageShape | None) -> bool:
    """Whether maps of the one fit the other: levels do not matter, pixels do."""
    return (one and one[:3]) == (other and other[:3])


def as_pictures(points: npt.NDArray[np.floating], shape: ImageShape) -> npt.NDArray[np.uint8]:
    """(n, height, width, channels) bytes of points (n, dim) in data units, where [0, 1] is shown.

    Args:
        points: Rows of pixels; what lies outside [0, 1] is clipped.
        shape: Theirs.
    """
    bytes_: npt.NDArray[np.uint8] = np.rint(255 * np.clip(points, 0, 1)).astype(np.uint8)
    return bytes_.reshape(-1, shape.height, shape.width, shape.channels)


def contact_sheet(
    pictures: npt.NDArray[np.uint8],
    columns: int,
    gap: int = 1,
    paper: int | npt.NDArray[np.uint8] = 0,
) -> npt.NDArray[np.uint8]:
    """(rows, columns, channels) one picture with others side by side, row by row.

    Args:
        pictures: (n, height, width, channels), n ≥ 1.
        columns: Pictures in a row.
        gap: Pixels between them.
        paper: Value of what lies between and beyond them, or (channels,) values.
    """
    count, height, width, channels = pictures.shape
    rows = -(-count // columns)
    tall, wide = height + gap, width + gap
    sheet = np.full((rows * tall - gap, columns * wide - gap, channels), paper, np.uint8)
    for place, picture in enumerate(pictures):
        y, x = place // columns * tall, place % columns * wide
        sheet[y : y + height, x : x + width] = picture
    return sheet
