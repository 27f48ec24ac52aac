"""Exponential smoothing of curves for the eye."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter


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
    coefficients = [1 - weight], [1, -weight]
    top = lfilter(*coefficients, np.where(known, wide, 0.0))
    bottom = lfilter(*coefficients, known.astype(np.float64))
    out = np.full_like(wide, np.nan)
    np.divide(top, bottom, out=out, where=known & (bottom > 0))
    return out
