"""Which points a click or a lasso means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.floating]


def nearest(
    clouds: Mapping[str, Points], layers: Sequence[str], place: tuple[float, float], reach: float
) -> tuple[str, int] | None:
    """The layer and the row of the point that is nearest to a place.

    Args:
        clouds: (n, 2) what is seen of points, by layer.
        layers: Those that are looked at; of points as near as each other the first one counts.
        place: In data units.
        reach: What is farther away is not meant.
    """
    found, least = None, reach
    for layer in layers:
        points = clouds[layer]
        if not len(points):
            continue
        distance = np.linalg.norm(points - np.asarray(place), axis=1)
        row = int(np.argmin(distance))
        if distance[row] < least:
            found, least = (layer, row), float(distance[row])
    return found


def inside(points: Points, corners: Points) -> npt.NDArray[np.bool_]:
    """(n,) whether points (n, 2) lie within a polygon (k, 2), by the even-odd rule."""
    found = np.zeros(len(points), bool)
    near = np.flatnonzero(
        ((points >= corners.min(axis=0)) & (points <= corners.max(axis=0))).all(1)
    )
    near = near[np.argsort(points[near, 1], kind="stable")]
    x, y = points[near].T
    odd = np.zeros(len(near), bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        # Those beside this edge lie together, so that no edge is compared with all points.
        first, last = np.searchsorted(y, (min(y0, y1), max(y0, y1)))
        if first < last:
            at = x0 + (y[first:last] - y0) / (y1 - y0) * (x1 - x0)
            odd[first:last] ^= x[first:last] < at
    found[near] = odd
    return found
