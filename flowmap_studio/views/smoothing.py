"""Exponential smoothing of curves for the eye."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

NEGLIGIBLE = 1e-18
"""Weights that change no digit of a sum."""


def smoothed(values: npt.NDArray[np.floating], weight: float) -> npt.NDArray[np.float64]:
    """Debiased exponential moving average; gaps (NaN) stay gaps and do not spread.

    Args:
        values: (n,) a curve.
        weight: In [0, 1): 0 changes nothing, nearer to 1 is smoother.
    """
    wide = np.asarray(values, np.float64)
    known = np.isfinite(wide)
    if weight <= 0 or not known.any():
        return wide
    # Filter the values and the weights of the known ones alike; their quotient has no bias.
    top = _decaying_sum(np.where(known, wide, 0.0), weight)
    bottom = _decaying_sum(known.astype(np.float64), weight)
    out = np.full_like(wide, np.nan)
    np.divide(top, bottom, out=out, where=known & (bottom > 0))
    return out


def _decaying_sum(values: npt.NDArray[np.float64], weight: float) -> npt.NDArray[np.float64]:
    """(n,) each value and those before it, weighed by weight^distance.

    The sum over twice as many values is that over the later half and a scaled one over the
    earlier: a dozen passes do for any curve, and importing a filter would take longer than the
    window's whole start.
    """
    total, span = values.copy(), 1
    while span < len(total) and weight**span > NEGLIGIBLE:
        total[span:] += weight**span * total[:-span]
        span *= 2
    return total
