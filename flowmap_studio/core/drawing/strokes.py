"""Lines and pictures of the plane on the pixels of a plot. No Qt, no torch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from flowmap_studio.core.drawing.scene import Layout
from flowmap_studio.core.probing.values import Heat, Lines, Wide

FINER = 4
"""Parts of a pixel along each axis: Pillow's lines have hard edges, their mean is soft."""
FINEST_SIDE = 8192
"""Pixels of the finer picture's longer side at most; larger pictures have coarser parts."""
FAR = 1e5
"""Pixels: what lies farther out is as good as there."""


def pieces(lines: Lines, at: Layout) -> list[Wide]:
    """The lines (n, 2) between the gaps in pixels of the plot; those without a length are left out.

    Args:
        lines: In data units.
        at: Where everything stands.
    """
    x, y = at.pixels(np.stack([lines.x, lines.y], axis=1))
    points = np.clip(np.stack([x - at.left, y - at.top], axis=1), -FAR, FAR)
    known = np.isfinite(lines.x) & np.isfinite(lines.y)
    ends = np.flatnonzero(np.diff(known.astype(np.int8), prepend=0, append=0))
    return [points[a:b] for a, b in ends.reshape(-1, 2) if b - a > 1]


def stroked(lines: Lines, at: Layout, width: float) -> npt.NDArray[np.float32]:
    """(rows, columns) share of each of the plot's pixels that the lines cover.

    Args:
        lines: In data units.
        at: Where everything stands.
        width: Of the lines, in logical pixels.
    """
    rows, columns = at.bottom - at.top, at.right - at.left
    finer = max(1, min(FINER, FINEST_SIDE // max(rows, columns)))
    picture = Image.new("L", (columns * finer, rows * finer))
    pen, thick = ImageDraw.Draw(picture), max(1, round(width * at.ratio * finer))
    for line in pieces(lines, at):
        pen.line((line * finer).ravel().tolist(), fill=255, width=thick, joint="curve")
    covered: npt.NDArray[np.float32] = np.array(picture.reduce(finer), np.float32)
    covered *= np.float32(1 / 255)
    return covered


def picture_places(
    heat: Heat, at: Layout
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Which row and column of a picture each row and column of the plot shows.

    Returns:
        (rows,) and (columns,) numbers, the nearest where there is none, and (rows, columns)
        whether the picture is there.
    """
    x = np.arange(at.left, at.right) + 0.5
    y = np.arange(at.top, at.bottom) + 0.5
    places = (
        ((x - (at.left + at.right) / 2) / at.scale + at.middle[0] - heat.low[0]),
        (((at.top + at.bottom) / 2 - y) / at.scale + at.middle[1] - heat.low[1]),
    )
    found = []
    for axis, place in enumerate(places):
        count = heat.values.shape[1 - axis]
        bins = np.floor(place / (heat.high[axis] - heat.low[axis]) * count)
        found.append((np.clip(bins, 0, count - 1).astype(np.int64), (bins >= 0) & (bins < count)))
    (columns, there_x), (rows, there_y) = found
    return rows, columns, there_y[:, None] & there_x[None]
