"""One look for all pyqtgraph plots."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGraphicsItem

from flowmap_studio.views.plot_view import PlotView
from flowmap_studio.views.theme import Palette, interface_font

pg.setConfigOptions(antialias=True, useOpenGL=False)


def plot_style(plot: PlotView, palette: Palette) -> None:
    """Quiet axes and grid in the palette's colours, in the interface's font."""
    font = interface_font(8.5)
    for axis in plot.axes.values():
        axis.setPen(pg.mkPen(palette.grid))
        axis.setTextPen(pg.mkPen(palette.muted))
        axis.setTickFont(font)
        axis.setStyle(tickLength=-4, autoExpandTextSpace=False)
        axis.enableAutoSIPrefix(False)
        axis.label.setFont(font)
        axis.label.setDefaultTextColor(QColor(palette.muted))
        # Its grid lies under the curves, and would be drawn anew with each of their changes.
        axis.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
    plot.show_grid(0.18 if palette.dark else 0.14)


def faint(colour: str, alpha: int) -> QColor:
    """A colour with an alpha of 0 to 255."""
    made = QColor(colour)
    made.setAlpha(alpha)
    return made


def compact_number(value: float) -> str:
    """A tick label: 0, 500, 1.5k, 20k, 1.2M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.6g}{letter}"
    return f"{value:.6g}"


class StepAxis(pg.AxisItem):
    """A horizontal axis of training steps."""

    def tickStrings(  # noqa: D102 - pyqtgraph's
        self, values: list[float], scale: float, spacing: float
    ) -> list[str]:
        del spacing
        return [compact_number(value * scale) for value in values]


class ValueAxis(pg.AxisItem):
    """A vertical axis of losses or distances, plain decimals in linear and logarithmic mode."""

    def tickStrings(  # noqa: D102 - pyqtgraph's
        self, values: list[float], scale: float, spacing: float
    ) -> list[str]:
        if not self.logMode:
            return super().tickStrings(values, scale, spacing)
        return [plain_number(10.0 ** min(value, 300)) for value in values]

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:  # noqa: D102
        if not self.logMode:
            return super().tickValues(low, high, size)
        decades = np.arange(np.floor(low), np.ceil(high) + 1)
        skip = max(1, int(np.ceil(len(decades) * 18 / max(size, 1))))
        major = [float(d) for d in decades[::skip]]
        within = [float(d + np.log10(m)) for d in decades for m in (2, 5)]
        levels = [(1.0, major)]
        if high - low < 3:
            levels.append((0.3, within))
        return levels


def plain_number(value: float) -> str:
    """A value of a logarithmic axis: 0.001, 0.2, 5, 1e-06."""
    return f"{value:.0e}".replace("e-0", "e-") if value < 1e-3 else f"{value:.3g}"
