"""Rows of the tables of quality: plain figures, ready for JSON. Torch-free."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flowmap_studio.core.bench.recipes import MANY_STEPS

NEAR = 1.5
"""A map that scores up to this many times the floor is called near it."""

Figures = Mapping[str, float]
"""Figures by name."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """What a training cost.

    Attributes:
        steps: Training steps, the teacher's included.
        seconds: Training time, likewise; measuring is not in it.
        weights: Trained weights.
    """

    steps: int
    seconds: float
    weights: int

    @property
    def rate(self) -> float:
        """Training steps per second."""
        return self.steps / max(self.seconds, 1e-9)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One map on one target, or the mean over seeds.

    Attributes:
        target: Its name.
        trained: What was trained, e.g. "semigroup × ot".
        seed: Of the training and of its judging; None for the mean over seeds.
        floor: Figures of data against data.
        figures: Figures of samples, by number of jumps.
        peer: Whether it is the peer's.
        effort: What it cost; None when it diverged.
        diverged: The sentence that says so.
    """

    target: str
    trained: str
    seed: int | None
    floor: Figures
    figures: Mapping[int, Figures] = field(default_factory=dict)
    peer: bool = False
    effort: Effort | None = None
    diverged: str = ""

    def at(self, jumps: int, name: str) -> float:
        """A figure of samples made in so many jumps; NaN where there is none."""
        return self.figures.get(jumps, {}).get(name, math.nan)

    def measured(self, figures: Mapping[int, Figures], effort: Effort) -> Row:
        """The row of a training that came to its end."""
        return replace(self, figures=figures, effort=effort)

    def without(self, sentence: str) -> Row:
        """The row of a training that diverged."""
        return replace(self, diverged=sentence)


@dataclass(frozen=True, kw_only=True)
class ExactRow:
    """A map against its exact counterpart.

    Attributes:
        case: What was learned, in words.
        trained: By what.
        seed: Of the training.
        figures: By name; see `exact.map_errors`.
        effort: What it cost; None when it diverged.
        diverged: The sentence that says so.
    """

    case: str
    trained: str
    seed: int
    figures: Figures = field(default_factory=dict)
    effort: Effort | None = None
    diverged: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How a recipe's one-step samples do over all targets, by the means over seeds.

    Attributes:
        name: Of the figure, "sliced_w2" or "w2".
        targets: Targets that were measured.
        compared: Targets for which there is a peer.
        wins: Of `compared`, those where the figure is at most the peer's at 100 Euler steps.
        near: Targets where it is at most 1.5 times the floor.
    """

    name: str
    targets: int
    compared: int
    wins: int
    near: int


def mean_over_seeds(rows: Iterable[Row]) -> list[Row]:
    """One row for every target and recipe; it has no figures where one of its seeds diverged."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.target, row.trained), []).append(row)
    return [_mean_row(group) for group in groups.values()]


def verdict(means: Sequence[Row], trained: str, name: str) -> Verdict:
    """How one recipe does against peer and floor.

    Args:
        means: Of `mean_over_seeds`.
        trained: The recipe's label.
        name: Of the figure.
    """
    peers = {row.target: row for row in means if row.peer}
    ours = [row for row in means if row.trained == trained]
    matched = [(row, peers[row.target]) for row in ours if row.target in peers]
    # No comparison with NaN holds: what diverged wins nothing.
    return Verdict(
        name=name,
        targets=len(ours),
        compared=len(matched),
        wins=sum(a.at(1, name) <= b.at(MANY_STEPS, name) for a, b in matched),
        near=sum(row.at(1, name) <= NEAR * row.floor[name] for row in ours),
    )


def _mean_row(rows: Sequence[Row]) -> Row:
    efforts = [row.effort for row in rows if row.effort is not None]
    floor = _mean_figures([row.floor for row in rows])
    mean = replace(rows[0], seed=None, floor=floor)
    if len(efforts) < len(rows):
        sentence = next(row.diverged for row in rows if row.diverged)
        return replace(mean, figures={}, effort=None, diverged=sentence)
    return replace(
        mean,
        figures={k: _mean_figures([row.figures[k] for row in rows]) for k in rows[0].figures},
        effort=Effort(
            steps=round(_mean([each.steps for each in efforts])),
            seconds=_mean([each.seconds for each in efforts]),
            weights=efforts[0].weights,
        ),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _mean_figures(figures: Sequence[Figures]) -> dict[str, float]:
    return {name: _mean([each[name] for each in figures]) for name in figures[0]}
