"""Two directions to see points of more axes by: principal axes, chosen axes, a random tour."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Frame = npt.NDArray[np.float64]
"""(dim, 2) orthonormal columns: points (n, dim) are seen at points @ frame."""

TOUR_PACE = 0.24
"""Random views that a tour passes in a second."""


def projected(
    points: npt.NDArray[np.floating], frame: npt.NDArray[np.floating] | None
) -> npt.NDArray[np.floating]:
    """(n, 2) what is seen of points (n, dim) through a frame (dim, 2).

    The first two axes where there is no frame, or one for other points.
    """
    if frame is None or points.shape[1] != len(frame):
        # The very array where that is all: who has drawn it need not look at it again.
        return points if points.shape[1] == 2 else points[:, :2]
    seen: npt.NDArray[np.floating] = points @ frame
    return seen


def principal_axes(points: npt.NDArray[np.floating]) -> Frame:
    """(dim, 2) the directions of largest variance of points (n, dim), by their covariance.

    Each points to where its largest entry is positive, so that views do not flip.
    """
    wide = np.asarray(points, np.float64)
    _, vectors = np.linalg.eigh(np.cov(wide, rowvar=False))
    chosen: Frame = vectors[:, [-1, -2]]
    largest = np.abs(chosen).argmax(axis=0)
    turned: Frame = chosen * np.sign(chosen[largest, [0, 1]])
    return turned


def chosen_axes(dim: int, x: int, y: int) -> Frame:
    """(dim, 2) axis `x` to the right and axis `y` upwards, counted from 0."""
    made = np.zeros((dim, 2))
    made[x, 0] = made[y, 1] = 1
    return made


class Tour:
    """A way through random pairs of directions, each turned evenly into the next (Asimov 1985).

    Args:
        dim: Axes of the points.
        seed: Of the directions.
    """

    def __init__(self, dim: int, seed: int = 0) -> None:
        self._dim, self._seed = dim, seed

    def at(self, place: float) -> Frame:
        """(dim, 2) the view at a place ≥ 0; whole numbers are the random pairs themselves."""
        number = math.floor(place)
        here, there = self._pair(number), self._pair(number + 1)
        share = place - number
        angle = (1 - share) * here + share * there
        made: Frame = np.linalg.qr(angle)[0]
        # QR may flip a column; the views must not jump.
        steady: Frame = made * np.sign((made * angle).sum(axis=0))
        return steady

    def _pair(self, number: int) -> Frame:
        draw = np.random.default_rng([self._seed, number])
        made: Frame = np.linalg.qr(draw.standard_normal((self._dim, 2)))[0]
        return made


@dataclass(frozen=True)
class Ride:
    """A tour that goes on with time.

    Attributes:
        dim: Axes of the points.
        place: Where it begins.
        pace: Random views passed in a second.
    """

    dim: int
    place: float = 0.0
    pace: float = TOUR_PACE

    def at(self, seconds: float) -> Frame:
        """(dim, 2) the view so many seconds later."""
        return Tour(self.dim).at(self.place + self.pace * seconds)
