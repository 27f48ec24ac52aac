"""The points that a map starts from, and their classes: the same for a seed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from flowmap_studio.core.errors import DataError
from flowmap_studio.core.guidance import Guide
from flowmap_studio.core.randomness import Stream, generator, source_noise
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.targets import SHAPES, PointTarget, Target


class Draws:
    """What a snapshot's map is asked about. What was drawn last is kept, and is not to be changed.

    Args:
        snapshot: Gives source, classes and units.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._noise: tuple[tuple[int, int], torch.Tensor] | None = None
        self._guide: tuple[tuple[int, int, str | None, float], Guide] | None = None
        self._source: tuple[tuple[int, int], npt.NDArray[np.float32]] | None = None

    @property
    def newest_noise(self) -> torch.Tensor | None:
        """What `noise` gave last."""
        return None if self._noise is None else self._noise[1]

    def noise(self, count: int, seed: int) -> torch.Tensor:
        """(count, dim) source points x0 in normalised units, on the CPU: the same for a seed.

        What was drawn last is kept, and is not to be changed: a million points take a frame's time.
        """
        kept = self._noise
        if kept is None or kept[0] != (count, seed):
            kept = self._noise = (count, seed), self._drawn(count, seed)
        return kept[1]

    def _drawn(self, count: int, seed: int) -> torch.Tensor:
        source = self.snapshot.source
        if source is None:
            return source_noise(count, self.snapshot.dim, seed)
        name = self.snapshot.config.source
        drawn: Target = SHAPES.get(name) or PointTarget(name, source)
        points = drawn.sample(count, generator(seed, Stream.NOISE))
        return torch.from_numpy(self.snapshot.normalisation.apply(points.numpy()))

    def source(self, count: int, seed: int) -> npt.NDArray[np.float32]:
        """(count, dim) source points in data units; a normal one has the data's own spread.

        Read-only: what was asked for last is kept, as by `noise`.
        """
        kept = self._source
        if kept is None or kept[0] != (count, seed):
            points = self.snapshot.normalisation.undo(self.noise(count, seed).numpy())
            points.flags.writeable = False
            kept = self._source = (count, seed), points
        return kept[1]

    def guide(
        self, count: int, seed: int, label: str | None = None, scale: float = 1.0
    ) -> Guide | None:
        """Classes for `count` points of a conditional map; None for other maps.

        What was drawn last is kept, as by `noise`.

        Args:
            count: Number of points.
            seed: Of the draw.
            label: Name or number of one class; all, as often as the data has them, when None.
            scale: Of the guidance.

        Raises:
            DataError: The map has no such class.
        """
        classes = self.snapshot.classes
        if not classes or self.snapshot.labels is None:
            if label is not None:
                raise DataError("This map was trained without labels; leave the label out.")
            return None
        asked = count, seed, label, scale
        kept = self._guide
        if kept is None or kept[0] != asked:
            kept = self._guide = asked, Guide(self._classes_of(count, seed, label), scale)
        return kept[1]

    def _classes_of(self, count: int, seed: int, label: str | None) -> torch.Tensor:
        """(count, classes) one-hot classes of points."""
        classes = self.snapshot.classes
        if label is None:
            assert self.snapshot.labels is not None  # noqa: S101 - looked at by `guide`
            known = torch.from_numpy(self.snapshot.labels.astype(np.int64))
            draw = generator(seed, Stream.CLASSES)
            labels = known[torch.randint(len(known), (count,), generator=draw)]
        else:
            labels = torch.full((count,), _class_index(classes, label))
        return torch.nn.functional.one_hot(labels, len(classes)).float()


def _class_index(classes: tuple[str, ...], label: str) -> int:
    if label in classes:
        return classes.index(label)
    if label.isdecimal() and int(label) < len(classes):
        return int(label)
    raise DataError(f"This map has no class {label!r}; choose from {', '.join(classes)}.")
