"""What the plots against training step share: axes, empty state, follow or zoom, read-out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QToolButton, QWidget

from flowmap_studio.views.crosshair import Crosshair
from flowmap_studio.views.plot_style import StepAxis, ValueAxis, plot_style
from flowmap_studio.views.plot_view import FillsView, PlotView
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette

AXIS_WIDTH = 56
"""Pixels of the vertical axis: fixed, so that the plot does not shift when its numbers change."""
AXIS_HEIGHT, BARE_AXIS_HEIGHT = 36, 20
"""Likewise of the horizontal axis, with and without its name."""
NAMED_HEIGHT = 130
"""Pixels below which a plot keeps its room for the curves: the names of its axes are left out."""
NARROW = 1.1
"""Decades below which a log axis may hold fewer than three of its 1-2-5 ticks."""
TICK_GAP = 16
"""Least pixels between two evenly spaced ticks of such an axis."""
FARTHEST_STEP = 1e10
FARTHEST_DECADE = 30.0


class FineLogAxis(ValueAxis):
    """A value axis that still has ticks when less than a decade of a log axis is visible."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:  # noqa: D102
        if not self.logMode or high - low >= NARROW:
            return super().tickValues(low, high, size)
        bottom, top = 10.0**low, 10.0**high
        # Even steps crowd at the top, where a pixel of the log axis spans the most.
        step = _nice_step(TICK_GAP * top * np.log(10) * (high - low) / max(size, TICK_GAP))
        even = np.arange(max(np.ceil(bottom / step), 1), np.floor(top / step) + 1) * step
        decades = np.arange(np.floor(low), np.ceil(high))[:, None]
        uneven = (decades + np.log10([1, 1.5, 2, 3, 5, 7])).ravel()
        uneven = uneven[(low <= uneven) & (uneven <= high)]
        ticks = np.log10(even) if len(even) >= len(uneven) else uneven
        return [(0.1, ticks.tolist())]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:  # noqa: D102
        if not self.logMode:
            return super().tickStrings(values, scale, spacing)
        return [short_number(10.0 ** min(value, 300)) for value in values]


class ViewCurve(FillsView, pg.PlotCurveItem):
    """A curve with the bounds of the view."""


@dataclass(frozen=True)
class _Range:
    """What the plot shows while it follows its data: steps from 0, heights in drawn units."""

    right: float
    bottom: float
    top: float

    def serves(self, wanted: _Range, last_step: float, low: float, high: float) -> bool:
        """Whether the data still fill this range well.

        Axes that moved with every step would flicker and cost more to draw than the curves.
        """
        inside = last_step <= self.right and self.bottom <= low and high <= self.top
        height, needed = self.top - self.bottom, wanted.top - wanted.bottom
        return inside and self.right <= 1.1 * wanted.right and height <= 1.25 * needed


