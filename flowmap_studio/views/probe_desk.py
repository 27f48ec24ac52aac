"""Between the probes, the stage's layers and the panel of read-outs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QDockWidget

from flowmap_studio.core.drawing.heats import HEATS
from flowmap_studio.core.drawing.layers import LINE_WIDTH, OPACITY
from flowmap_studio.core.probing.values import (
    LAYER_PROBES,
    READINGS,
    TRACE,
    Heat,
    Lines,
    Paths,
    ProbeAnswer,
    Residuals,
    Trace,
)
from flowmap_studio.runtime.frames import Frame
from flowmap_studio.views.stage_actions import PROBE_ACTIONS
from flowmap_studio.views.stage_layers.followed import Followed
from flowmap_studio.views.stage_layers.items import HeatItem, LinesItem, PathsItem
from flowmap_studio.views.stage_layers.picking import inside, nearest
from flowmap_studio.views.stage_layers.pointer import StagePointer
from flowmap_studio.views.texts import told, tr
from flowmap_studio.views.theme import Palette

if TYPE_CHECKING:
    from flowmap_studio.views.window import StudioWindow

PICKED = ("one_step", "composed", "source", "data")
"""Layers whose points can be picked, the first of those that are equally near."""
NEIGHBOURS = 64
ZOOM, PAN = 1.25, 0.1
"""By one key: times as near, and share of what is seen."""
COMING = "…"
NONE = "none"


class ProbeDesk(QObject):
    """Asks for the probes that are seen, and shows them.

    Args:
        window: Its session, stage and panel are used; it is the owner.
        palette: Colours.
    """

    def __init__(self, window: StudioWindow, palette: Palette) -> None:
        super().__init__(window)
        self._window = window
        self._stage = stage = window.stage
        self._control = window.session.probes
        self.trajectories = PathsItem(LINE_WIDTH["trajectories"])
        self.lines = {layer: LinesItem(LINE_WIDTH[layer]) for layer in ("grid", "velocity")}
        self.heats = {layer: HeatItem(layer) for layer in HEATS}
        items = {**self.lines, **self.heats, "trajectories": self.trajectories}
        for layer in LAYER_PROBES:
            stage.add_layer(layer, items[layer], OPACITY[layer])
        self.followed = Followed(stage.plot)
        self.pointer = StagePointer(stage.plot)
        self.pointer.clicked.connect(self._on_click)
        self.pointer.lassoed.connect(self._on_lasso)
        stage.layer_changed.connect(self._on_layer)
        stage.projection_changed.connect(self._on_projection)
        self._control.answered.connect(self._show)
        self._control.forgotten.connect(window.probe_panel.forget_readings)
        self._control.failed.connect(window.session.failed)
        window.session.frame_changed.connect(self._on_frame)
        window.session.view_reset.connect(self._on_other_data)
        window.findChild(QDockWidget, "probesDock").visibilityChanged.connect(self._on_panel)
        pingpong = window.actions_by_name["pingPongAction"]
        window.time_bar.transport.ping_pong_changed.connect(pingpong.setChecked)
        self.apply_palette(palette)

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        for item in self.heats.values():
            item.set_other_colours(palette.muted, palette.danger)
        self._stage.refresh_scales()
        self.pointer.set_colour(palette.accent)
        self.followed.apply_palette(palette)

    # --- intents ------------------------------------------------------------------------------

    def trace_by(self, by: int) -> None:
        """Trace the noise point that is so many places after the traced one."""
        trace, frame = self._control.trace, self._window.session.frame
        if frame is not None:
            here = trace.rows[0] + by if trace is not None and trace.rows else 0
            self._trace_row(here % len(frame.clouds["source"]))

    def set_lasso(self) -> None:
        """Let dragging draw a lasso, or pan again."""
        self.pointer.set_lasso(not self.pointer.lasso)
        self._window.actions_by_name["lassoAction"].setChecked(self.pointer.lasso)

    def follow_neighbours(self) -> None:
        """Follow the points that are nearest to the traced one, or to the first, at this time."""
        trace, frame = self._control.trace, self._window.session.frame
        if frame is None:
            return
        row = trace.rows[0] if trace is not None and trace.rows else 0
        cloud = frame.clouds["one_step"]
        row = row if row < len(cloud) else 0  # a large cloud is not all there while it moves
        order = np.argsort(np.linalg.norm(cloud - cloud[row], axis=1), kind="stable")
        self._follow(order[:NEIGHBOURS])

    def forget(self) -> None:
        """Follow nothing any more."""
        self._control.follow(None)
        self.followed.show_paths(None)
        self._window.probe_panel.show_trace(None)
        self._follow(np.empty(0, np.int64))

    def _on_click(self, x: float, y: float, reach: float) -> None:
        frame = self._window.session.frame
        if frame is None:
            return
        seen = [layer for layer in PICKED if self._stage.is_layer_visible(layer)]
        clouds = {layer: self._stage.seen(frame.clouds[layer]) for layer in seen}
        found = nearest(clouds, seen, (x, y), reach)
        if found is None:
            return
        layer, row = found
        if layer == "data":
            self._control.follow(Trace(frame.clouds["data"][[row]].astype(np.float64), 1.0))
        else:
            self._trace_row(row)

    def _trace_row(self, row: int) -> None:
        frame = self._window.session.frame
        if frame is not None:
            noise = frame.clouds["source"][[row]].astype(np.float64)
            self._control.follow(Trace(noise, 0.0, (int(row),)))

    def _on_lasso(self, corners: npt.NDArray[np.float64]) -> None:
        frame = self._window.session.frame
        seen = [layer for layer in PICKED[:3] if self._stage.is_layer_visible(layer)]
        if frame is None or not seen:
            self._window.message_bar.show_message(
                "info", tr("Show a cloud that moves, such as One step, to follow its points.")
            )
            return
        self._follow(np.flatnonzero(inside(self._stage.seen(frame.clouds[seen[0]]), corners)))

    def _follow(self, rows: npt.NDArray[np.int64]) -> None:
        self.followed.rows = rows
        frame = self._window.session.frame
        if frame is not None:
            self.followed.show_frame(frame)
            self._window.probe_panel.show_group(self.followed.members)

    # --- news ---------------------------------------------------------------------------------

    def _on_layer(self, layer: str, visible: bool, opacity: float) -> None:
        del opacity
        if layer in LAYER_PROBES:
            self._control.want(layer, visible)
            self._stage.refresh_scales()
            self._show_notes()

    def _on_panel(self, visible: bool) -> None:
        for name in READINGS:
            self._control.want(name, visible)

    def _on_frame(self, frame: Frame) -> None:
        self.trajectories.set_time(frame.request.t)
        self.followed.show_frame(frame)
        self._window.probe_panel.show_group(self.followed.members)
        self._show_notes()

    def _on_projection(self) -> None:
        frame = self._stage.projection()
        self.trajectories.set_projection(frame)
        self.followed.set_projection(frame)

    def _on_other_data(self) -> None:
        self.forget()
        for item in (*self.lines.values(), *self.heats.values()):
            item.set_value(None)
        self.trajectories.set_paths(None)
        self._stage.refresh_scales()

    def _show_notes(self) -> None:
        for layer in LAYER_PROBES:
            answer = self._control.answers.get(layer)
            seen = self._stage.is_layer_visible(layer)
            if not seen:
                self._stage.panel.set_note(layer, "")
            elif answer is None or not self._control.is_fresh(layer):
                self._stage.panel.set_note(layer, COMING)
            else:
                self._stage.panel.set_note(layer, *_note(answer))

    def _show(self, answer: ProbeAnswer) -> None:
        name, value = answer.name, answer.value
        if name in self.lines:
            self.lines[name].set_value(value if isinstance(value, Lines) else None)
        elif name in self.heats:
            self.heats[name].set_value(value if isinstance(value, Heat) else None)
            self._stage.refresh_scales()
        elif name == "trajectories":
            self.trajectories.set_paths(value if isinstance(value, Paths) else None)
        elif name == TRACE:
            paths = value if isinstance(value, Paths) else None
            self.followed.show_paths(paths)
            self._window.probe_panel.show_trace(paths)
        elif isinstance(value, float | Residuals) or value is None:
            self._window.probe_panel.show_reading(name, value, told(answer.sentence))
        if answer.sentence and name not in READINGS:
            self._window.message_bar.show_message("info", answer.sentence)
        self._show_notes()


def _note(answer: ProbeAnswer) -> tuple[str, str]:
    """What stands beside a layer's name, and its tip."""
    if answer.sentence:
        return tr(NONE), told(answer.sentence)
    if isinstance(answer.value, Heat) and answer.value.folded.any():
        share = f"{100 * answer.value.folded.mean():.1f} %"
        return share, tr("The map folds at {share} of the places shown", share=share)
    if isinstance(answer.value, Heat) and answer.name == "semigroup":
        mean = f"{np.sqrt(np.square(answer.value.values).mean()):.3f}"
        return mean, tr("Root mean square: {mean} of the data's spread", mean=mean)
    return "", ""


