"""The scales of the pictures on stage: what their colours mean."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage, QPixmap
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from flowmap_studio.core.drawing.heats import HEATS, HeatScale
from flowmap_studio.core.drawing.layers import NAMES
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette

BAR_WIDTH, BAR_HEIGHT = 84, 9


class HeatLegend(QWidget):
    """A line for each picture that is seen: its name, and a scale between two figures."""

    def __init__(self, palette: Palette, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("heatLegend")
        self.setAccessibleName(tr("Colour scales"))
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(9, 5, 9, 5)
        self._grid.setHorizontalSpacing(7)
        self._grid.setVerticalSpacing(3)
        self._lines = {layer: self._line(row, layer) for row, layer in enumerate(HEATS)}
        self.apply_palette(palette)
        self.set_scales({})

    def _line(self, row: int, layer: str) -> tuple[QLabel, ...]:
        labels = tuple(QLabel(self) for _ in range(4))
        labels[0].setText(tr(NAMES[layer]))
        labels[1].setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for column, label in enumerate(labels):
            self._grid.addWidget(label, row, column)
        return labels

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        back = QColor(palette.panel)
        self.setStyleSheet(
            f"#heatLegend {{ background: rgba({back.red()}, {back.green()}, {back.blue()}, 0.86);"
            f" border: 1px solid {palette.border}; border-radius: 8px; }}"
            f"#heatLegend QLabel {{ color: {palette.text}; background: none; }}"
        )

    def set_scales(self, scales: Mapping[str, HeatScale]) -> None:
        """Show the scales of these layers and no others; hidden where there are none."""
        for layer, (name, low, bar, high) in self._lines.items():
            scale = scales.get(layer)
            for label in (name, low, bar, high):
                label.setVisible(scale is not None)
            if scale is not None:
                low.setText(scale.low)
                high.setText(scale.high)
                bar.setPixmap(_bar(scale))
                ends = {"low": scale.low, "high": scale.high}
                bar.setAccessibleName(tr("{name}: from {low} to {high}", name=name.text(), **ends))
        self.setVisible(bool(scales))
        self._grid.activate()
        self.adjustSize()


def _bar(scale: HeatScale) -> QPixmap:
    shades = np.ascontiguousarray(scale.shades)
    image = QImage(shades.data, len(shades), 1, 4 * len(shades), QImage.Format.Format_RGBA8888)
    smooth = Qt.TransformationMode.SmoothTransformation
    ignore = Qt.AspectRatioMode.IgnoreAspectRatio
    return QPixmap.fromImage(image.scaled(BAR_WIDTH, BAR_HEIGHT, ignore, smooth))