class StudioPlotWidget(PlotView):
    """A plot that follows its newest data until the user zooms or pans.

    Args:
        value_label: Text of the vertical axis.
        empty_text: What to say while there is nothing to draw.
        describe: Maps a step under the mouse to the nearest recorded one and the read-out's rich
            text, or None where there is nothing to read.
    """

    zoomed = Signal()
    """The user changed the range."""
    released = Signal()
    """The plot follows its newest data again."""

    def __init__(
        self,
        value_label: str,
        empty_text: str,
        describe: Callable[[float], tuple[float, str] | None],
        parent: QWidget | None = None,
    ) -> None:
        axes = {"left": FineLogAxis("left"), "bottom": StepAxis("bottom")}
        super().__init__(axes, margins=(0, 4, 8, 0), parent=parent)
        # It has no keys of its own: the Tab key passes it by.
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.following = True
        self.logarithmic = False
        self._fitted: _Range | None = None
        left, bottom = self.axes["left"], self.axes["bottom"]
        bottom.setLabel(tr("step"))
        left.setLabel(value_label)
        left.setWidth(AXIS_WIDTH)
        bottom.setHeight(AXIS_HEIGHT)
        self.box.disableAutoRange()
        self.box.sigRangeChangedManually.connect(self._on_zoomed)
        self.crosshair = Crosshair(self, describe)
        self._empty = QLabel(empty_text, self)
        self._empty.setObjectName("emptyLabel")
        self._empty.setProperty("muted", True)
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._follow = QToolButton(self)
        self._follow.setObjectName("followButton")
        self._follow.setText(tr("Follow"))
        self._follow.setToolTip(
            tr("Show the whole run and follow the newest step (or double click)")
        )
        self._follow.clicked.connect(self.follow)
        self._follow.hide()
        self.set_logarithmic(True)
        self.fit(100.0, -3.0, 0.0)

    def set_logarithmic(self, on: bool) -> None:
        """Draw values as they are (False) or as their decadic logarithms (True)."""
        self.logarithmic = on
        self._fitted = None
        self.axes["left"].setLogMode(x=False, y=on)
        far = FARTHEST_DECADE if on else None
        self.box.setLimits(
            xMin=-FARTHEST_STEP,
            xMax=FARTHEST_STEP,
            yMin=None if far is None else -far,
            yMax=far,
            minXRange=4,
            minYRange=1e-3 if on else 1e-12,
        )

    def show_empty(self, empty: bool) -> None:
        """Show or hide the sentence that tells how data comes here."""
        self._empty.setVisible(empty)
        self.show_numbers(not empty)

    def visible_steps(self) -> tuple[float, float]:
        """First and last step in view."""
        (left, right), _ = self.box.viewRange()
        return float(left), float(right)

    def fit(self, last_step: float, low: float, high: float) -> None:
        """Show all steps and these heights (in drawn units), if the plot follows its data."""
        if not self.following:
            return
        least = 0.4 if self.logarithmic else max(abs(high), 1e-9) * 0.1
        room = max(high - low, least)
        middle = (low + high) / 2
        low, high = min(low, middle - room / 2), max(high, middle + room / 2)
        wanted = _Range(max(last_step, 10) * 1.06, low - 0.06 * room, high + 0.08 * room)
        if self._fitted is None or not self._fitted.serves(wanted, last_step, low, high):
            self._fitted = wanted
            self.box.setRange(
                xRange=(0, wanted.right), yRange=(wanted.bottom, wanted.top), padding=0
            )

    def follow(self) -> None:
        """Leave the user's zoom."""
        self.following = True
        self._fitted = None
        self._follow.hide()
        self.released.emit()

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self.setBackground(palette.panel)
        plot_style(self, palette)
        self.crosshair.apply_palette(palette)
        self._follow.setStyleSheet(
            f"QToolButton {{ background: {palette.field}; color: {palette.text}; "
            f"border: 1px solid {palette.border}; border-radius: 6px; padding: 2px 8px; }}"
            f"QToolButton:hover {{ border-color: {palette.accent}; }}"
        )

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: D102 - Qt's
        self.follow()
        event.accept()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102 - Qt's
        super().resizeEvent(event)
        if not hasattr(self, "_follow"):  # pyqtgraph resizes while it is being built
            return
        self._name_axes(self.height() >= NAMED_HEIGHT)
        self._empty.setGeometry(self.rect().adjusted(AXIS_WIDTH + 8, 8, -16, -36))
        self._place_follow()

    def _name_axes(self, named: bool) -> None:
        left, bottom = self.axes["left"], self.axes["bottom"]
        if bottom.label.isVisible() is not named:
            left.showLabel(named)
            bottom.showLabel(named)
            bottom.setHeight(AXIS_HEIGHT if named else BARE_AXIS_HEIGHT)

    def _place_follow(self) -> None:
        size = self._follow.sizeHint()
        self._follow.setGeometry(
            self.width() - size.width() - 16,
            self.height() - size.height() - 48,
            size.width(),
            size.height(),
        )

    def _on_zoomed(self, *_: object) -> None:
        self.following = False
        self._place_follow()
        self._follow.show()
        self.zoomed.emit()


def on_log_axis(values: np.ndarray) -> np.ndarray:
    """Decadic logarithms; what has none (zeros, negatives, NaN, infinities) becomes NaN.

    Args:
        values: (n,) values in data units.
    """
    wide = np.asarray(values, np.float64)
    out = np.full_like(wide, np.nan)
    np.log10(wide, out=out, where=np.isfinite(wide) & (wide > 0))
    return out


def short_number(value: float) -> str:
    """A value in few figures: 0.153, 2, 1.5e-4."""
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.4g}"
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def figure(value: float) -> str:
    """A value with four figures that keeps its width from one step to the next: 0.1536, 1.54e-3."""
    if not np.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if 1e-2 <= abs(value) < 1e4:
        decimals = max(0, 3 - int(np.floor(np.log10(abs(value)))))
        return f"{value:.{min(decimals, 4)}f}"
    if abs(value) < 1e-9:
        return "<1e-9"
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def _nice_step(rough: float) -> float:
    power = 10.0 ** np.floor(np.log10(rough))
    return float(power * next(m for m in (1, 2, 5, 10) if m * power >= rough * 0.999))
