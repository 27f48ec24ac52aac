"""A layer's colour and its place among the others, in a small menu."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QMenu, QToolButton

from flowmap_studio.core.drawing.layers import NAMES
from flowmap_studio.views.stage_layers.kinds import colour_choices
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette

COLOUR_NAMES = (
    *("Text", "Grey", "Blue", "Vermilion", "Green", "Pink"),
    *("Orange", "Sky blue", "Yellow", "Slate"),
)
"""Of `colour_choices`, in their order."""


class LayerMenu(QToolButton):
    """Opens the menu of one layer.

    Args:
        layer: Which.
    """

    colour_chosen = Signal(str, str)
    move_wanted = Signal(str, int)

    def __init__(self, layer: str) -> None:
        super().__init__()
        self._layer = layer
        self.setObjectName(f"menu_{layer}")
        self.setProperty("bareMenu", True)
        self.setText("⋯")
        self.setFixedSize(22, 22)
        self.setToolTip(tr("Colour and order of {name}", name=tr(NAMES[layer])))
        self.setAccessibleName(tr("Colour and order of layer {name}", name=tr(NAMES[layer])))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self)
        self.setMenu(self._menu)
        self.forward = self._menu.addAction(tr("Bring forward"), partial(self._move, 1))
        self.backward = self._menu.addAction(tr("Send backward"), partial(self._move, -1))
        self._menu.addSeparator()
        self.own_colour = self._menu.addAction(tr("Own colour"), partial(self._choose, ""))
        self.colours = [self._menu.addAction(tr(name)) for name in COLOUR_NAMES]
        self._shades = [""] * len(COLOUR_NAMES)
        for place, action in enumerate(self.colours):
            action.triggered.connect(partial(self._choose_at, place))

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._shades = list(colour_choices(palette))
        for action, shade in zip(self.colours, self._shades, strict=True):
            swatch = QPixmap(14, 14)
            swatch.fill(QColor(shade))
            action.setIcon(QIcon(swatch))

    def _move(self, by: int) -> None:
        self.move_wanted.emit(self._layer, by)

    def _choose_at(self, place: int) -> None:
        self._choose(self._shades[place])

    def _choose(self, colour: str) -> None:
        self.colour_chosen.emit(self._layer, colour)
