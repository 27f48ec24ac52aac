"""Immutable weights with all that is needed to draw samples from them. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.images import ImageShape
from flowmap_studio.core.normalisation import Normalisation


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """The array as float32 that nobody can write to; a copy unless it is so already."""
    if array.dtype == np.float32 and not array.flags.writeable:
        return array
    copy = np.array(array, np.float32)
    copy.flags.writeable = False
    return copy


@dataclass(frozen=True)
class Snapshot:
    """A map at one training step.

    Attributes:
        config: What it is trained with.
        step: Training steps behind the weights.
        weights: Network tensors by name, float32, read-only: the moving average of the weights
            where the config keeps one.
        normalisation: Between data units and the map's.
        data: (n, dim) a sample of the target in data units, to show and to measure against.
        metrics: Measured figures by name, e.g. "sliced_w2_1".
        classes: Names of the classes that a conditional map is told; empty for others.
        labels: (n,) class of each row of `data`, as numbers; None where there are no classes.
        stage: What part of a staged run it is from, e.g. "teacher"; not kept in files.
        source: (n, dim) a sample of a source that is not the standard normal, in data units.
        image: What the axes are as an image; None for points.
    """

    config: RunConfig
    step: int
    weights: Mapping[str, npt.NDArray[np.float32]]
    normalisation: Normalisation
    data: npt.NDArray[np.float32]
    metrics: Mapping[str, float] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    labels: npt.NDArray[np.float32] | None = None
    source: npt.NDArray[np.float32] | None = None
    stage: str = ""
    image: ImageShape | None = None

    def __post_init__(self) -> None:
        weights = {name: frozen(array) for name, array in self.weights.items()}
        object.__setattr__(self, "weights", MappingProxyType(weights))
        for name in ("data", "labels", "source"):
            array = getattr(self, name)
            object.__setattr__(self, name, None if array is None else frozen(array))
        object.__setattr__(self, "metrics", MappingProxyType(dict(self.metrics)))

    @property
    def dim(self) -> int:
        """Axes of the data."""
        return self.normalisation.dim

    def with_metrics(self, metrics: Mapping[str, float]) -> Snapshot:
        """A copy with these figures added."""
        return replace(self, metrics={**self.metrics, **metrics})


def check_cloud(snapshot: Snapshot | None) -> None:
    """Refuse to draw images as clouds of points, which a .svg does.

    Raises:
        StudioError: They are images.
    """
    if snapshot is not None and snapshot.image is not None:
        raise StudioError(
            "An .svg draws clouds of points, and this map makes images; choose .png, .gif, .mp4, "
            ".csv or .npy."
        )