def stage_handlers(window: StudioWindow) -> dict[str, Callable[[], object]]:
    """What the actions of the stage do; the desks are made after the actions."""
    stage, bar, stages = window.stage, window.time_bar, window.stages

    def shows(layer: str) -> Callable[[], object]:
        return lambda: stage.toggle_layer(layer)

    return {
        **{action: shows(layer) for layer, action in PROBE_ACTIONS.items()},
        "zoomInAction": lambda: stages.plot().zoom(ZOOM),
        "zoomOutAction": lambda: stages.plot().zoom(1 / ZOOM),
        "lookLeftAction": lambda: stages.plot().pan(-PAN, 0),
        "lookRightAction": lambda: stages.plot().pan(PAN, 0),
        "lookUpAction": lambda: stages.plot().pan(0, PAN),
        "lookDownAction": lambda: stages.plot().pan(0, -PAN),
        "pingPongAction": lambda: bar.transport.set_ping_pong(not bar.playback.ping_pong),
        "bookmarkTimeAction": lambda: window.bookmark_desk.toggle_time(),
        "nextTimeAction": lambda: window.bookmark_desk.go_to_time(1),
        "previousTimeAction": lambda: window.bookmark_desk.go_to_time(-1),
        "bookmarkStepAction": lambda: window.bookmark_desk.toggle_step(),
        "nextStepAction": lambda: window.bookmark_desk.go_to_step(1),
        "previousStepAction": lambda: window.bookmark_desk.go_to_step(-1),
        "traceNextAction": lambda: window.probe_desk.trace_by(1),
        "tracePreviousAction": lambda: window.probe_desk.trace_by(-1),
        "lassoAction": lambda: window.probe_desk.set_lasso(),
        "groupAction": lambda: window.probe_desk.follow_neighbours(),
        "forgetAction": lambda: window.probe_desk.forget(),
    }
