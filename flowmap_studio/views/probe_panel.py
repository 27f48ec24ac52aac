"""Read-outs of the map on stage: folds, energy, likelihood, and where it does not compose."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtWidgets import QFormLayout, QLabel, QVBoxLayout, QWidget

from flowmap_studio.core.palettes import rgb
from flowmap_studio.core.probing.values import READINGS, Paths, Residuals
from flowmap_studio.views.plot_base import figure
from flowmap_studio.views.plot_style import plot_style
from flowmap_studio.views.plot_view import PlotView
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette, interface_font

ROWS = {
    "folds": (
        "Fold share",
        "Share of the noise at which the one-step map turns a neighbourhood over: two points or "
        "more arrive at one place",
    ),
    "energy": (
        "Path energy",
        "Mean of ∫ |v|² dt from noise to data along composed steps, in squared data units. The "
        "least that any flow between the two needs is the squared W2 distance",
    ),
    "data_likelihood": (
        "Data log-likelihood",
        "Mean of log p₁ over some points of the data, in nats, by change of variables; higher is "
        "better. Points that the map does not reach are left out",
    ),
    "trace": ("Traced point", "From where at t = 0 to where at t = 1; click a point, or press T"),
    "group": ("Group", "Points within the lasso and their spread at this time"),
}
RESIDUAL_TIP = (
    "Semigroup residual: how far X(u,t) ∘ X(s,u) ends from X(s,t), u half way, in units of the "
    "data's spread. The stronger the colour, the larger. A map that composes has none"
)
NOTHING = "–"
NO_BREAK = "\N{NO-BREAK SPACE}"
NO_RESIDUAL = "Semigroup residual: –"
MOST_COORDINATES = 3


class ProbePanel(QWidget):
    """Figures over a map of the semigroup residual; numpy in, nothing out.

    Args:
        palette: Colours.
    """

    def __init__(self, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("probePanel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(tr("Probes of the map on stage"))
        self._residuals: Residuals | None = None
        self._figures: dict[str, QLabel] = {}
        form = QFormLayout()
        form.setContentsMargins(4, 2, 4, 0)
        form.setVerticalSpacing(3)
        form.setHorizontalSpacing(14)
        for name, (text, tip) in ROWS.items():
            label, value = QLabel(tr(text)), QLabel(NOTHING)
            label.setProperty("muted", True)
            value.setObjectName(f"probe_{name}")
            value.setAccessibleName(tr(text))
            value.setWordWrap(True)
            for each in (label, value):
                each.setToolTip(tr(tip))
            form.addRow(label, value)
            self._figures[name] = value
        self._build_map()
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 4, 8, 6)
        box.setSpacing(4)
        box.addLayout(form)
        box.addWidget(self._plot, 1)
        box.addWidget(self._caption)
        self.apply_palette(palette)

    def _build_map(self) -> None:
        self._plot = PlotView()
        self._plot.setObjectName("residualMap")
        self._plot.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._plot.setToolTip(tr(RESIDUAL_TIP))
        self._plot.setMinimumHeight(90)
        self._plot.box.setMouseEnabled(x=False, y=False)
        for side, name in (("left", "s"), ("bottom", "t")):
            self._plot.axes[side].setLabel(name)
            self._plot.axes[side].setTicks([[(0, "0"), (0.5, "½"), (1, "1")]])
        self._plot.box.setRange(xRange=(0, 1), yRange=(0, 1), padding=0.08)
        self._image = pg.ImageItem(axisOrder="row-major")
        self._plot.addItem(self._image)
        self._caption = QLabel(tr(NO_RESIDUAL))
        self._caption.setObjectName("residualCaption")
        self._caption.setFont(interface_font(8.5))
        self._caption.setWordWrap(True)
        self._caption.setToolTip(tr(RESIDUAL_TIP))

    def show_reading(self, name: str, value: float | Residuals | None, sentence: str) -> None:
        """Show one of the figures of a map.

        Args:
            name: One of `READINGS`.
            value: None where it does not exist.
            sentence: Why not.
        """
        if name == "residual":
            self._show_residuals(value if isinstance(value, Residuals) else None, sentence)
            return
        label = self._figures[name]
        if not isinstance(value, float):
            label.setText(sentence or NOTHING)
        elif name == "folds":
            label.setText(f"{100 * value:.1f} %")
        elif name == "data_likelihood":
            label.setText(tr("{value:.3f} nats", value=value))
        else:
            label.setText(tr("{value:.4f} squared data units", value=value))

    def forget_readings(self) -> None:
        """Show no figures of a map that is no more on stage."""
        for name in READINGS:
            self.show_reading(name, None, tr(NO_RESIDUAL) if name == "residual" else "")

    def show_trace(self, paths: Paths | None) -> None:
        """Say from where to where the traced point goes, and how long its way is."""
        if paths is None:
            self._figures["trace"].setText(NOTHING)
            return
        way = paths.positions[:, 0]
        found = "" if paths.converged[0] else f", {tr('the nearest')}"
        self._figures["trace"].setText(f"{_place(way[0])} → {_place(way[-1])}{found}")

    def show_group(self, points: npt.NDArray[np.floating]) -> None:
        """Say how many points (n, dim) are followed and how wide they lie."""
        if not len(points):
            self._figures["group"].setText(NOTHING)
            return
        spread = float(np.sqrt(points.var(axis=0).mean()))
        self._figures["group"].setText(
            tr("{count:,} points, spread {spread:.3f}", count=len(points), spread=spread)
        )

    def residual_pixels(self) -> npt.NDArray[np.uint8]:
        """(k, k, 4) red, green, blue and opacity of the map, by s and t."""
        if self._residuals is None:
            return np.empty((0, 0, 4), np.uint8)
        values = self._residuals.values
        share = np.nan_to_num(values / max(float(np.nanmax(values)), 1e-12))
        ends = np.array([rgb(self._palette.grid), rgb(self._palette.match)])
        colours = ends[0] + share[..., None] * (ends[1] - ends[0])
        alpha = np.where(np.isnan(values), 0, 255)[..., None]
        return np.concatenate([colours, alpha], axis=-1).astype(np.uint8)

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._palette = palette
        self._plot.setBackground(palette.panel)
        plot_style(self._plot, palette)
        self._plot.show_grid(0)
        self._draw()

    def _show_residuals(self, residuals: Residuals | None, sentence: str) -> None:
        self._residuals = residuals
        if residuals is None:
            self._caption.setText(sentence)
        else:
            values = residuals.values
            s, t = np.unravel_index(int(np.nanargmax(values)), values.shape)
            times = residuals.times
            self._caption.setText(
                tr(
                    "Semigroup residual: mean {mean}, most {most} σ at s = {s:.2f}, t = {t:.2f}",
                    mean=figure(float(np.nanmean(values))),
                    most=figure(float(values[s, t])),
                    s=times[s],
                    t=times[t],
                )
            )
        self._draw()

    def _draw(self) -> None:
        if self._residuals is None:
            self._image.clear()
            return
        self._image.setImage(self.residual_pixels(), levels=None, autoLevels=False)
        half = float(self._residuals.times[1]) / 2
        self._image.setRect(QRectF(-half, -half, 1 + 2 * half, 1 + 2 * half))


def _place(point: npt.NDArray[np.floating]) -> str:
    """The coordinates of a point (dim,): the first ones where there are many."""
    texts = [f"{value:.2f}" for value in point[:MOST_COORDINATES]]
    texts += ["…"] * (len(point) > MOST_COORDINATES)
    return f"({f',{NO_BREAK}'.join(texts)})"
