"""The stage's legend: an eye, a colour, a name, a count and an opacity for each layer."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPalette, QPen, QPixmap
from PySide6.QtWidgets import (
    QGridLayout,
    QSizePolicy,
    QSlider,
    QToolButton,
    QWidget,
)

from flowmap_studio.core.drawing.layers import ALL_LAYERS, LAYERS, NAMES, STAGE_COUNTS, layer_colour
from flowmap_studio.views.card import Card, CardLabel
from flowmap_studio.views.icons import icon
from flowmap_studio.views.sampling_texts import map_names
from flowmap_studio.views.stage_layers.kinds import KEYS, TIPS
from flowmap_studio.views.stage_layers.layer_menu import LayerMenu
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette

USUAL_STEPS, USUAL_COUNT = 16, f"{STAGE_COUNTS[-1]:,}"
"""There is always room for these, so that the card keeps its width while figures change."""
SWATCH = 12


class LayerPanel(Card):
    """A small card of one row per layer; a grip on its left slides the opacities out.

    The sliders lie to the left of the eyes: on a card that hangs on the right edge of the stage,
    what is under the mouse stays where it is.
    """

    visibility_toggled = Signal(str, bool)
    colour_chosen = Signal(str, str)
    """A layer and its new colour; "" for its own."""
    move_wanted = Signal(str, int)
    """A layer that should lie in front of the next one (1) or behind it (-1)."""
    opacity_changed = Signal(str, float)
    resized = Signal()
    """The card needs another size: its owner should place it again."""

    def __init__(self, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(palette, parent)
        self.setObjectName("layerPanel")
        self.setAccessibleName(tr("Layers"))
        self._notes: dict[str, tuple[str, str]] = {}
        self._room = True, True
        self._by_class = False
        self.eyes: dict[str, QToolButton] = {}
        self.sliders: dict[str, QSlider] = {}
        self._swatches: dict[str, CardLabel] = {}
        self._names: dict[str, CardLabel] = {}
        self._counts: dict[str, CardLabel] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(4, 5, 11, 5)
        grid.setHorizontalSpacing(5)
        grid.setVerticalSpacing(0)
        self._colours: dict[str, str] = {}
        self.menus: dict[str, LayerMenu] = {}
        grid.addWidget(self._build_grip(), 0, 0, len(ALL_LAYERS) + 1, 1)
        for row, layer in enumerate(ALL_LAYERS):
            self._add_row(grid, row, layer)
        grid.addWidget(self._build_more(), len(ALL_LAYERS), 1, 1, 6)
        self.set_expanded(False)
        self.apply_palette(palette)

    def _build_grip(self) -> QToolButton:
        self._grip = QToolButton()
        self._grip.setObjectName("layerPanelGrip")
        self._grip.setCheckable(True)
        self._grip.setIconSize(QSize(12, 12))
        self._grip.setFixedWidth(16)
        self._grip.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self._grip.clicked.connect(self.set_expanded)
        return self._grip

    def _build_more(self) -> QToolButton:
        self._more = QToolButton()
        self._more.setObjectName("moreLayers")
        self._more.setText(tr("Probes"))
        self._more.setCheckable(True)
        self._more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._more.setToolTip(tr("Show or hide the layers of the map's probes"))
        self._more.toggled.connect(self._show_rows)
        self._more.toggled.connect(self._resize)
        return self._more

    def _add_row(self, grid: QGridLayout, row: int, layer: str) -> None:
        self.sliders[layer] = self._build_slider(layer)
        self.eyes[layer] = self._build_eye(layer, KEYS[layer])
        swatch, count = CardLabel(self), CardLabel(self)
        name = CardLabel(self, tr(NAMES[layer]))
        swatch.setFixedSize(SWATCH, SWATCH)
        count.setObjectName(f"count_{layer}")
        count.setProperty("muted", True)
        count.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for label in (swatch, name, count):
            label.setToolTip(tr(TIPS[layer]))
        menu = self.menus[layer] = LayerMenu(layer)
        menu.colour_chosen.connect(self.colour_chosen)
        menu.move_wanted.connect(self.move_wanted)
        row_widgets = (menu, self.sliders[layer], self.eyes[layer], swatch, name, count)
        for column, widget in enumerate(row_widgets, start=1):
            grid.addWidget(widget, row, column)
        self._swatches[layer], self._names[layer], self._counts[layer] = swatch, name, count

    def _build_eye(self, layer: str, key: str) -> QToolButton:
        eye = QToolButton()
        eye.setObjectName(f"eye_{layer}")
        eye.setCheckable(True)
        eye.setChecked(layer in LAYERS)
        eye.setIconSize(QSize(16, 16))
        eye.setFixedSize(24, 22)
        eye.setAccessibleName(tr("Show layer {name}", name=tr(NAMES[layer])))
        eye.setToolTip(tr("Show or hide this layer ({key})", key=key))
        eye.toggled.connect(self._on_eye)
        return eye

    def _build_slider(self, layer: str) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setObjectName(f"opacity_{layer}")
        slider.setAccessibleName(tr("Opacity of layer {name}, in percent", name=tr(NAMES[layer])))
        slider.setRange(0, 100)
        slider.setPageStep(10)
        slider.setFixedWidth(84)
        slider.valueChanged.connect(self._on_opacity)
        return slider

    @property
    def expanded(self) -> bool:
        """Whether the opacities are out."""
        return self._grip.isChecked()

    def set_expanded(self, expanded: bool) -> None:
        """Slide the opacities out or in."""
        self._grip.setChecked(expanded)
        self._show_rows()
        tip = tr(
            "Hide opacity, colour and order of each layer"
            if expanded
            else "Show opacity, colour and order of each layer"
        )
        self._grip.setToolTip(tip)
        self._grip.setAccessibleName(tip)
        self._grip.setIcon(icon("step-forward" if expanded else "step-back", self._quiet()))
        self._resize()

    def set_room(self, *, names: bool, counts: bool) -> None:
        """Leave out the points' numbers, or the names too, where there is little room.

        The names come out with the opacities.
        """
        if (names, counts) != self._room:
            self._room = names, counts
            self._show_rows()
            self._resize()

    def _show_rows(self, *_: object) -> None:
        """Show the rows that there is a reason for, and what there is room for of each."""
        names, counts = self._room
        for layer in ALL_LAYERS:
            eye = self.eyes[layer]
            here = layer in LAYERS or self._more.isChecked() or eye.isChecked()
            eye.setVisible(here)
            self._swatches[layer].setVisible(here)
            named = here and (names or self.expanded)
            if named and self._names[layer].isHidden():
                self._names[layer].ensurePolished()  # the style sheet's first look undoes colours
                self._show_state(layer)
            self._names[layer].setVisible(named)
            self._counts[layer].setVisible(here and counts)
            self.sliders[layer].setVisible(here and self.expanded)
            self.menus[layer].setVisible(here and self.expanded)
        opened = self._more.isChecked()
        self._more.setArrowType(Qt.ArrowType.UpArrow if opened else Qt.ArrowType.DownArrow)

    def set_note(self, layer: str, note: str, tip: str = "") -> None:
        """Say in the place of a count what a probe is about: "…" while it is made, "none".

        Args:
            layer: The layer.
            note: At most a few letters.
            tip: Why there is none; its usual tip when "".
        """
        if self._notes.get(layer) == (note, tip):
            return
        self._notes[layer] = note, tip
        self._counts[layer].setText(note)
        for label in (self._counts[layer], self._names[layer]):
            label.setToolTip(tip or tr(TIPS[layer]))

    def note(self, layer: str) -> str:
        """What stands in the place of a layer's count."""
        return self._counts[layer].text()

    def set_colour(self, layer: str, colour: str) -> None:
        """Show a layer's colour, #rrggbb; its own when ""."""
        self._colours[layer] = colour
        self._show_state(layer)

    def set_count(self, layer: str, count: int) -> None:
        """Show how many points a layer has."""
        self._counts[layer].setText(f"{count:,}" if count else "–")

    def set_name(self, layer: str, name: str) -> None:
        """Rename a layer, e.g. with the number of its steps."""
        if self._names[layer].text() == name:
            return
        self._names[layer].setText(name)
        self._resize()

    def set_by_class(self, on: bool) -> None:
        """Take the layers' colours off the card while they are drawn in those of classes."""
        if on != self._by_class:
            self._by_class = on
            for layer in LAYERS:
                self._show_state(layer)

    def set_visible(self, layer: str, visible: bool) -> None:
        """Open or close a layer's eye without telling anyone."""
        eye = self.eyes[layer]
        eye.blockSignals(True)
        eye.setChecked(visible)
        eye.blockSignals(False)
        self._show_state(layer)
        self._refit()

    def set_opacity(self, layer: str, opacity: float) -> None:
        """Move a layer's slider to an opacity in [0, 1] without telling anyone."""
        slider = self.sliders[layer]
        slider.blockSignals(True)
        slider.setValue(round(100 * opacity))
        slider.blockSignals(False)
        slider.setToolTip(
            tr("Opacity of {name}: {value} %", name=tr(NAMES[layer]), value=slider.value())
        )

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        super().apply_palette(palette)
        self.setStyleSheet(
            "QToolButton { padding: 0; border-radius: 5px; }"
            "QToolButton:checked { background: transparent; border-color: transparent; }"
            f"QToolButton:hover {{ background: {palette.grid}; }}"
            f"QToolButton:focus {{ border-color: {palette.accent}; }}"
        )
        measure = self.fontMetrics().horizontalAdvance
        usual = max(map(measure, map_names(False, "euler", USUAL_STEPS)))
        for layer in ALL_LAYERS:
            self._names[layer].setMinimumWidth(usual + 2)
            self._counts[layer].setMinimumWidth(measure(USUAL_COUNT) + 2)
            self.menus[layer].apply_palette(palette)
            self._show_state(layer)
        self.set_expanded(self.expanded)

    def _show_state(self, layer: str) -> None:
        shown = self.eyes[layer].isChecked()
        self.eyes[layer].setIcon(icon("eye" if shown else "eye-off", self._quiet()))
        own = layer_colour(self._palette, layer)
        grey = self._by_class and layer in LAYERS
        colour = self._palette.muted if grey else self._colours.get(layer) or own
        swatch = _swatch(colour, shown, self.devicePixelRatioF())
        self._swatches[layer].setPixmap(swatch)
        # A palette, since style sheets take long.
        colours = self._names[layer].palette()
        ink = self._palette.text if shown else self._palette.muted
        colours.setColor(QPalette.ColorRole.WindowText, QColor(ink))
        self._names[layer].setPalette(colours)

    def _quiet(self) -> Palette:
        """Four open eyes in the accent colour would outshine the clouds."""
        muted = self._palette.muted
        return replace(self._palette, text=muted, accent=muted)

    def _refit(self) -> None:
        """The row of a probe comes and goes with its eye while the probes are folded in."""
        self._show_rows()
        self._resize()

    def _resize(self, *_: object) -> None:
        self.layout().activate()
        self.resize(self.sizeHint())
        self.resized.emit()

    def _on_eye(self, shown: bool) -> None:
        layer = self.sender().objectName().removeprefix("eye_")
        self._show_state(layer)
        self._refit()
        self.visibility_toggled.emit(layer, shown)

    def _on_opacity(self, value: int) -> None:
        layer = self.sender().objectName().removeprefix("opacity_")
        self.opacity_changed.emit(layer, value / 100)


def _swatch(colour: str, filled: bool, ratio: float) -> QPixmap:
    """A disc in the layer's colour, or a ring where the layer is hidden."""
    pixmap = QPixmap(round(SWATCH * ratio), round(SWATCH * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(colour), 1.2))
    painter.setBrush(QColor(colour) if filled else Qt.BrushStyle.NoBrush)
    painter.drawEllipse(QRectF(0, 0, SWATCH, SWATCH).adjusted(1, 1, -1, -1))
    painter.end()
    return pixmap
