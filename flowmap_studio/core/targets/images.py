"""Images as a target: dequantised, and split into what is learned and what is judged by."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import torch

from flowmap_studio.core.errors import DataError
from flowmap_studio.core.images import HELD_OUT, ImageShape
from flowmap_studio.core.randomness import Stream, generator
from flowmap_studio.core.targets.image_files import read_archive
from flowmap_studio.resources import asset

MOST_HELD_OUT = 10_000
SPLIT_SEED = 0
"""Every run of a target holds the same images back."""
LEAST = 10
"""Images that a target needs."""


class ImageTarget:
    """A finite set of images as points of [0, 1]^dim, drawn from with replacement.

    A pixel of level k is drawn as (k + u)/levels with a fresh u, uniform in [0, 1): without this
    dequantisation the data has no density, and a map would learn the levels themselves (Uria et
    al. 2013; the article's §4 names it for images).

    Args:
        name: What to call it, e.g. the file's name.
        values: (n, dim) levels, or values in [0, 1] where `shape.levels` is 0.
        shape: Of the images.
        labels: (n,) indices into `classes`, if the images have classes.
        classes: Their names.
        whole: Whether nothing is held back: such as a preset's sample of what it was trained on.

    Raises:
        DataError: There are too few images, or all are the same.
    """

    def __init__(
        self,
        name: str,
        values: npt.NDArray[np.generic],
        shape: ImageShape,
        labels: npt.NDArray[np.generic] | None = None,
        classes: tuple[str, ...] = (),
        *,
        whole: bool = False,
    ) -> None:
        if len(values) < LEAST:
            raise DataError(f"{name} holds {len(values):,} images; give at least {LEAST}.")
        if (values == values[0]).all():
            raise DataError(f"All images of {name} are the same; a map needs some spread.")
        self.name, self.shape, self.classes = name, shape, classes
        self.dim = shape.dim
        kept = np.uint8 if shape.levels else np.float32
        self._values = torch.from_numpy(np.array(values, kept, order="C").reshape(-1, self.dim))
        indices = np.zeros(len(values)) if labels is None else labels
        self._labels = torch.from_numpy(np.ascontiguousarray(indices, np.int64))
        order = torch.randperm(len(values), generator=generator(SPLIT_SEED, Stream.SPLIT))
        held = min(MOST_HELD_OUT, round(HELD_OUT * len(values)))
        self._held_out, self._learned = (order, order) if whole else (order[:held], order[held:])
        self._on_device = self._part(self._learned)

    @property
    def held_out_count(self) -> int:
        """Number of images that no training sees."""
        return len(self._held_out)

    @property
    def learned_count(self) -> int:
        """Number of images that training draws from."""
        return len(self._learned)

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """(count, dim) training images drawn with replacement, on the generator's device."""
        return self.sample_labelled(count, generator)[0]

    def sample_labelled(
        self, count: int, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The same images as `sample` gives, and (count,) int64 indices into `classes`."""
        device = generator.device
        if self._on_device[0].device.type != device.type:
            values, labels = self._on_device
            self._on_device = values.to(device), labels.to(device)
        values, labels = self._on_device
        chosen = torch.randint(len(values), (count,), generator=generator, device=device)
        return self._dequantised(values[chosen], generator), labels[chosen]

    def learned(self, generator: torch.Generator, most: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Each training image once, at most so many of them: points and labels."""
        return self._once(self._learned, generator, most)

    def held_out(self, generator: torch.Generator, most: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Each image that was held back once, at most so many of them: points and labels."""
        return self._once(self._held_out, generator, most)

    def split(self, count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Images held back, and as many training images; up to `count` of each."""
        if self._held_out is self._learned:
            points, _ = self._once(self._learned, generator, 2 * count)
            half = len(points) // 2
            return points[:half], points[half : 2 * half]
        most = min(count, len(self._held_out), len(self._learned))
        return self.held_out(generator, most)[0], self.learned(generator, most)[0]

    def _part(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self._values[rows], self._labels[rows]

    def _once(
        self, rows: torch.Tensor, generator: torch.Generator, most: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        order = torch.randperm(len(rows), generator=generator)[:most]
        values, labels = self._part(rows[order])
        return self._dequantised(values, generator), labels

    def _dequantised(self, values: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
        if not self.shape.levels:
            return values.float()
        noise = torch.rand(values.shape, generator=draw, device=values.device)
        return (values + noise) / self.shape.levels


@functools.cache
def digits() -> ImageTarget:
    """The 1,797 handwritten digits of 8 × 8 pixels and 17 levels that scikit-learn ships.

    They are the test set of "Optical recognition of handwritten digits" (Alpaydin and Kaynak
    1998, UCI machine learning repository, CC BY 4.0).
    """
    found = read_archive(asset("data", "digits.npz"))
    return ImageTarget("digits", found.values, found.shape, found.labels, found.classes)
