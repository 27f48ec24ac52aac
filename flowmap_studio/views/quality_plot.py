"""Sliced W2 of the one-step and the composed cloud against training step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from flowmap_studio.core.past_runs import PastRun
from flowmap_studio.views.crosshair import table
from flowmap_studio.views.plot_base import StudioPlotWidget, on_log_axis
from flowmap_studio.views.run_curves import Curve, RunCurves, RunLine
from flowmap_studio.views.runs_button import RunsButton
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import LIGHT, Palette, interface_font

SERIES = ("one_step", "composed")
EMPTY_TEXT = "Quality is measured while the map learns."
FLOOR_TEXT = "data against data"
TIP = (
    "<b>Sliced W2</b>, the sliced 2-Wasserstein distance of a cloud to fresh data, in units of the "
    "data's spread σ; lower is better.<br>Data against data scores the floor: no map can be "
    "measured below it. Composed far below one step: the map is not yet consistent. The distance "
    "forgives blur, so look at the cloud as well."
)


class QualityPlot(QWidget):
    """Two curves in the layers' colours over a dashed floor, data against data.

    Args:
        palette: Colours.
    """

    def __init__(self, palette: Palette = LIGHT, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("qualityPlot")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)  # a card, legend and all
        self.setAccessibleName(tr("Sliced W2 against training step"))
        self.setToolTip(tr(TIP))
        self._palette = palette
        self._steps = np.empty(0)
        self._series: dict[str, np.ndarray] = {name: np.empty(0) for name in SERIES}
        self._floor: float | None = None
        self._jumps = 8
        self._plot = StudioPlotWidget(tr("sliced W2 (data σ)"), tr(EMPTY_TEXT), self._describe)
        self._plot.released.connect(self._fit)
        self._floor_line = pg.InfiniteLine(
            # On the left, where curves are still far above the floor.
            angle=0,
            label=tr(FLOOR_TEXT),
            labelOpts={"position": 0.0, "anchors": [(0, 0), (0, 0)]},
        )
        self._floor_line.label.setFont(interface_font(8))
        self._plot.addItem(self._floor_line, ignoreBounds=True)
        self._earlier = RunCurves(self._plot, palette)
        self._curves = {name: pg.PlotDataItem(symbol="o", symbolSize=5) for name in SERIES}
        for curve in self._curves.values():
            self._plot.addItem(curve)
        self._figures = QLabel()
        self._figures.setObjectName("qualityLabel")
        self._figures.setAccessibleName(tr("Newest quality"))
        self._figures.setFont(interface_font(8.5))
        self._figures.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.runs_button = RunsButton("qualityRuns", worded=False)
        row = QHBoxLayout()
        row.addWidget(self.runs_button)
        row.addWidget(self._figures, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 4, 8, 6)
        box.setSpacing(4)
        box.addWidget(self._plot, 1)
        box.addLayout(row)
        self.apply_palette(palette)
        self.clear()

    def set_points(
        self, steps: Sequence[int], series: Mapping[str, Sequence[float]], floor: float | None
    ) -> None:
        """Show these measurements instead of those before.

        Args:
            steps: (n,) training steps, rising.
            series: (n,) sliced W2 in data σ for "one_step" and "composed"; NaN is left out, a
                missing series is not drawn.
            floor: Sliced W2 of data against data, if known.

        Raises:
            ValueError: A series has another length than `steps`.
        """
        known = {name: np.asarray(series.get(name, ()), np.float64) for name in SERIES}
        for name, values in known.items():
            if name in series and len(values) != len(steps):
                raise ValueError(f"{name} has {len(values)} values for {len(steps)} steps")
        self._steps, self._series, self._floor = np.asarray(steps, np.float64), known, floor
        for name, curve in self._curves.items():
            heights = on_log_axis(known[name])
            drawn = np.isfinite(heights)
            # pyqtgraph's symbols warn while painting when all their places are NaN.
            measured = self._steps if len(heights) else heights
            curve.setData(measured[drawn], heights[drawn])
        drawn_floor = floor is not None and floor > 0 and len(self._steps) > 0
        self._floor_line.setVisible(drawn_floor)
        if drawn_floor:
            self._floor_line.setValue(np.log10(floor))
        self._show_figures()
        self._fit()
        self._plot.crosshair.update()

    def set_runs(self, runs: Sequence[PastRun]) -> None:
        """Draw these earlier runs behind the present one: one step solid, composed dashed."""
        lines = []
        for run in runs:
            one_step = tr("run {number}", number=run.number)
            composed = tr("run {number}, composed", number=run.number)
            for series, name in (("one_step", one_step), ("composed", composed)):
                values = run.quality[series]
                if np.isfinite(values).any():
                    dashed = series == "composed"
                    lines.append(RunLine(run.number, name, run.measured, values, dashed))
        self._earlier.draw(lines)
        self._fit()
        self._plot.crosshair.update()

    def run_curves(self) -> list[Curve]:
        """What is drawn of earlier runs now."""
        return self._earlier.shown()

    def set_composed_steps(self, steps: int) -> None:
        """Name the composed curve after its number of steps."""
        self._jumps = steps
        self._show_figures()
        self._plot.crosshair.update()

    def clear(self) -> None:
        """Show nothing, and follow what comes next."""
        self.set_points([], {}, None)
        self._plot.follow()

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._palette = palette
        self._plot.apply_palette(palette)
        self._earlier.apply_palette(palette)
        self.runs_button.apply_palette(palette)
        for name, curve in self._curves.items():
            colour = palette.layer(name)
            curve.setPen(pg.mkPen(colour, width=1.7))
            curve.setSymbolBrush(colour)
            curve.setSymbolPen(None)
        self._floor_line.label.setColor(palette.muted)
        self._floor_line.setPen(pg.mkPen(palette.muted, style=Qt.PenStyle.DashLine))
        self._show_figures()

    def _fit(self) -> None:
        last, earlier = self._earlier.extent()
        own = [on_log_axis(values) for values in self._series.values()]
        heights = np.concatenate([earlier, *own])
        self._plot.show_empty(not len(self._steps) and not len(earlier))
        if self._floor is not None:
            heights = np.append(heights, on_log_axis(np.array([self._floor])))
        heights = heights[np.isfinite(heights)]
        if len(self._steps):
            last = max(last, float(self._steps[-1]))
        if len(heights) and (len(self._steps) or len(earlier)):
            low, high = float(heights.min()), float(heights.max())
            # Room for the floor's name below its line, where no curve goes.
            self._plot.fit(last, low - 0.1 * max(high - low, 0.4), high)

    def _words(self, at: int) -> list[tuple[str, str, str]]:
        """Colour, name and figure of everything measured at one place."""
        composed = tr(
            "composed, 1 step" if self._jumps == 1 else "{count} steps", count=self._jumps
        )
        names = {"one_step": tr("one step"), "composed": composed}
        words = [
            (self._palette.layer(name), names[name], _figure(self._series[name][at]))
            for name in SERIES
            if len(self._series[name])
        ]
        if self._floor is not None:
            words.append((self._palette.muted, tr("floor"), _figure(self._floor)))
        return words

    def _show_figures(self) -> None:
        words = self._words(-1) if len(self._steps) else []
        parts = (f'<span style="color:{c}">{name} {value}</span>' for c, name, value in words)
        self._figures.setText(" · ".join(parts))

    def _describe(self, step: float) -> tuple[float, str] | None:
        rows = []
        if len(self._steps):
            at = int(np.abs(self._steps - step).argmin())
            beyond = step > self._steps[-1] and self._earlier.at(step)
            # Beyond the present run's end the earlier ones are read where the mouse is.
            if not beyond:
                step, rows = float(self._steps[at]), self._words(at)
        rows = [*rows, *((c, name, _figure(value)) for c, name, value in self._earlier.at(step))]
        return (step, table(step, rows)) if rows else None


def _figure(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "–"
