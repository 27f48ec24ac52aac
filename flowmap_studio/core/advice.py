"""What the studio notices about a map, in one sentence with the figure. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowmap_studio.core.config import RunConfig

COLLAPSED = 0.5
"""Spread of the one-step cloud, as a share of the data's, below which it counts as collapsed."""
ENOUGH_STEPS = 200
"""An untrained map has not collapsed; it has not begun."""


@dataclass(frozen=True)
class Advice:
    """One finding and its cure.

    Attributes:
        kind: A short name, e.g. "mean-collapse".
        sentence: What was found, with the figure, why, and what to do.
        change: Settings that cure it, by field name.
    """

    kind: str
    sentence: str
    change: Mapping[str, Any]


def advise(config: RunConfig, step: int, spread_ratio: float) -> Advice | None:
    """Mean collapse, if the one-step cloud shows it.

    Args:
        config: What the map was trained with.
        step: Training steps so far.
        spread_ratio: `metrics.spread_ratio` of the one-step cloud.
    """
    if step < ENOUGH_STEPS or not spread_ratio < COLLAPSED:
        return None
    found = f"Mean collapse: the one-step cloud has {spread_ratio:.0%} of the data's spread"
    if config.coupling == "independent" and not config.two_time:
        return Advice(
            "mean-collapse",
            f"{found}, because with independent pairs the best one-time map sends every noise "
            "point to the mean of the data; choose coupling ot or method semigroup.",
            {"coupling": "ot"},
        )
    return Advice(
        "mean-collapse", f"{found}; train longer or choose coupling ot.", {"coupling": "ot"}
    )
