"""The curves of the present run's loss terms: smoothed, raw, and the band that they lie in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg

from flowmap_studio.core.history import TERMS, HistoryView
from flowmap_studio.views.band import Band
from flowmap_studio.views.plot_base import StudioPlotWidget, ViewCurve, on_log_axis
from flowmap_studio.views.plot_style import faint
from flowmap_studio.views.smoothing import smoothed
from flowmap_studio.views.theme import Palette


class TermCurves:
    """Draws them on a plot.

    Attributes:
        smooth: The smoothed curve of each term.
        raw: The curve behind it, seen where that is smoothed.
        bands: From the smallest to the largest value of what one row is made of.

    Args:
        plot: Where.
    """

    def __init__(self, plot: StudioPlotWidget) -> None:
        self._plot = plot
        self.bands = {term: Band() for term in TERMS}
        for band in self.bands.values():
            band.setZValue(5)
            plot.addItem(band)
        self.raw = self._make(10)
        self.smooth = self._make(20)

    def hide(self, term: str) -> None:
        """Show nothing of a term."""
        for curves in (self.smooth, self.raw, self.bands):
            curves[term].setVisible(False)

    def draw(self, term: str, view: HistoryView, weight: float) -> None:
        """Show a term.

        Args:
            term: One of `TERMS`.
            view: The history that is in view.
            weight: Of the past in the smoothed curve, in [0, 1).
        """
        index = TERMS.index(term)
        mean, low, high = view.mean[:, index], view.low[:, index], view.high[:, index]
        spread = bool(np.any(high > low))
        self.smooth[term].setVisible(True)
        self.raw[term].setVisible(weight > 0)
        self.bands[term].setVisible(spread)
        self._set(self.smooth[term], view.steps, smoothed(mean, weight))
        if weight > 0:
            self._set(self.raw[term], view.steps, mean)
        if spread:
            low, high = self._drawn(low), self._drawn(high)
            known = np.isfinite(low) & np.isfinite(high)
            self.bands[term].set_rows(view.steps[known], low[known], high[known])

    def data(self, term: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """(n,) steps and (n,) values in data units of the smoothed curve; empty while hidden."""
        curve = self.smooth[term]
        if not curve.isVisible() or curve.xData is None:
            return np.empty(0), np.empty(0)
        heights = np.asarray(curve.yData, np.float64)
        values = 10**heights if self._plot.logarithmic else heights
        return np.asarray(curve.xData, np.float64), values

    def heights(self) -> npt.NDArray[np.float64]:
        """(n,) all heights of visible curves in drawn units."""
        curves = [
            curve.yData
            for group in (self.smooth, self.raw)
            for curve in group.values()
            if curve.isVisible() and curve.yData is not None
        ]
        return np.concatenate(curves) if curves else np.empty(0)

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        for term in TERMS:
            self.smooth[term].setPen(pg.mkPen(palette.layer(term), width=1.7))
            self.raw[term].setPen(pg.mkPen(faint(palette.layer(term), 80), width=1))
            self.bands[term].set_colour(faint(palette.layer(term), 40))

    def _make(self, depth: int) -> dict[str, ViewCurve]:
        curves = {}
        for term in TERMS:
            curve = ViewCurve()
            # The total lies under the terms that it is made of.
            curve.setZValue(depth - (term == "total"))
            # Drawn segment by segment: Qt's stroker takes three times as long for a wide pen.
            curve.setSegmentedLineMode("on")
            self._plot.addItem(curve)
            curves[term] = curve
        return curves

    def _set(
        self,
        curve: ViewCurve,
        steps: npt.NDArray[np.float64],
        values: npt.NDArray[np.floating],
    ) -> None:
        heights = self._drawn(values)
        known = np.isfinite(heights)  # a value between two gaps would be a line without length
        curve.setData(steps[known], heights[known])

    def _drawn(self, values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        return on_log_axis(values) if self._plot.logarithmic else np.asarray(values, np.float64)
