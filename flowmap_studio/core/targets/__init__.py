"""Targets: what a map can learn. A registry of name → shape, point files and pictures."""

from flowmap_studio.core.targets.base import PointTarget, Target, Unlabelled
from flowmap_studio.core.targets.open import (
    open_again,
    open_for,
    open_or_embedded,
    open_target,
)
from flowmap_studio.core.targets.shapes import SHAPES

__all__ = [
    "SHAPES",
    "PointTarget",
    "Target",
    "Unlabelled",
    "open_again",
    "open_for",
    "open_or_embedded",
    "open_target",
]
