"""The live curves of the loss terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from flowmap_studio.core.history import TERMS, HistoryView, LossHistory
from flowmap_studio.core.past_runs import PastRun
from flowmap_studio.views.crosshair import table
from flowmap_studio.views.loss_controls import LossControls
from flowmap_studio.views.loss_runs import LossRuns
from flowmap_studio.views.plot_base import StudioPlotWidget, figure
from flowmap_studio.views.run_curves import Curve, RunCurves
from flowmap_studio.views.term_curves import TermCurves
from flowmap_studio.views.term_legend import TermLegend
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import LIGHT, Palette

EMPTY_TEXT = "No losses yet. Press Train to start learning."
LEAST_COLUMNS = 120


class LossPlot(QWidget):
    """Curves over a `LossHistory`, redrawn by `refresh` in time that does not grow with it.

    Args:
        palette: Colours.
    """

    def __init__(self, palette: Palette = LIGHT, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("lossPlot")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)  # a card, legend and all
        self.setAccessibleName(tr("Losses against training step"))
        self._palette = palette
        self._history: LossHistory | None = None
        self._states: dict[str, str] = dict.fromkeys(TERMS, "live")
        self._view: HistoryView | None = None
        self._plot = StudioPlotWidget(tr("loss"), tr(EMPTY_TEXT), self._describe)
        self._plot.zoomed.connect(self.refresh)
        self._plot.released.connect(self.refresh)
        self._earlier = LossRuns(RunCurves(self._plot, palette))
        self._curves = TermCurves(self._plot)
        self._legend = TermLegend()
        self._legend.toggled.connect(self.refresh)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 4, 8, 6)
        box.setSpacing(4)
        box.addWidget(self._plot, 1)
        box.addWidget(self._legend)
        self._controls = LossControls()
        self._controls.logarithmic_toggled.connect(self.set_logarithmic)
        self._controls.smoothing.changed.connect(self.refresh)
        self.runs_button = self._controls.runs
        box.addWidget(self._controls)
        self.apply_palette(palette)
        self.refresh()

    # --- what is shown ------------------------------------------------------------------------

    def set_history(self, history: LossHistory | None) -> None:
        """Show a history; another one than before is shown from its beginning, unzoomed."""
        if history is not self._history:
            self._history = history
            self._plot.follow()
        else:
            self.refresh()

    def set_runs(self, runs: Sequence[PastRun]) -> None:
        """Draw these earlier runs behind the present one."""
        self._earlier.set_runs(runs)
        self.refresh()

    def set_term_states(self, states: Mapping[str, str]) -> None:
        """Say how each term behaves.

        Args:
            states: By term "live", "zero" (0 by construction: no place on a log axis) or
                "absent" (the method has no such term). A missing term is live.
        """
        self._states = {term: states.get(term, "live") for term in TERMS}
        self._legend.set_states(self._states)
        self.refresh()

    def refresh(self) -> None:
        """Draw the history as it is now; cheap enough for every tick of the session's timer."""
        if not self.isVisible():
            return  # showEvent draws what was missed
        history = self._history
        recorded = 0 if history is None else len(history)
        self._plot.show_empty(recorded == 0 and not len(self._earlier))
        self._view = None if history is None or not recorded else self._wanted_view(history)
        for term in TERMS:
            self._draw(term)
        self._draw_earlier()
        latest = {} if history is None else dict(zip(TERMS, history.latest().tolist(), strict=True))
        self._legend.set_values(latest)
        self._fit(recorded)
        self._plot.crosshair.update()

    def curve_data(self, term: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The smoothed curve of a term as drawn now.

        Args:
            term: One of `TERMS`.

        Returns:
            (n,) steps and (n,) values in data units, without those that the axis has no place
            for; empty arrays when the term is not drawn.
        """
        return self._curves.data(term)

    def run_curves(self) -> list[Curve]:
        """What is drawn of earlier runs now."""
        return self._earlier.curves.shown()

    def set_logarithmic(self, on: bool) -> None:
        """Logarithmic or linear vertical axis."""
        self._controls.set_logarithmic(on)
        if on != self._plot.logarithmic:
            self._plot.set_logarithmic(on)
            self._plot.follow()

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._palette = palette
        self._plot.apply_palette(palette)
        self._legend.apply_palette(palette)
        self._controls.apply_palette(palette)
        self._earlier.curves.apply_palette(palette)
        self._curves.apply_palette(palette)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102 - Qt's
        super().showEvent(event)
        self.refresh()

    # --- inside -------------------------------------------------------------------------------

    def _wanted_view(self, history: LossHistory) -> HistoryView:
        columns = max(LEAST_COLUMNS, self._plot.width())
        if self._plot.following:
            return history.view(columns)
        left, right = self._plot.visible_steps()
        # A run-in of one width to the left, so that the average is settled where it comes in view.
        run_in = left - (right - left)
        return history.view(2 * columns, max(0.0, run_in), max(1.0, right))

    def _draw(self, term: str) -> None:
        view, state = self._view, self._states[term]
        out_of_place = self._plot.logarithmic and state == "zero"
        if view is None or not self._legend.is_on(term) or state == "absent" or out_of_place:
            self._curves.hide(term)
        else:
            self._curves.draw(term, view, self._controls.smoothing.weight())

    def _draw_earlier(self) -> None:
        plot, view = self._plot, self._view
        stride = None if view is None or len(view.steps) < 2 else view.steps[1] - view.steps[0]
        part = None if plot.following else plot.visible_steps()
        self._earlier.draw(
            self._wanted_view,
            [term for term in TERMS if self._legend.is_on(term)],
            stride,
            self._controls.smoothing.weight(),
            (plot.logarithmic, plot.width(), part),
        )

    def _fit(self, recorded: int) -> None:
        last, earlier = self._earlier.curves.extent()
        heights = np.concatenate([earlier, self._curves.heights()])
        heights = heights[np.isfinite(heights)]
        if len(heights):
            self._plot.fit(max(recorded, last), float(heights.min()), float(heights.max()))

    def _words(self, means: npt.NDArray[np.floating]) -> list[tuple[str, str, str]]:
        """Colour, name and figure of each term that is wanted.

        Args:
            means: (terms,) what they are at one place.
        """
        return [
            (self._palette.layer(term), tr(term), figure(float(mean)))
            for term, mean in zip(TERMS, means, strict=True)
            if self._legend.is_on(term) and self._states[term] != "absent"
        ]

    def _describe(self, step: float) -> tuple[float, str] | None:
        view, rows = self._view, []
        if view is not None and len(view.steps):
            at = int(np.abs(view.steps - step).argmin())
            beyond = step > view.steps[-1] and self._earlier.curves.at(step)
            # Beyond the present run's end the earlier ones are read where the mouse is.
            if not beyond:
                step, rows = float(view.steps[at]), self._words(view.mean[at])
        rows += [(c, name, figure(value)) for c, name, value in self._earlier.curves.at(step)]
        return (step, table(step, rows)) if rows else None
