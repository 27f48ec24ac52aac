"""Shift and scale between the data's own units and the unit spread that maps are trained in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.errors import DataError

AUTO_RATIO = 10.0
"""Axes whose spreads differ by more than this are scaled each on its own under "auto"."""


@dataclass(frozen=True)
class Normalisation:
    """x_data = shift + scale · x_normalised, axis by axis.

    Attributes:
        shift: One number per axis, in data units.
        scale: One positive number per axis, in data units.
    """

    shift: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def fit(cls, points: npt.NDArray[np.floating], rule: str) -> Normalisation:
        """The normalisation of a sample of the data.

        Args:
            points: (n, dim) data.
            rule: "isotropic" (one scale: root of the mean variance), "per-axis", "auto" or "none".

        Raises:
            DataError: All points are the same.
        """
        wide = np.asarray(points, np.float64)
        dim = wide.shape[1]
        if rule == "none":
            return cls((0.0,) * dim, (1.0,) * dim)
        spread = wide.std(axis=0)
        largest = spread.max()
        if not largest > 1e-12 * max(1.0, float(np.abs(wide).max())):
            raise DataError("All points of the target are the same; a map needs some spread.")
        if rule == "auto":
            lively = spread.min() * AUTO_RATIO >= largest
            rule = "isotropic" if lively else "per-axis"
        if rule == "isotropic":
            scale = np.full(dim, np.sqrt((spread**2).mean()))
        else:  # a constant axis keeps the scale of the others, so that it stays constant
            scale = np.where(spread > 1e-9 * largest, spread, largest)
        return cls(tuple(wide.mean(axis=0).tolist()), tuple(scale.tolist()))

    @property
    def dim(self) -> int:
        """Number of axes."""
        return len(self.shift)

    def apply(self, points: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """(n, dim) data units to normalised."""
        scaled = (np.asarray(points, np.float64) - self.shift) / np.asarray(self.scale)
        narrow: npt.NDArray[np.float32] = scaled.astype(np.float32)
        return narrow

    def undo(self, points: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """(n, dim) normalised to data units."""
        wide: npt.NDArray[np.float64] = np.asarray(points, np.float64) * self.scale + self.shift
        return wide.astype(np.float32)
