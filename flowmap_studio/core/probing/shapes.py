"""Lines and pictures made of what a map did to points. NumPy alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.probing.values import Heat, Lines, Paths, Wide
from flowmap_studio.core.projections import projected

PICTURE, DENSITY_PICTURE = 96, 160
"""Pixels of a picture along each axis: of log-likelihoods, and of densities."""
FINER = 8
"""Parts of a lattice's cells along each axis."""
BLUR = 2.0
"""Standard deviation of a density's smoothing, in pixels."""
TAIL = 0.002
"""Share of the points that may lie outside a density's picture on each side."""
Floats = TypeVar("Floats", npt.NDArray[np.float32], npt.NDArray[np.float64])
HEAD = 0.32
"""Length of an arrow's head as a share of the arrow."""


def parts(points: Floats, size: int) -> Iterator[Floats]:
    """The points (n, dim), up to `size` at a time."""
    for start in range(0, len(points), size):
        yield points[start : start + size]


def broken(lines: Wide) -> Lines:
    """Lines (m, k, 2) one after the other with gaps between them."""
    gap = np.full((len(lines), 1, 2), np.nan)
    joined = np.concatenate([lines, gap], axis=1).reshape(-1, 2)
    return Lines(joined[:, 0].copy(), joined[:, 1].copy())


def place_at(paths: Paths, t: float) -> Wide:
    """(n, dim) positions at flow time t, linear between the known times."""
    after = int(np.clip(np.searchsorted(paths.times, t), 1, len(paths.times) - 1))
    before = after - 1
    share = (t - paths.times[before]) / (paths.times[after] - paths.times[before])
    one, other = paths.positions[before], paths.positions[after]
    place: Wide = one + share * (other - one)
    return place


def seen_paths(paths: Paths, frame: npt.NDArray[np.floating] | None) -> Paths:
    """The ways as they are seen in the plane, through the directions of a frame (dim, 2)."""
    times, count, dim = paths.positions.shape
    flat: Wide = projected(paths.positions.reshape(-1, dim), frame).astype(np.float64)
    return replace(paths, positions=flat.reshape(times, count, 2))


def paths_until(paths: Paths, t: float) -> Lines:
    """The ways in the plane, as far as they have come at flow time t."""
    passed = int(np.searchsorted(paths.times, t, side="left"))
    way = np.concatenate([paths.positions[:passed], place_at(paths, t)[None]])
    return broken(way.transpose(1, 0, 2))


def arrow_lines(places: Wide, velocity: Wide, room: float) -> Lines:
    """Arrows (n, 2) from places (n, 2), the longest as long as the room between two of them."""
    speed = np.linalg.norm(velocity, axis=1)
    known = np.isfinite(speed) & (speed > 0)
    if not known.any():
        return Lines(np.empty(0), np.empty(0))
    along = velocity[known] * (room / speed[known].max())
    aside = np.stack([-along[:, 1], along[:, 0]], axis=1)
    tip = places[known] + along
    left, right = (tip - HEAD * along + side * HEAD / 2 * aside for side in (1, -1))
    return broken(np.stack([places[known], tip, left, tip, right], axis=1))


def lattice_heat(lattice: Wide, values: Wide, folded: npt.NDArray[np.bool_] | None = None) -> Heat:
    """Figures (k, k) at the nodes of a lattice (k, k, 2): each colours the pixel round its node."""
    half = (lattice[1, 1] - lattice[0, 0]) / 2
    none = np.zeros(values.shape, np.bool_)
    low, high = lattice[0, 0] - half, lattice[-1, -1] + half
    return Heat(values, low, high, none if folded is None else folded, float(np.nanmax(values)))


def log_mass_heat(places: Wide, mass: Wide) -> Heat:
    """Logarithm of the mean density in each pixel of mass (k, k) that was carried.

    A lattice's cells are carried as quadrilaterals, so that what is torn wide lies thin.

    Args:
        places: (k, k, 2) where the lattice's nodes came to; not all on one line.
        mass: (k, k) what each brought.
    """
    low, high = places.min(axis=(0, 1)), places.max(axis=(0, 1))
    figures = np.concatenate([places, mass[..., None] / FINER**2], axis=-1)
    spread = _finer(figures).reshape(-1, 3)
    counted = _counted(spread[:, :2], (low, high), PICTURE, spread[:, 2])
    with np.errstate(divide="ignore"):
        nats = np.log(counted / np.prod((high - low) / PICTURE))
    nats[np.isneginf(nats)] = np.nan
    return Heat(nats, low, high, np.zeros(nats.shape, np.bool_), float(np.nanmax(nats)))


def density_heat(points: Wide) -> Heat:
    """The smoothed density of points (n, 2), per unit of area."""
    from scipy.ndimage import gaussian_filter

    low, high = np.quantile(points, [TAIL, 1 - TAIL], axis=0)
    low, high = low - 0.06 * (high - low), high + 0.06 * (high - low)
    counted = _counted(points, (low, high), DENSITY_PICTURE)
    density = gaussian_filter(counted, BLUR, mode="constant")
    density /= len(points) * np.prod((high - low) / DENSITY_PICTURE)
    return Heat(density, low, high, np.zeros(density.shape, np.bool_), float(density.max()))


def _counted(points: Wide, ends: tuple[Wide, Wide], bins: int, weights: Wide | None = None) -> Wide:
    """(bins, bins) points (n, 2) in each pixel between two corners, or their weights."""
    (left, bottom), (right, top) = ends[0].tolist(), ends[1].tolist()
    sides = [[bottom, top], [left, right]]
    found: Wide = np.histogram2d(points[:, 1], points[:, 0], bins, sides, weights=weights)[0]
    return found


def _finer(figures: Wide) -> Wide:
    """A lattice (k, k, m) with `FINER` times as many nodes along both axes, linear between."""
    for _ in range(2):
        steps = np.arange(FINER)[None, :, None, None] / FINER
        between = figures[:-1, None] + steps * (figures[1:, None] - figures[:-1, None])
        joined = between.reshape(-1, *figures.shape[1:])
        figures = np.concatenate([joined, figures[-1:]]).swapaxes(0, 1)
    return figures
