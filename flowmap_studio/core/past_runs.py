"""Runs that are over, kept thin so that their curves can be laid behind those of the present one.

Torch-free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.history import LossHistory

MOST_RUNS = 20
MOST_POINTS = 2_000
"""Of each curve; a run then takes 144 KiB."""


@dataclass(frozen=True, eq=False)
class PastRun:
    """One run.

    Attributes:
        number: Counted from 1 in the order in which runs ended.
        config: What was trained.
        losses: Its thinned losses; its length is the run's number of steps.
        measured: (n,) training steps at which quality was measured, rising.
        quality: By series, "one_step" and "composed", (n,) sliced W2 in data σ.
    """

    number: int
    config: RunConfig
    losses: LossHistory
    measured: npt.NDArray[np.float64]
    quality: Mapping[str, npt.NDArray[np.float64]]

    @property
    def steps(self) -> int:
        """Number of steps trained."""
        return len(self.losses)

    @property
    def one_step(self) -> float | None:
        """The last one-step sliced W2 that was measured, if any was."""
        known = self.quality["one_step"]
        known = known[np.isfinite(known)]
        return float(known[-1]) if len(known) else None


class PastRuns:
    """The newest runs and which of them are to be seen: by itself the last one, else as chosen.

    Args:
        most: Number of runs kept.
    """

    def __init__(self, most: int = MOST_RUNS) -> None:
        self._most = most
        self._runs: list[PastRun] = []
        self._shown: set[int] = set()
        self._by_itself: int | None = None
        self._counted = 0

    def runs(self) -> tuple[PastRun, ...]:
        """All that are kept, the newest first."""
        return tuple(reversed(self._runs))

    def shown(self) -> tuple[PastRun, ...]:
        """Those to be seen, the newest first."""
        return tuple(run for run in self.runs() if run.number in self._shown)

    def keep(
        self,
        config: RunConfig,
        losses: LossHistory,
        measured: Sequence[int],
        quality: Mapping[str, Sequence[float]],
    ) -> bool:
        """Take a run that is over; it is shown in the place of the one that was shown by itself.

        The same run once more takes the place of the former.

        Args:
            config: What was trained.
            losses: Its losses.
            measured: (n,) steps at which quality was measured, rising.
            quality: (n,) sliced W2 for "one_step" and "composed".

        Returns:
            Whether there was something to take: a run of one step has no curve.
        """
        if len(losses) <= losses.stride:
            return False
        chosen = _spread(len(measured), MOST_POINTS)
        curves = {name: np.asarray(values, np.float64)[chosen] for name, values in quality.items()}
        self._counted += 1
        made = PastRun(
            self._counted,
            config,
            losses.thinned(MOST_POINTS),
            np.asarray(measured, np.float64)[chosen],
            curves,
        )
        others = [run for run in self._runs if not _same(run, made)]
        self._runs = [*others, made][-self._most :]
        if self._by_itself is not None:
            self._shown.discard(self._by_itself)
        self._by_itself = made.number
        self._shown = (self._shown | {made.number}) & {run.number for run in self._runs}
        return True

    def show(self, number: int, on: bool) -> None:
        """Show or hide a run by choice: then it stays so when other runs come."""
        if number == self._by_itself:
            self._by_itself = None
        if on:
            self._shown |= {number} & {run.number for run in self._runs}
        else:
            self._shown.discard(number)

    def clear(self) -> None:
        """Forget all; numbers go on."""
        self._runs, self._shown, self._by_itself = [], set(), None


def _same(one: PastRun, other: PastRun) -> bool:
    """Whether two are the same run, such as that of a file that was opened twice."""
    same = one.config == other.config and one.steps == other.steps
    return same and np.array_equal(one.losses.latest(), other.losses.latest(), equal_nan=True)


def _spread(count: int, most: int) -> npt.NDArray[np.intp]:
    """At most `most` of `count` places, evenly, first and last among them."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, most)).round().astype(np.intp))
