"""What lies over the plot of the stage: layers, legends, scales, caption, the button that fits."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel, QToolButton, QWidget

from flowmap_studio.views.class_legend import ClassLegend
from flowmap_studio.views.heat_legend import HeatLegend
from flowmap_studio.views.icons import icon
from flowmap_studio.views.layer_panel import LayerPanel
from flowmap_studio.views.stage_plot import StagePlot
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette

ROOM_FOR_COUNTS, ROOM_FOR_NAMES, HEIGHT_FOR_NAMES = 560, 440, 400
"""Narrower or lower stages (logical pixels) leave the points' numbers, or the names too, out of the
layer panel, which would cover the clouds."""
EDGE = 10
"""Logical pixels between the overlays and the edges of the plot."""


class StageOverlays(QObject):
    """Makes the overlays, children of the stage, and keeps them inside the plot's axes."""

    def __init__(self, plot: StagePlot, palette: Palette, stage: QWidget) -> None:
        super().__init__(stage)
        self._stage, self._plot = stage, plot
        self._inside = plot.inner_area()
        self.panel = LayerPanel(palette, stage)
        self.panel.resized.connect(self.place)
        self.legend = ClassLegend(palette, stage)
        self.scales = HeatLegend(palette, stage)
        self.caption = QLabel(stage)
        self.caption.setObjectName("stageCaption")
        self.caption.hide()
        self.empty = QLabel(tr("Nothing to show yet. Press Train or open a preset."), stage)
        self.empty.setObjectName("stageEmpty")
        self.empty.setProperty("muted", True)
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        for label in (self.caption, self.empty):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.fit_button = QToolButton(stage)
        self.fit_button.setObjectName("fitButton")
        self.fit_button.setToolTip(tr("Fit the view to source and data (double click)"))
        self.fit_button.setAccessibleName(tr("Fit view"))
        plot.area_changed.connect(self.place)
        self._colour(palette)

    def show_empty(self, empty: bool) -> None:
        """Say what to do instead of showing axes, or show them."""
        self.empty.setVisible(empty)
        self.fit_button.setVisible(not empty)
        self._plot.show_empty(empty)

    def set_caption(self, text: str) -> None:
        """Show a line in the lower left corner; none for ""."""
        self.caption.setText(text)
        self.caption.setVisible(bool(text))
        self._place_lower_left()

    def make_room(self) -> None:
        """Leave out of the layer panel what has no room on a small stage."""
        width, low = self._stage.width(), self._stage.height() < HEIGHT_FOR_NAMES
        self.panel.set_room(
            names=width >= ROOM_FOR_NAMES and not low,
            counts=width >= ROOM_FOR_COUNTS and not low,
        )

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self.panel.apply_palette(palette)
        self.legend.apply_palette(palette)
        self.scales.apply_palette(palette)
        self._colour(palette)

    def _colour(self, palette: Palette) -> None:
        self.fit_button.setIcon(icon("fit", palette))
        chip = QColor(palette.stage)
        back = f"rgba({chip.red()}, {chip.green()}, {chip.blue()}, 0.8)"
        self.caption.setStyleSheet(
            f"color: {palette.muted}; background: {back}; border-radius: 5px; padding: 2px 6px;"
        )
        self.fit_button.setStyleSheet(
            f"QToolButton {{ background: {back}; padding: 4px; }}"
            f"QToolButton:hover {{ background: {palette.grid}; }}"
        )
        self.place()

    def place(self) -> None:
        """Put everything into its corner of the axes."""
        inside = self._inside = self._plot.inner_area()
        right, bottom = inside.right() - EDGE, inside.bottom() - EDGE
        self.panel.move(right - self.panel.width(), inside.top() + EDGE)
        self.fit_button.adjustSize()
        size = self.fit_button.size()
        self.fit_button.move(right - size.width(), bottom - size.height())
        self.legend.move(inside.left() + EDGE, inside.top() + EDGE)
        self.empty.setGeometry(inside.adjusted(24, 24, -24, -24))
        self._place_lower_left()

    def _place_lower_left(self) -> None:
        inside, bottom = self._inside, self._inside.bottom() - EDGE
        self.caption.adjustSize()
        self.caption.move(inside.left() + EDGE, bottom - self.caption.height())
        above = self.caption.y() - EDGE / 2 if self.caption.text() else bottom
        self.scales.move(inside.left() + EDGE, int(above) - self.scales.height())
