"""A cloud of very many points as an image of its density, in time that hardly grows with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.drawing.marker_look import Alphas, coverage, marker_look

Points = npt.NDArray[np.floating]

LEVELS = 256
OPAQUE_DEPTH = 5.0
"""Optical depth that counts as opaque: 1 − e⁻⁵ is 0.993."""
MOST_IN_A_PIXEL = 255
"""Times the largest blur's weights (256) this still fits 16 bits."""
BLOCK = 32_768
"""Points placed at once: what is computed of them stays in the cache."""
_BLURS = ((1.25, (1, 1)), (1.75, (1, 1, 2)), (2.5, (1, 2, 2, 1)), (np.inf, (1, 2, 3, 3)))
"""Up to which pixel ratio which shifts: each adds the image to itself, moved that far."""


class Placing(NamedTuple):
    """Where points lie on the image: column = x · across + left, row = y · down + top."""

    across: float = 1.0
    left: float = 0.0
    down: float = 1.0
    top: float = 0.0


AS_IT_IS = Placing()


@dataclass(frozen=True)
class Density:
    """Points piled up on device pixels, blurred to the size of a small marker.

    Attributes:
        levels: (height, width) uint8, C-contiguous: piled-up ink in units of `depth`.
        depth: Optical depth of one level.
    """

    levels: npt.NDArray[np.uint8]
    depth: float

    def alphas(self) -> Alphas:
        """(256,) opacity in [0, 1) of each level."""
        return 1 - np.exp(-self.depth * np.arange(LEVELS))


def density(
    x: Points,
    y: Points,
    width: int,
    height: int,
    ratio: float,
    placing: Placing = AS_IT_IS,
    count: int | None = None,
) -> Density:
    """Pile up points on an image.

    Markers drawn over each other multiply what shines through, so their optical depths add up:
    counting and blurring gives very nearly the picture that drawing each marker would give.

    Args:
        x: (n,) first coordinates.
        y: (n,) second coordinates.
        width: Of the image in device pixels.
        height: Of the image in device pixels.
        ratio: Device pixels per logical pixel.
        placing: From coordinates to device pixels; points may lie far outside of the image.
        count: Points of the cloud that these are some of, whose markers they have; all when None.
    """
    shifts = next(shifts for most, shifts in _BLURS if ratio < most)
    spread = sum(shifts)
    # Each row and column: a bin for all that lies before, `spread` bins that the blur carries into
    # the image, the image, and a bin for all that lies behind.
    stride, rows = width + spread + 2, height + spread + 2
    room = spread / 2 + 1
    moved = placing._replace(left=placing.left + room, top=placing.top + room)
    piled = _counts(x, y, stride, rows, moved)
    for shift in shifts:
        piled = piled[shift:] + piled[:-shift]
        piled = piled[shift * stride :] + piled[: -shift * stride]
    depth = _unit_depth(len(x) if count is None else count, ratio, 4 ** len(shifts))
    spare_bits = max(0, int(np.ceil(np.log2(OPAQUE_DEPTH / (depth * LEVELS)))))
    piled >>= spare_bits
    np.minimum(piled, LEVELS - 1, out=piled)
    image = np.lib.stride_tricks.as_strided(
        piled[stride + 1 :], (height, width), (stride * 2, 2), writeable=False
    )
    return Density(image.astype(np.uint8, order="C"), depth * 2**spare_bits)


def mixed(parts: Sequence[tuple[int, Density]], opacity: float) -> npt.NDArray[np.uint32]:
    """Densities of several colours piled up together: each pixel has the mean of its ink's colours.

    Args:
        parts: Colours 0xRRGGBB and densities, all of one size and depth.
        opacity: Of the whole, in [0, 1].

    Returns:
        (height, width) 0xAARRGGBB pixels, premultiplied.
    """
    depth = parts[0][1].depth
    total = sum(np.asarray(piled.levels, np.float32) for _, piled in parts)
    alpha = (1 - np.exp(-depth * total)) * opacity
    share = alpha / np.maximum(total, 1)
    pixels = np.rint(255 * alpha).astype(np.uint32) << np.uint32(24)
    for shift in (16, 8, 0):
        ink = sum(piled.levels * np.float32(rgb >> shift & 0xFF) for rgb, piled in parts)
        pixels |= np.rint(ink * share).astype(np.uint32) << np.uint32(shift)
    return pixels


def _counts(
    x: Points, y: Points, stride: int, rows: int, placing: Placing
) -> npt.NDArray[np.uint16]:
    """(rows × stride,) points in each bin; those outside go to the outermost bins."""
    # 16 bits are the quickest, but a bin must be able to hold all points.
    counts = np.zeros(rows * stride, np.uint16 if len(x) < 2**16 else np.uint32)
    one = counts.dtype.type(1)
    across, left, down, top = map(x.dtype.type, placing)
    with np.errstate(over="ignore"):
        for start in range(0, len(x), BLOCK):
            column = x[start : start + BLOCK] * across
            column += left
            place = y[start : start + BLOCK] * down
            place += top
            np.clip(column, 0, stride - 1, out=column)
            np.clip(place, 0, rows - 1, out=place)
            bins = place.astype(np.int32)  # quicker than straight to 64 bits
            bins *= stride
            bins += column.astype(np.int32)
            np.add.at(counts, bins.astype(np.intp), one)
    np.minimum(counts, MOST_IN_A_PIXEL, out=counts)
    return counts.astype(np.uint16, copy=False)


def _unit_depth(count: int, ratio: float, weights: int) -> float:
    """Optical depth of one unit of blurred count, so that a point has the ink of its marker.

    Args:
        count: Points in the cloud.
        ratio: Device pixels per logical pixel.
        weights: Of the blur along one axis, their sum squared: its sum over the image.
    """
    diameter, opacity = marker_look(count)
    area = float(coverage(diameter, ratio, 1).sum())
    return -np.log1p(-opacity) * area / weights
