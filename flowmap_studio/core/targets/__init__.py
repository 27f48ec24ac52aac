"""Targets: what a map can learn. A registry of name → shape, point files and pictures."""

from flowmap_studio.core.targets.base import PointTarget, Target
from flowmap_studio.core.targets.open import embedded_target, open_target
from flowmap_studio.core.targets.shapes import SHAPES

__all__ = ["SHAPES", "PointTarget", "Target", "embedded_target", "open_target"]
