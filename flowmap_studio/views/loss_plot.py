"""The live curves of the loss terms."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from flowmap_studio.core.history import TERMS, HistoryView, LossHistory
from flowmap_studio.views.plot_base import StudioPlotWidget, figure, on_log_axis
from flowmap_studio.views.smoothing import smoothed
from flowmap_studio.views.smoothing_slider import SmoothingSlider
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
        self._bands = self._make_curves(5)
        self._raw = self._make_curves(10)
        self._smooth = self._make_curves(20)
        self._legend = TermLegend()
        self._legend.toggled.connect(self.refresh)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 4, 8, 6)
        box.setSpacing(4)
        box.addWidget(self._plot, 1)
        box.addWidget(self._legend)
        box.addLayout(self._make_controls())
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
        self._plot.show_empty(recorded == 0)
        self._view = None if history is None or not recorded else self._wanted_view(history)
        for index, term in enumerate(TERMS):
            self._draw(index, term)
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
        curve = self._smooth[term]
        if not curve.isVisible() or curve.xData is None:
            return np.empty(0), np.empty(0)
        heights = np.asarray(curve.yData, np.float64)
        values = 10**heights if self._plot.logarithmic else heights
        return np.asarray(curve.xData, np.float64), values

    def set_logarithmic(self, on: bool) -> None:
        """Logarithmic or linear vertical axis."""
        self._log_toggle.setChecked(on)
        if on != self._plot.logarithmic:
            self._plot.set_logarithmic(on)
            self._plot.follow()

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._palette = palette
        self._plot.apply_palette(palette)
        self._legend.apply_palette(palette)
        self._log_toggle.setStyleSheet(
            f"QToolButton {{ border: 1px solid {palette.border}; border-radius: 6px; "
            f"padding: 2px 8px; color: {palette.muted}; }}"
            f"QToolButton:hover, QToolButton:focus {{ border-color: {palette.accent}; }}"
            f"QToolButton:checked {{ background: {palette.grid}; color: {palette.text}; }}"
        )
        for term in TERMS:
            self._smooth[term].setPen(pg.mkPen(palette.layer(term), width=1.7))
            self._raw[term].setPen(pg.mkPen(_faint(palette.layer(term), 80), width=1))
            self._bands[term].setPen(None)
            self._bands[term].setBrush(_faint(palette.layer(term), 40))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102 - Qt's
        super().showEvent(event)
        self.refresh()

    # --- building -----------------------------------------------------------------------------

    def _make_curves(self, depth: int) -> dict[str, pg.PlotCurveItem]:
        curves = {}
        for term in TERMS:
            curve = pg.PlotCurveItem()
            # The total lies under the terms that it is made of.
            curve.setZValue(depth - (term == "total"))
            # Drawn segment by segment: Qt's stroker takes three times as long for a wide pen.
            curve.setSegmentedLineMode("on")
            self._plot.addItem(curve)
            curves[term] = curve
        return curves

    def _make_controls(self) -> QHBoxLayout:
        self._log_toggle = QToolButton()
        self._log_toggle.setObjectName("logToggle")
        self._log_toggle.setText(tr("log"))
        self._log_toggle.setAccessibleName(tr("Logarithmic loss axis"))
        self._log_toggle.setCheckable(True)
        self._log_toggle.setChecked(True)
        self._log_toggle.setToolTip(
            tr("Logarithmic or linear loss axis. Zeros have no place on a logarithmic one.")
        )
        self._log_toggle.toggled.connect(self.set_logarithmic)
        self._smoothing = SmoothingSlider()
        self._smoothing.changed.connect(self.refresh)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._log_toggle)
        row.addWidget(self._smoothing, 1)
        return row

    # --- inside -------------------------------------------------------------------------------

    def _wanted_view(self, history: LossHistory) -> HistoryView:
        columns = max(LEAST_COLUMNS, self._plot.width())
        if self._plot.following:
            return history.view(columns)
        left, right = self._plot.visible_steps()
        # A run-in of one width to the left, so that the average is settled where it comes in view.
        run_in = left - (right - left)
        return history.view(2 * columns, max(0.0, run_in), max(1.0, right))

    def _draw(self, index: int, term: str) -> None:
        view, state = self._view, self._states[term]
        shown = view is not None and self._legend.is_on(term) and state != "absent"
        shown = shown and not (self._plot.logarithmic and state == "zero")
        weight = self._smoothing.weight()
        spread = shown and bool(np.any(view.high[:, index] > view.low[:, index]))
        self._smooth[term].setVisible(shown)
        self._raw[term].setVisible(shown and weight > 0)
        self._bands[term].setVisible(spread)
        if not shown:
            return
        mean = view.mean[:, index]
        self._set_curve(self._smooth[term], view.steps, smoothed(mean, weight))
        if weight > 0:
            self._set_curve(self._raw[term], view.steps, mean)
        if spread:
            low, high = self._drawn(view.low[:, index]), self._drawn(view.high[:, index])
            known = np.isfinite(low) & np.isfinite(high)
            outline = np.concatenate([high[known], low[known][::-1]])
            steps = np.concatenate([view.steps[known], view.steps[known][::-1]])
            # Not antialiased: a spiky outline takes most of the frame's time otherwise.
            self._bands[term].setData(steps, outline, fillLevel="enclosed", antialias=False)

    def _set_curve(
        self,
        curve: pg.PlotCurveItem,
        steps: npt.NDArray[np.float64],
        values: npt.NDArray[np.floating],
    ) -> None:
        heights = self._drawn(values)
        known = np.isfinite(heights)  # a value between two gaps would be a line without length
        curve.setData(steps[known], heights[known])

    def _drawn(self, values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        return on_log_axis(values) if self._plot.logarithmic else np.asarray(values, np.float64)

    def _fit(self, recorded: int) -> None:
        curves = [
            curve.yData
            for group in (self._smooth, self._raw)
            for curve in group.values()
            if curve.isVisible() and curve.yData is not None
        ]
        heights = np.concatenate(curves) if curves else np.empty(0)
        heights = heights[np.isfinite(heights)]
        if len(heights):
            self._plot.fit(recorded, float(heights.min()), float(heights.max()))

    def _describe(self, step: float) -> tuple[float, str] | None:
        view = self._view
        if view is None or not len(view.steps):
            return None
        at = int(np.abs(view.steps - step).argmin())
        place = float(view.steps[at])
        head = tr("step {step:,}", step=math.ceil(place))
        rows = [f"<tr><td colspan='2' style='font-weight:600'>{head}</td></tr>"]
        for index, term in enumerate(TERMS):
            if not self._legend.is_on(term) or self._states[term] == "absent":
                continue
            rows.append(
                f"<tr><td><span style='color:{self._palette.layer(term)}'>{tr(term)}</span>"
                "&nbsp;</td>"
                f"<td align='right'>{figure(float(view.mean[at, index]))}</td></tr>"
            )
        return place, f"<table cellspacing='0'>{''.join(rows)}</table>"


def _faint(colour: str, alpha: int) -> pg.QtGui.QColor:
    made = pg.mkColor(colour)
    made.setAlpha(alpha)
    return made
