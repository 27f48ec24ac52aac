"""How markers look: their size, opacity and shape, shared by drawn markers and density images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FEW = 5_000
MANY = 20_000
"""Up to `FEW` points markers are large; from there to `MANY` they shrink."""
LARGE, SMALL = 5.0, 3.2
"""Diameters in logical pixels at `FEW` and at `MANY` points."""
STRONG, WEAK = 0.85, 0.36
"""Opacities of one marker at `FEW` and at `MANY` points."""
FADING = 0.75
"""Beyond `MANY` the opacity falls with this power of the count, so that density still shows."""
FAINTEST = 0.015
SOFTNESS = 1.1
"""Width of a marker's rim in logical pixels."""

Alphas = npt.NDArray[np.float64]


def marker_look(count: int, scale: float = 1.0) -> tuple[float, float]:
    """Diameter in logical pixels and opacity of one marker in a cloud of so many.

    Args:
        count: Points of the cloud.
        scale: Of the diameter of few points: a cloud that lies over others is drawn finer. Many
            are as small as can be seen anyway; from `MANY` on all clouds have the same markers.

    It depends on the count alone and is constant up to `FEW`: a cloud must not change its look
    while it moves, is zoomed or is thinned for speed.
    """
    share = float(np.clip(np.log(max(count, 1) / FEW) / np.log(MANY / FEW), 0, 1))
    diameter = scale * LARGE + share * (SMALL - scale * LARGE)
    opacity = STRONG + share * (WEAK - STRONG)
    if count > MANY:
        opacity = max(FAINTEST, opacity * (MANY / count) ** FADING)
    return diameter, opacity


def coverage(diameter: float, ratio: float, phases: int) -> Alphas:
    """A soft disc sampled at device pixels, for each sub-pixel position of its centre.

    Args:
        diameter: In logical pixels.
        ratio: Device pixels per logical pixel.
        phases: Sub-pixel positions along each axis.

    Returns:
        (phases, phases, side, side) coverage in [0, 1] by phase in y and x, then row and column.
        `side` is odd; phase p has its centre (p + ½) / phases into the middle pixel.
    """
    radius, rim = diameter * ratio / 2, SOFTNESS * ratio
    offsets = (np.arange(phases) + 0.5) / phases - 0.5
    half = int(np.ceil(radius + rim / 2 + offsets[-1])) - 1  # the last pixel that is touched
    pixels = np.arange(-half, half + 1)
    along = pixels[None, :] - offsets[:, None]
    distance = np.hypot(along[:, None, :, None], along[None, :, None, :])
    share = np.clip((radius - distance) / rim + 0.5, 0, 1)
    return share * share * (3 - 2 * share)


def coloured(rgb: int, alphas: Alphas) -> npt.NDArray[np.uint32]:
    """0xAARRGGBB pixels (not premultiplied) of a colour 0xRRGGBB at opacities in [0, 1]."""
    opaque = np.rint(alphas * 255).astype(np.uint32) << np.uint32(24)
    pixels: npt.NDArray[np.uint32] = opaque | np.uint32(rgb & 0xFFFFFF)
    return pixels


def premultiplied(rgb: int, alphas: Alphas) -> npt.NDArray[np.uint32]:
    """0xAARRGGBB pixels of a colour 0xRRGGBB at opacities in [0, 1], each channel times that."""
    opaque = np.rint(alphas * 255)
    pixels = opaque.astype(np.uint32) << np.uint32(24)
    for shift in (16, 8, 0):
        share = (rgb >> shift & 0xFF) / 255
        pixels |= np.rint(opaque * share).astype(np.uint32) << np.uint32(shift)
    return pixels
