"""Objectives: one small file per method, found by the method's name."""

import importlib

from flowmap_studio.core.objectives.base import Batch, LossTerms, Objective, Passage

__all__ = ["Batch", "LossTerms", "Objective", "Passage", "objective"]


def objective(method: str) -> Objective:
    """The loss of a method.

    Args:
        method: A name in `core.methods.METHODS`.
    """
    module = importlib.import_module(f"{__name__}.{method.replace('-', '_')}")
    found: Objective = module.loss
    return found
