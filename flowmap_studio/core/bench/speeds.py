"""Rows of the tables of speed. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Milliseconds per step, each figure from groups of 16 steps."""

    median: float
    p95: float


@dataclass(frozen=True, kw_only=True)
class SpeedRow:
    """Our training step against another loop's.

    Attributes:
        case: What was compared, in words.
        batch: Pairs per step.
        ours: Time of our step.
        other: Time of the other loop's.
        other_name: Whose loop that is.
        goal: Our steps per second over the other's that are aimed at.
    """

    case: str
    batch: int
    ours: Timing
    other: Timing
    other_name: str
    goal: float

    @property
    def ratio(self) -> float:
        """Our steps per second over the other's."""
        return self.other.median / self.ours.median
