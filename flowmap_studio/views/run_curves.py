"""Curves of earlier runs, thin and pale behind those of the present one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import Qt

from flowmap_studio.views.plot_base import StudioPlotWidget, on_log_axis
from flowmap_studio.views.plot_style import faint
from flowmap_studio.views.theme import Palette

DEPTH = 2
"""Below all that belongs to the present run."""
PALE = 215
"""Alpha of their colours, of 255."""

Curve = tuple[int, npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""Number of a run, (n,) steps and (n,) values in data units."""


@dataclass(frozen=True, eq=False)
class RunLine:
    """One curve of an earlier run.

    Attributes:
        run: Its number.
        name: What it is called in the read-out.
        steps: (n,) training steps, rising.
        values: (n,) in data units; what the axis has no place for is left out.
        dashed: Whether it is told apart from the run's other curve by dashes.
    """

    run: int
    name: str
    steps: npt.NDArray[np.float64]
    values: npt.NDArray[np.floating]
    dashed: bool = False


class RunCurves:
    """Draws such curves on a plot.

    Args:
        plot: Where.
        palette: Colours.
    """

    def __init__(self, plot: StudioPlotWidget, palette: Palette) -> None:
        self._plot = plot
        self._palette = palette
        self._lines: list[RunLine] = []
        self._curves: list[pg.PlotCurveItem] = []

    def draw(self, lines: Sequence[RunLine]) -> None:
        """Draw these instead of those before."""
        self._lines = list(lines)
        while len(self._curves) < len(lines):
            curve = pg.PlotCurveItem()
            curve.setZValue(DEPTH)
            self._plot.addItem(curve)
            self._curves.append(curve)
        while len(self._curves) > len(lines):
            self._plot.removeItem(self._curves.pop())
        for line, curve in zip(lines, self._curves, strict=True):
            heights = self._drawn(line.values)
            known = np.isfinite(heights)
            curve.setData(line.steps[known], heights[known])
            curve.setPen(self._pen(line))

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._palette = palette
        for line, curve in zip(self._lines, self._curves, strict=True):
            curve.setPen(self._pen(line))

    def extent(self) -> tuple[float, npt.NDArray[np.float64]]:
        """The last step that is drawn, 0 without any, and (n,) all heights in drawn units."""
        drawn = [curve.getData() for curve in self._curves]
        last = max((float(steps[-1]) for steps, _ in drawn if len(steps)), default=0.0)
        return last, np.concatenate([np.empty(0), *(heights for _, heights in drawn)])

    def at(self, step: float) -> list[tuple[str, str, float]]:
        """Colour, name and nearest value of each curve that reaches a step."""
        return [
            (
                self._palette.run_colour(line.run),
                line.name,
                float(line.values[np.abs(line.steps - step).argmin()]),
            )
            for line in self._lines
            if len(line.steps) and step <= line.steps[-1] + 1
        ]

    def shown(self) -> list[Curve]:
        """Each curve as drawn now."""
        found = []
        for line, curve in zip(self._lines, self._curves, strict=True):
            steps, heights = (np.asarray(part, np.float64) for part in curve.getData())
            found.append((line.run, steps, 10**heights if self._plot.logarithmic else heights))
        return found

    def _drawn(self, values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        return on_log_axis(values) if self._plot.logarithmic else np.asarray(values, np.float64)

    def _pen(self, line: RunLine) -> pg.QtGui.QPen:
        colour = faint(self._palette.run_colour(line.run), PALE)
        style = Qt.PenStyle.DashLine if line.dashed else Qt.PenStyle.SolidLine
        return pg.mkPen(colour, width=1, style=style)
