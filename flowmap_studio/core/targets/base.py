"""What every target offers."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

from flowmap_studio.core.errors import DataError

MAX_DIM = 4096
"""Largest number of columns of a point file."""


class Target(Protocol):
    """A distribution of data that can be drawn from, in its own units."""

    @property
    def name(self) -> str:
        """What to call it: the shape's or the file's name."""

    @property
    def dim(self) -> int:
        """Number of axes."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that its points have; empty for none."""

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """(count, dim) float32 points on the generator's device."""

    def sample_labelled(
        self, count: int, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The same points as `sample` gives, and (count,) int64 indices into `classes`."""

    def split(self, count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Two disjoint samples of up to `count` points each, of equal size, for metrics."""


class Unlabelled:
    """What a target without classes inherits: labels that are all 0."""

    classes: tuple[str, ...] = ()

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """(count, dim) float32 points on the generator's device."""
        raise NotImplementedError

    def sample_labelled(
        self, count: int, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The same points as `sample` gives, and (count,) zeros."""
        points = self.sample(count, generator)
        return points, torch.zeros(count, dtype=torch.int64, device=points.device)


class PointTarget:
    """A finite cloud of points, drawn from with replacement.

    Args:
        name: What to call it, e.g. the file's name.
        points: (n, dim) data in its own units, n ≥ 2.
        labels: (n,) indices into `classes`, if the points have classes.
        classes: Their names.

    Raises:
        DataError: There are fewer than 2 points, fewer than 2 columns, or values that are no
            numbers.
    """

    def __init__(
        self,
        name: str,
        points: np.ndarray,
        labels: np.ndarray | None = None,
        classes: tuple[str, ...] = (),
    ) -> None:
        check_points(name, points)
        self.name = name
        self.dim = int(points.shape[1])
        self.classes = classes
        self.points = torch.from_numpy(np.array(points, np.float32, order="C"))
        indices = np.zeros(len(points)) if labels is None else labels
        self.labels = torch.from_numpy(np.ascontiguousarray(indices, np.int64))
        self._on_device = self.points, self.labels

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """(count, dim) points drawn with replacement, on the generator's device."""
        return self.sample_labelled(count, generator)[0]

    def sample_labelled(
        self, count: int, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The same points as `sample` gives, and (count,) int64 indices into `classes`."""
        if self._on_device[0].device.type != generator.device.type:
            self._on_device = (
                self.points.to(generator.device),
                self.labels.to(generator.device),
            )
        chosen = torch.randint(
            len(self.points), (count,), generator=generator, device=generator.device
        )
        points, labels = self._on_device
        return points[chosen], labels[chosen]

    def split(self, count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Two disjoint random parts of the points, each of min(count, n // 2)."""
        half = min(count, len(self.points) // 2)
        order = torch.randperm(len(self.points), generator=generator)
        return self.points[order[:half]], self.points[order[half : 2 * half]]


def check_points(name: str, points: np.ndarray) -> None:
    """Refuse points that nothing can be learned from, with one sentence that says why.

    Args:
        name: What to call them in the sentence.
        points: Any array.

    Raises:
        DataError: As the sentence says.
    """
    if points.ndim != 2:
        raise DataError(
            f"{name} has shape {points.shape}; give one row per point and one column per axis."
        )
    rows, columns = points.shape
    if rows < 2:
        raise DataError(f"{name} holds {rows} point{'s' * (rows != 1)}; give at least 2.")
    if columns < 2:
        raise DataError(f"{name} has only one column; give at least two (x and y).")
    if columns > MAX_DIM:
        raise DataError(f"{name} has {columns:,} columns; at most {MAX_DIM} are supported.")
    check_values(name, points)
    if not np.ptp(points, axis=0).any():
        raise DataError(f"All points of {name} are the same; a map needs some spread.")


def check_values(name: str, points: np.ndarray) -> None:
    """Refuse coordinates that are missing, infinite or beyond what maps compute with.

    Args:
        name: What to call the points in the sentence.
        points: (n, dim) points.

    Raises:
        DataError: As the sentence says.
    """
    bad = np.argwhere(~np.isfinite(points))
    if len(bad):
        row, column = bad[0] + 1
        raise DataError(
            f"{name} has a missing or infinite value at point {row:,}, column {column}; "
            "remove or repair that line."
        )
    if points.size and np.abs(points).max() > 1e30:
        raise DataError(f"{name} holds values beyond 1e30; rescale the data.")
