"""What a map carries of the data that it learns: its scale, and a sample to show and judge by."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.randomness import Stream, generator
from flowmap_studio.core.targets import ImageTarget, PointTarget, Target

NORMALISATION_SAMPLE = 100_000
SAMPLE_VALUES = 1 << 24
"""Pixels that images are normalised by."""
DATA_SAMPLE = 4096
"""Points of the target that a snapshot carries; fewer of many axes."""
DATA_VALUES, LEAST_SAMPLE = 1 << 19, 256
"""Numbers that it carries about, and points that it carries at least: a preset stays small."""


class TargetSample(NamedTuple):
    """What a snapshot carries of target and source, in data units.

    Attributes:
        normalisation: To unit spread.
        data: (n, dim) points of the target.
        labels: (n,) their classes, as numbers; None for maps without classes.
        source: (n, dim) points of the source; None for the standard normal.
    """

    normalisation: Normalisation
    data: npt.NDArray[np.float32]
    labels: npt.NDArray[np.float32] | None
    source: npt.NDArray[np.float32] | None


def draw_sample(
    config: RunConfig, target: Target, source: Target | None, *, labelled: bool
) -> TargetSample:
    """Fit the normalisation and draw the sample: the same for a config, whatever the device.

    Args:
        config: Gives the seed and the rule of the normalisation.
        target: What is learned.
        source: Where the map starts; the standard normal when None.
        labelled: Whether the map is told classes.

    Raises:
        DataError: The target has no spread.
    """
    if isinstance(target, PointTarget):
        points, labels = target.points, target.labels
    elif isinstance(target, ImageTarget):
        draw = generator(config.seed, Stream.NORMALISATION)
        points, labels = target.learned(draw, SAMPLE_VALUES // target.dim)
    else:
        draw = generator(config.seed, Stream.NORMALISATION)
        points, labels = target.sample_labelled(NORMALISATION_SAMPLE, draw)
    normalisation = Normalisation.fit(points.numpy(), _rule(config, target))
    draw = generator(config.seed, Stream.DISPLAY)
    most = min(DATA_SAMPLE, max(LEAST_SAMPLE, DATA_VALUES // points.shape[1]))
    chosen = torch.randperm(len(points), generator=draw)[:most]
    return TargetSample(
        normalisation,
        points[chosen].numpy(),
        labels[chosen].float().numpy() if labelled else None,
        None if source is None else source.sample(DATA_SAMPLE, draw).numpy(),
    )


def _rule(config: RunConfig, target: Target) -> str:
    """Pixels that hardly vary, as those at an image's edge, are not to count as the others."""
    rule = config.normalisation
    return "isotropic" if isinstance(target, ImageTarget) and rule == "auto" else rule
