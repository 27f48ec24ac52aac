"""Objectives: one small file per method, found by the method's name."""

import importlib
from functools import cache
from types import ModuleType

from flowmap_studio.core.objectives.base import Batch, ByHand, LossTerms, Objective, Passage

__all__ = ["Batch", "ByHand", "LossTerms", "Objective", "Passage", "by_hand", "objective"]


def objective(method: str) -> Objective:
    """The loss of a method.

    Args:
        method: A name in `core.methods.METHODS`.
    """
    found: Objective = _module(method).loss
    return found


@cache
def by_hand(method: str) -> ByHand | None:
    """The loss of a method with its gradient; None where torch is to take it.

    Args:
        method: As for `objective`.
    """
    found: ByHand | None = getattr(_module(method), "by_hand", None)
    return found


def _module(method: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{method.replace('-', '_')}")
