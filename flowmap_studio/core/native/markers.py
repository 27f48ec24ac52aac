"""Markers drawn on an image by the compiled library: thousands in a fraction of a millisecond."""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.native.loading import Address, Count, compiled

ACROSS = 8
"""Pixels that are drawn at once, as in markers.c."""

Pixels = npt.NDArray[np.uint32]
"""Premultiplied 0xAARRGGBB."""


class _Image(ctypes.Structure):
    """`Image` in markers.c."""

    _fields_ = [("pixels", Address), ("width", Count), ("height", Count)]


class _Marker(ctypes.Structure):
    """`Marker` in markers.c."""

    _fields_ = [("pictures", Address), *((name, Count) for name in ("phases", "width", "height"))]


def can_stamp() -> bool:
    """Whether the library is there."""
    return compiled() is not None


def stamp(
    pixels: Pixels,
    pictures: Pixels,
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.float32],
    *,
    fresh: bool = False,
) -> None:
    """Draw a marker for each point, where the library `can_stamp`.

    Markers of one colour are drawn in whatever order is quickest, which only rounding sees.

    Args:
        pixels: (rows, columns) to draw on.
        pictures: (phases, phases, height, width) of the marker by its place within a pixel, in y
            and in x; the width is a multiple of `ACROSS`.
        x: (n,) columns of the markers' left edges; those whose picture does not lie within the
            image as a whole, and those that are not finite, are left out.
        y: (n,) rows of their upper edges.
        fresh: Draw on nothing, instead of over what is there.

    Raises:
        MemoryError: There was none.
        ValueError: An array has another shape or dtype, or does not lie in one piece.
    """
    phases, phases_x, height, width = pictures.shape
    whole = all(one.flags.c_contiguous for one in (pixels, pictures, x, y))
    kinds = pixels.dtype == pictures.dtype == np.uint32 and x.dtype == y.dtype == np.float32
    shapes = pixels.ndim == 2 and phases == phases_x and width % ACROSS == 0
    if not (whole and kinds and shapes and x.ndim == 1 and x.shape == y.shape):
        raise ValueError("the arrays are not as the compiled library needs them")
    library = compiled()
    assert library is not None  # noqa: S101 - who calls has asked
    short = library.stamp_markers(
        ctypes.byref(_Image(pixels.ctypes.data, pixels.shape[1], pixels.shape[0])),
        ctypes.byref(_Marker(pictures.ctypes.data, phases, width, height)),
        *(x.ctypes.data, y.ctypes.data, len(x), fresh),
    )
    if short:
        raise MemoryError
