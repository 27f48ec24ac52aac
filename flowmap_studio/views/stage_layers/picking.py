"""Which points a click or a lasso means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

AT_ONCE = 8192
"""Points that a polygon's corners are compared with at once: each pair of them takes memory."""

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
    parts = (points[at : at + AT_ONCE] for at in range(0, len(points), AT_ONCE))
    return np.concatenate([np.empty(0, bool), *(_inside(part, corners) for part in parts)])


def _inside(points: Points, corners: Points) -> npt.NDArray[np.bool_]:
    x, y = points[:, 0, None], points[:, 1, None]
    (x0, y0), (x1, y1) = corners.T, np.roll(corners, -1, axis=0).T
    crosses = (y0 > y) != (y1 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = x0 + (y - y0) / (y1 - y0) * (x1 - x0)
    result: npt.NDArray[np.bool_] = (crosses & (x < at)).sum(axis=1) % 2 == 1
    return result
