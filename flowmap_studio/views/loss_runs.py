"""Losses of earlier runs behind those of the present one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.history import TERMS, TOTAL, HistoryView, LossHistory
from flowmap_studio.core.past_runs import PastRun
from flowmap_studio.views.run_curves import RunCurves, RunLine
from flowmap_studio.views.smoothing import smoothed
from flowmap_studio.views.texts import tr


class LossRuns:
    """Draws the total of each run, or the chosen terms where the total is not wanted.

    Args:
        curves: Where they are drawn.
    """

    def __init__(self, curves: RunCurves) -> None:
        self.curves = curves
        self._runs: Sequence[PastRun] = ()
        self._drawn: object = None

    def __len__(self) -> int:
        """Number of runs that are seen."""
        return len(self._runs)

    def set_runs(self, runs: Sequence[PastRun]) -> None:
        """Show these; drawn by the next `draw`."""
        self._runs, self._drawn = runs, None

    def draw(
        self,
        look: Callable[[LossHistory], HistoryView],
        chosen: Sequence[str],
        stride: float | None,
        weight: float,
        appearance: object,
    ) -> None:
        """Draw what has changed since.

        Args:
            look: The part of a history that is in view.
            chosen: Terms that the user wants to see.
            stride: Steps per row of the present run's view; None without one.
            weight: Its smoothing per row.
            appearance: Whatever else the curves depend on; drawn anew when it is another.
        """
        terms = ("total",) if "total" in chosen else tuple(chosen)
        wanted = (terms, stride, weight, appearance)
        if wanted == self._drawn:
            return
        self._drawn = wanted
        lines = []
        for run in self._runs:
            view = look(run.losses)
            even = _per_row(view.steps, stride, weight)
            for term in terms:
                values = smoothed(view.mean[:, TERMS.index(term)], even)
                if np.isfinite(values).any():
                    lines.append(RunLine(run.number, _name(run, term), view.steps, values))
        self.curves.draw(lines)


def _per_row(steps: npt.NDArray[np.float64], stride: float | None, weight: float) -> float:
    """The weight that smooths over as many steps as that of the present run does."""
    if stride is None or len(steps) < 2:
        return weight
    return float(weight ** ((steps[1] - steps[0]) / stride))


def _name(run: PastRun, term: str) -> str:
    if TERMS.index(term) == TOTAL:
        return tr("run {number}", number=run.number)
    return tr("run {number}, {term}", number=run.number, term=tr(term))
