"""The stage's plot: equal axes, one grid, panning and zooming within sensible limits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent
from PySide6.QtWidgets import QWidget

from flowmap_studio.core.drawing.axes import nice_spacing, tick_texts, with_margin
from flowmap_studio.views.plot_style import plot_style
from flowmap_studio.views.plot_view import PlotView
from flowmap_studio.views.stage_grid import StageGrid
from flowmap_studio.views.theme import Palette, interface_font

AXIS_HEIGHT = 24
LEAST_AXIS_WIDTH = 40
DEEPEST, WIDEST = 1e-4, 1e3
"""Limits of zooming, as shares of the fitted extent."""


class StageAxis(pg.AxisItem):
    """An axis whose numbers all have as many decimals as the spacing needs, and no more."""

    def tickStrings(  # noqa: D102 - pyqtgraph's
        self, values: list[float], scale: float, spacing: float
    ) -> list[str]:
        return tick_texts([value * scale for value in values], spacing * scale)


class StagePlot(PlotView):
    """A plot with equal aspect that stays fitted while its size changes, until it is moved."""

    fit_wanted = Signal()
    """The user double-clicked."""
    fitted = Signal(object, object)
    """Lower and upper ends (2,) of the rectangle that `fit` was given."""
    view_moved = Signal()
    """Something else is seen than was fitted: by hand, by keys, or as a preset had it."""
    area_changed = Signal()
    """The area within the axes has another place or size."""

    def __init__(self, palette: Palette, parent: QWidget | None = None) -> None:
        axes = {side: StageAxis(side) for side in ("left", "bottom")}
        super().__init__(axes, margins=(2, 8, 8, 2), parent=parent)
        # It has no keys of its own: the Tab key passes it by.
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._fitted: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None = None
        self.axes["bottom"].setHeight(AXIS_HEIGHT)
        self.axes["left"].setWidth(LEAST_AXIS_WIDTH)
        self.box.setAspectLocked(True)
        self.box.disableAutoRange()
        self.box.setRange(xRange=(-3, 3), yRange=(-3, 3), padding=0)
        self.box.sigRangeChangedManually.connect(self._on_moved)
        self.box.sigRangeChanged.connect(self._space_ticks)
        self.box.sigResized.connect(self._on_area_changed)
        self._grid = StageGrid()
        self.addItem(self._grid, ignoreBounds=True)
        # The scene's background covers everything: Qt need not fill the widget first.
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.viewport().setAutoFillBackground(False)
        self.apply_palette(palette)

    def fit(self, low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]) -> None:
        """Show this rectangle, now and after changes of the widget's size.

        Args:
            low: (2,) lower ends in view units.
            high: (2,) upper ends.
        """
        given = low, high
        low, high = self._fitted = with_margin(low, high)
        middle = (low + high) / 2
        extent = (high - low).max()
        (left, bottom), (right, top) = middle - WIDEST * extent, middle + WIDEST * extent
        self.box.setLimits(
            xMin=left,
            xMax=right,
            yMin=bottom,
            yMax=top,
            minXRange=DEEPEST * extent,
            maxXRange=WIDEST * extent,
        )
        self.axes["left"].setWidth(LEAST_AXIS_WIDTH)
        self._show_fitted()
        self.fitted.emit(*given)

    def is_fitted(self) -> bool:
        """Whether what `fit` was given is still seen."""
        return self._fitted is not None

    def move_to(self, low: npt.ArrayLike, high: npt.ArrayLike) -> None:
        """Show this rectangle once, as if the user had moved there.

        Args:
            low: (2,) lower ends in view units.
            high: (2,) upper ends.
        """
        self._fitted = None
        (left, bottom), (right, top) = low, high
        self.box.setRange(xRange=(left, right), yRange=(bottom, top), padding=0)
        self.view_moved.emit()

    def zoom(self, factor: float) -> None:
        """Show so many times less of each axis, about the middle, as if the user had."""
        low, high = self.view()
        middle, half = (low + high) / 2, (high - low) / 2 / factor
        self.move_to(middle - half, middle + half)

    def pan(self, across: float, up: float) -> None:
        """Move what is seen by these shares of its width and height, as if the user had."""
        low, high = self.view()
        by = (high - low) * (across, up)
        self.move_to(low + by, high + by)

    def view(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Lower and upper ends (2,) of what is seen, in view units."""
        ends = np.array(self.box.viewRange(), np.float64)
        return ends[:, 0], ends[:, 1]

    def show_empty(self, empty: bool) -> None:
        """Leave grid and numbers out while there is nothing to measure."""
        self._grid.setVisible(not empty)
        self.show_numbers(not empty)

    def inner_area(self) -> QRect:
        """The plot's area within the axes, in this widget's coordinates."""
        return self.mapFromScene(self.box.sceneBoundingRect()).boundingRect()

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self.setBackground(palette.stage)
        plot_style(self, palette)
        self.show_grid(0)  # see StageGrid
        self._grid.set_colours(QColor(palette.grid), QColor(palette.border))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: D102 - Qt's
        self.fit_wanted.emit()
        event.accept()

    def _show_fitted(self) -> None:
        low, high = self._fitted
        self.box.setRange(xRange=(low[0], high[0]), yRange=(low[1], high[1]), padding=0)

    def _on_area_changed(self, *_: object) -> None:
        if self._fitted is not None:
            self._show_fitted()
        self._space_ticks()
        self.area_changed.emit()

    def _on_moved(self, *_: object) -> None:
        self._fitted = None
        self.view_moved.emit()

    def _space_ticks(self, *_: object) -> None:
        """Give both axes the grid's spacing, and the left one room for its numbers."""
        width = self.box.width()
        (left, right), (bottom, top) = self.box.viewRange()
        if width < 1 or not right > left:  # before the layout, or under an absurd turn of the wheel
            return
        spacing = nice_spacing((right - left) / width)
        axis = self.axes["left"]
        for each in self.axes.values():
            each.setTickSpacing(levels=[(spacing, 0)])
        numbers = tick_texts([bottom, top], spacing)
        metrics = QFontMetricsF(interface_font(8.5))
        needed = max(metrics.horizontalAdvance(number) for number in numbers) + 14
        # It only grows: an axis that breathes would shake the plot.
        if needed > axis.width():
            axis.setWidth(int(np.ceil(needed)))
