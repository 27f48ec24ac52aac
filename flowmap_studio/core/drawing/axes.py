"""Equal axes: what part of the plane is shown, where its lines stand and what is written there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

MARGIN = 0.06
"""Share of the extent left free on each side."""
EXTENT_PERCENT = (0.2, 99.8)
FARTHEST = 1e30
"""Coordinates that the view's arithmetic still bears; farther ones are taken for this."""
LEAST_PIXELS = 56
"""Smallest distance of neighbouring lines in logical pixels."""
LEAST_PLAIN, MOST_PLAIN = 1e-5, 1e7
"""Finer spacings and larger numbers are written with powers of ten."""

Ends = npt.NDArray[np.float64]


def robust_extent(points: npt.NDArray[np.floating]) -> Ends:
    """(2, 2) lower and upper ends of both axes without the farthest of points (n, 2)."""
    near = np.clip(points.astype(np.float64), -FARTHEST, FARTHEST)
    ends: Ends = np.percentile(near, EXTENT_PERCENT, axis=0)
    return ends


def with_margin(low: Ends, high: Ends) -> tuple[Ends, Ends]:
    """The rectangle from low (2,) to high (2,) with room on each side; never empty."""
    middle, half = (low + high) / 2, (high - low) / 2
    # A single point still needs a range, one that floating point can resolve.
    half = np.maximum(half, max(half.max() * 1e-3, np.abs(middle).max() * 1e-6, 1e-9))
    half *= 1 + 2 * MARGIN
    return middle - half, middle + half


def nice_spacing(units_per_pixel: float, least_pixels: float = LEAST_PIXELS) -> float:
    """The smallest of … 0.1, 0.2, 0.5, 1, 2, 5 … that is at least so many pixels wide."""
    rough = units_per_pixel * least_pixels
    power = 10.0 ** np.floor(np.log10(rough))
    return float(power * next(m for m in (1, 2, 5, 10) if m * power >= rough * 0.999))


def multiples(low: float, high: float, spacing: float) -> range:
    """The whole numbers k with low ≤ k · spacing ≤ high."""
    return range(int(np.ceil(low / spacing)), int(np.floor(high / spacing)) + 1)


def tick_texts(values: Sequence[float], spacing: float) -> list[str]:
    """Numbers that differ as long as the values differ by the spacing: -0.5, 0, 0.5 or 2e+07."""
    largest = max(map(abs, values), default=0.0)
    if spacing < LEAST_PLAIN or largest >= MOST_PLAIN:
        figures = max(1, int(np.ceil(np.log10(max(largest, spacing) / spacing))) + 1)
        return [f"{value:.{figures}g}" for value in values]
    decimals = max(0, -int(np.floor(np.log10(spacing) + 1e-9)))
    # The zero of a range of decimals stays short, and is never negative.
    return [f"{value:.{decimals}f}" if abs(value) > spacing / 2 else "0" for value in values]
