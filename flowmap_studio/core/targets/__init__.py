"""Targets: what a map can learn. A registry of name → shape, point files, pictures and images."""

from flowmap_studio.core.targets.base import PointTarget, Target, Unlabelled
from flowmap_studio.core.targets.images import ImageTarget, digits
from flowmap_studio.core.targets.open import (
    image_shape,
    judging_target,
    open_again,
    open_for,
    open_or_embedded,
    open_target,
    quick_target,
)
from flowmap_studio.core.targets.shapes import SHAPES

__all__ = [
    "SHAPES",
    "ImageTarget",
    "PointTarget",
    "Target",
    "Unlabelled",
    "digits",
    "image_shape",
    "judging_target",
    "open_again",
    "open_for",
    "open_or_embedded",
    "open_target",
    "quick_target",
]
