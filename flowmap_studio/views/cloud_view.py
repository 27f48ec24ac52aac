"""The stage: source, data, one-step and composed clouds as layers on equal axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from flowmap_studio.core.drawing.axes import robust_extent
from flowmap_studio.core.drawing.layers import (
    BACK_TO_FRONT,
    LAYERS,
    MARKER_SCALE,
    START_OPACITY,
    layer_colour,
)
from flowmap_studio.core.probing.values import Heat, Lines
from flowmap_studio.core.projections import projected
from flowmap_studio.views.points_item import PointsItem
from flowmap_studio.views.sampling_texts import map_names
from flowmap_studio.views.stage_layers.items import HeatItem, ProbeItem, StageItem
from flowmap_studio.views.stage_overlays import StageOverlays
from flowmap_studio.views.stage_plot import StagePlot
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette


class CloudView(QWidget):
    """Clouds in data units; drag to pan, wheel to zoom, double click to fit.

    Every layer is visible at first. The view moves only when the user or `fit` moves it, and when
    the first clouds after `reset_view` come.
    """

    layerChanged = layer_changed = Signal(str, bool, float)  # noqa: N815 - Qt's habit
    """A layer's name, whether it is visible, and its opacity in [0, 1]."""
    projection_changed = Signal()

    def __init__(self, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("stage")
        self.setAccessibleName(tr("Stage: point clouds at the chosen flow time"))
        self.setMinimumSize(320, 240)
        self._visible = dict.fromkeys(LAYERS, True)
        self._projection: npt.NDArray[np.floating] | None = None
        self._given: dict[str, tuple[npt.NDArray[np.floating], npt.ArrayLike | None]] = {}
        """Points and labels by layer, as they came."""
        self._opacity = dict(START_OPACITY)
        self._awaited = {"source", "data"}
        """Layers that the next fit waits for."""
        self._wanted_area: tuple[float, float, float, float] | None = None
        self._plot = StagePlot(palette, self)
        self._plot.fit_wanted.connect(self.fit)
        self._items = {
            layer: PointsItem(palette.layer(layer), MARKER_SCALE[layer]) for layer in LAYERS
        }
        for layer, item in self._items.items():
            item.setZValue(BACK_TO_FRONT.index(layer))
            item.set_opacity(self._opacity[layer])
            self._plot.addItem(item, ignoreBounds=True)
        self._over: dict[str, ProbeItem] = {}
        self._order = [layer for layer in BACK_TO_FRONT if layer in LAYERS]
        self._colours: dict[str, str] = {}
        self._build_overlays(palette)
        self._colour(palette)

    def _build_overlays(self, palette: Palette) -> None:
        self._overlays = StageOverlays(self._plot, palette, self)
        self._overlays.fit_button.clicked.connect(self.fit)
        self.panel = self._overlays.panel
        self.legend, self.scales = self._overlays.legend, self._overlays.scales
        for layer in LAYERS:
            self.panel.set_opacity(layer, self._opacity[layer])
            self.panel.set_count(layer, 0)
        self.panel.visibility_toggled.connect(self.set_layer_visible)
        self.panel.opacity_changed.connect(self.set_layer_opacity)
        self.panel.colour_chosen.connect(self.set_layer_colour)
        self.panel.move_wanted.connect(self.move_layer)
        self._overlays.show_empty(True)

    # --- layers -------------------------------------------------------------------------------

    def set_cloud(self, layer: str, points: npt.ArrayLike) -> None:
        """Show these points as a layer; the stage is painted once after any number of calls.

        Args:
            layer: One of `LAYERS`.
            points: (n, d ≥ 2) points in data units, copied; the first two columns are drawn, and
                points that are not finite are left out.

        Raises:
            KeyError: There is no such layer.
            ValueError: The points have another shape.
        """
        self._set_points(layer, points)
        if layer in self._awaited and len(self._items[layer]):
            self._awaited.discard(layer)
            self.fit()

    def set_clouds(
        self,
        clouds: Mapping[str, npt.ArrayLike],
        labels: Mapping[str, npt.ArrayLike] = MappingProxyType({}),
    ) -> None:
        """Show several layers at once; fits the view if it is the first time since `reset_view`.

        Args:
            clouds: Points by layer, see `set_cloud`.
            labels: (n,) classes by layer: those layers are drawn in the classes' colours.
        """
        for layer, points in clouds.items():
            self._set_points(layer, points, labels.get(layer))
        if self._awaited and any(len(self._items[layer]) for layer in clouds):
            self._awaited.clear()
            self.fit()
            if self._wanted_area is not None:
                left, right, bottom, top = self._wanted_area
                self._plot.move_to((left, bottom), (right, top))

    def _set_points(
        self, layer: str, points: npt.ArrayLike, labels: npt.ArrayLike | None = None
    ) -> None:
        item = self._items[layer]
        given = np.asarray(points)
        self._given[layer] = given, labels
        item.set_points(self.seen(given), labels)
        self.panel.set_count(layer, len(item))
        empty = not any(map(len, self._items.values()))
        if empty == self._overlays.empty.isHidden():
            self._overlays.show_empty(empty)

    def seen(self, points: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """(n, 2) what is seen of points (n, d)."""
        return projected(points, self._projection) if points.ndim == 2 else points

    def set_projection(self, frame: npt.NDArray[np.floating] | None) -> None:
        """See points of d axes along two directions, (d, 2); the first two axes when None."""
        self._projection = frame
        for layer, (points, labels) in self._given.items():
            self._items[layer].set_points(self.seen(points), labels)
        self.projection_changed.emit()

    def projection(self) -> npt.NDArray[np.floating] | None:
        """The two directions along which points are seen, (d, 2); None for the first two axes."""
        return self._projection

    def displayed(self, layer: str) -> npt.NDArray[np.floating]:
        """The points of a layer that are drawn now.

        Returns:
            (n, 2) copy in data units; (0, 2) where the layer is hidden or empty.
        """
        item = self._items[layer]
        return item.points if self._visible[layer] else np.empty((0, 2))

    def set_layer_visible(self, layer: str, visible: bool) -> None:
        """Show or hide a layer."""
        if visible == self._visible[layer]:
            return
        self._visible[layer] = visible
        self._item(layer).setVisible(visible)
        self.panel.set_visible(layer, visible)
        self.layer_changed.emit(layer, visible, self._opacity[layer])

    def is_layer_visible(self, layer: str) -> bool:
        """Whether a layer's eye is open."""
        return self._visible[layer]

    def toggle_layer(self, layer: str) -> None:
        """Open or close a layer's eye."""
        self.set_layer_visible(layer, not self._visible[layer])

    def layer_opacity(self, layer: str) -> float:
        """A layer's opacity in [0, 1]."""
        return self._opacity[layer]

    def set_layer_opacity(self, layer: str, opacity: float) -> None:
        """Set a layer's opacity; numbers outside [0, 1] are taken as the nearer end."""
        opacity = min(max(float(opacity), 0.0), 1.0)
        self.panel.set_opacity(layer, opacity)
        if opacity == self._opacity[layer]:
            return
        self._opacity[layer] = opacity
        self._item(layer).set_opacity(opacity)
        self.layer_changed.emit(layer, self._visible[layer], opacity)

    def add_layer(self, layer: str, item: ProbeItem, opacity: float) -> None:
        """Bring a layer that is no cloud to the stage, hidden at first; see `BACK_TO_FRONT`."""
        self._over[layer] = item
        self._visible[layer], self._opacity[layer] = False, opacity
        item.setVisible(False)
        item.set_opacity(opacity)
        item.set_colour(layer_colour(self._palette, layer))
        self.panel.set_opacity(layer, opacity)
        self._order = sorted((*self._order, layer), key=BACK_TO_FRONT.index)
        self._plot.addItem(item, ignoreBounds=True)
        self._stack()

    def clouds(self) -> dict[str, npt.NDArray[np.floating]]:
        """(n, 2) what is seen of the points of each visible cloud, as many as came."""
        return {
            layer: self.seen(points)
            for layer, (points, _) in self._given.items()
            if self._visible[layer]
        }

    def shapes(self) -> dict[str, Lines | Heat]:
        """What is drawn besides the clouds, by layer: the visible lines and pictures."""
        found = {layer: item.shape() for layer, item in self._over.items() if self._visible[layer]}
        return {layer: shape for layer, shape in found.items() if shape is not None}

    def layer_order(self) -> tuple[str, ...]:
        """The layers from the back to the front."""
        return tuple(self._order)

    def set_layer_order(self, order: Sequence[str]) -> None:
        """Stack the layers in this order from the back; those that it lacks keep their places."""
        known = [layer for layer in order if layer in self._order]
        places = iter(known)
        self._order = [next(places) if layer in known else layer for layer in self._order]
        self._stack()

    def move_layer(self, layer: str, by: int) -> None:
        """Bring a layer forward (1) or send it backward (-1) by one place."""
        here = self._order.index(layer)
        self._order.insert(max(0, here + by), self._order.pop(here))
        self._stack()

    def layer_colour(self, layer: str) -> str:
        """The colour that the user gave a layer, #rrggbb; "" for its own."""
        return self._colours.get(layer, "")

    def set_layer_colour(self, layer: str, colour: str) -> None:
        """Draw a layer in a colour, #rrggbb, or in its own again for ""."""
        self._colours[layer] = colour
        self.panel.set_colour(layer, colour)
        self._item(layer).set_colour(colour or layer_colour(self._palette, layer))
        self.refresh_scales()

    def refresh_scales(self) -> None:
        """Say anew what the colours of the pictures mean: one of them is another."""
        found = {
            layer: item.scale()
            for layer, item in self._over.items()
            if isinstance(item, HeatItem) and self._visible[layer]
        }
        self.scales.set_scales({name: scale for name, scale in found.items() if scale is not None})
        self._overlays.place()

    def _stack(self) -> None:
        for depth, layer in enumerate(self._order):
            self._item(layer).setZValue(depth)

    def _item(self, layer: str) -> StageItem:
        found: StageItem = self._over[layer] if layer in self._over else self._items[layer]
        return found

    def set_composed_steps(self, steps: int) -> None:
        """Name the composed layer of a map after its number of steps."""
        self.set_layer_names(*map_names(False, "euler", steps))

    def set_layer_names(self, one_step: str, composed: str) -> None:
        """Name the two layers that the map makes: a velocity's are an ODE solver's."""
        self.panel.set_name("one_step", one_step)
        self.panel.set_name("composed", composed)

    def set_classes(self, names: Sequence[str]) -> None:
        """Show a legend of these classes, or none."""
        if tuple(names) == self.legend.names:
            return
        self.legend.set_names(names)
        self.panel.set_by_class(bool(names))
        self._overlays.place()

    # --- view ---------------------------------------------------------------------------------

    def reset_view(self, area: tuple[float, float, float, float] | None = None) -> None:
        """Fit the view when the next clouds come: another data set is on stage.

        Args:
            area: Ends (x0, x1, y0, y1) in data units to show instead.
        """
        self._awaited = {"source", "data"}
        self._wanted_area = area

    def area(self) -> tuple[float, float, float, float] | None:
        """Ends (x0, x1, y0, y1) of what is seen, in data units; None while all is fitted."""
        if self._plot.is_fitted():
            return None
        (left, bottom), (right, top) = self._plot.view()
        return float(left), float(right), float(bottom), float(top)

    def fit(self) -> None:
        """Show all of source and data but the farthest points, with a margin.

        Without either of them the generated clouds are shown, without any nothing changes.
        """
        clouds = [self._items[name] for name in ("source", "data") if len(self._items[name])]
        clouds = clouds or [item for item in self._items.values() if len(item)]
        if clouds:
            ends = [robust_extent(item.points) for item in clouds]
            self._plot.fit(np.min(ends, axis=(0, 1)), np.max(ends, axis=(0, 1)))

    @property
    def plot(self) -> StagePlot:
        """What the layers lie on."""
        return self._plot

    def view(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Lower and upper ends (2,) of what is seen, in data units."""
        return self._plot.view()

    def caption(self) -> str:
        """The line in the lower left corner."""
        return self._overlays.caption.text()

    def set_caption(self, text: str) -> None:
        """Show a line in the lower left corner, e.g. time and training step."""
        self._overlays.set_caption(text)

    def set_empty_text(self, text: str) -> None:
        """Say what to do while there is nothing to show."""
        self._overlays.empty.setText(text)

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._plot.apply_palette(palette)
        self._overlays.apply_palette(palette)
        self._colour(palette)

    def _colour(self, palette: Palette) -> None:
        self._palette = palette
        for layer in self._order:
            colour = self._colours.get(layer) or layer_colour(palette, layer)
            self._item(layer).set_colour(colour)
        for item in self._items.values():
            item.set_class_colours(palette.classes)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102 - Qt's
        super().resizeEvent(event)
        # A layout would lay out the whole window anew with each new caption that lies over it.
        self._plot.setGeometry(self.rect())
        self._overlays.make_room()

    def sizeHint(self) -> QSize:  # noqa: D102 - Qt's
        return self._plot.sizeHint()
