"""Shows the session's news in the views: state, settings, clouds, losses, quality and history."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QUndoStack

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.drawing.layers import LAYERS
from flowmap_studio.core.history import LossHistory
from flowmap_studio.core.methods import METHODS, term_states
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.solvers import SOLVERS
from flowmap_studio.runtime.frames import Frame, FrameRequest, Sampling
from flowmap_studio.runtime.session import State
from flowmap_studio.views import theme
from flowmap_studio.views.action_states import ActionStates, action_states
from flowmap_studio.views.icons import icon
from flowmap_studio.views.lattice_check import error_text
from flowmap_studio.views.sampling_texts import map_names, sampling_text, some_text
from flowmap_studio.views.texts import told, tr

if TYPE_CHECKING:
    from flowmap_studio.views.window import StudioWindow


CURVES_MS = 300
"""Between two drawings of the losses of a run. Each takes 9 ms of the window, in which the training
waits for Python's lock."""


def layer_names(request: FrameRequest) -> tuple[str, str]:
    """What the one-step and the composed cloud of a frame are called."""
    sampling, rival = request.sampling, request.sampling.rival
    velocity = _is_velocity(request.snapshot)
    one_step, composed = map_names(velocity, sampling.solver, request.steps)
    if rival is not None:
        way = sampling_text(_is_velocity(rival.snapshot), rival.solver, rival.steps)
        composed = f"{rival.name}: {way}"
    return one_step, composed


def caption(request: FrameRequest, addition: str = "") -> str:
    """What stands below a frame: its time, the map's training step and stage, and an addition."""
    snapshot = request.snapshot
    step = tr("step {step:,}", step=snapshot.step)
    parts = (f"t = {request.t:.3f}", step, told(snapshot.stage), addition)
    return " · ".join(filter(None, parts))


def _is_velocity(snapshot: Snapshot) -> bool:
    return METHODS[snapshot.config.method].clock == "start"


class SessionMirror(QObject):
    """Connects the session's signals to the window's views.

    Args:
        window: Its views, session and actions are used; it is the owner.
        undo: The window's changes of settings.
        palette: Colours.
    """

    def __init__(self, window: StudioWindow, undo: QUndoStack, palette: theme.Palette) -> None:
        super().__init__(window)
        self._window = window
        self._session = session = window.session
        self._actions = window.actions_by_name
        self._undo = undo
        self._palette = palette
        self._warm = False
        self._drawn: LossHistory | None = None
        self._count = 0  # of the losses that are drawn
        self._curves_rest = QTimer(self)  # while it is active, newer losses wait
        self._curves_rest.setSingleShot(True)
        self._curves_rest.setInterval(CURVES_MS)
        self._curves_rest.timeout.connect(self._draw_losses)
        undo.setParent(self)  # it speaks once more when it is destroyed: not before its listener
        undo.indexChanged.connect(self.show_undo)
        session.state_changed.connect(self.show_state)
        session.config_changed.connect(self.show_config)
        session.frame_changed.connect(self.show_frame)
        session.losses_changed.connect(self.show_losses)
        session.quality_changed.connect(self.show_quality)
        session.snapshots_changed.connect(self.show_history)
        session.view_reset.connect(window.stage.reset_view)
        session.rate_changed.connect(window.status.show_rate)
        session.sampling_changed.connect(self.show_sampling)
        session.device_changed.connect(window.status.show_device)
        self.show_config(session.config)
        self.show_state(session.state)

    def apply_palette(self, palette: theme.Palette) -> None:
        """Take the palette's colours."""
        self._palette = palette
        self.show_state(self._session.state)
        self._window.loss_plot.refresh()

    def show_state(self, state: State) -> None:
        """Name the state and enable what it allows."""
        states: ActionStates = action_states(state, has_map=self._session.snapshot is not None)
        for name, enabled in states.enabled.items():
            self._actions[name].setEnabled(enabled)
        train = self._actions["trainAction"]
        train.setText(tr(states.train_text))
        # The button is filled with the accent: its icon takes the other palette's text colour.
        contrast = theme.LIGHT if self._palette.dark else theme.DARK
        train.setIcon(icon(states.train_icon, contrast))
        reason = tr("Stop the run to change this") if not states.editable else ""
        self._window.form.set_editable(editable=states.editable, reason=reason)
        self._window.tool_bar.set_editable(states.editable, reason)
        self._window.status.show_state(state.value)
        self._window.time_bar.playback.set_calm(self._session.training)
        self.show_undo()

    def show_undo(self) -> None:
        """Enable undo and redo where there is something to undo; settings of a run stay."""
        free = self._session.state in (State.IDLE, State.FAILED)
        self._actions["undoAction"].setEnabled(free and self._undo.canUndo())
        self._actions["redoAction"].setEnabled(free and self._undo.canRedo())

    def show_config(self, config: RunConfig) -> None:
        """Show settings in form, tool bar and loss plot."""
        self._window.form.set_config(config)
        self._window.tool_bar.show_config(config)
        states = term_states(config.method, config.parametrisation, config.density_head)
        self._window.loss_plot.set_term_states(states)

    def show_frame(self, frame: Frame) -> None:
        """Put clouds on the stage."""
        stage, request = self._window.stage, frame.request
        snapshot = request.snapshot
        stage.set_clouds({layer: frame.clouds[layer] for layer in LAYERS}, frame.labels)
        stage.set_classes(snapshot.classes)
        stage.set_layer_names(*layer_names(request))
        addition = some_text(frame) or error_text(frame.cached_error)
        stage.set_caption(caption(request, addition))
        self._window.time_bar.lattice_check.show_axes(snapshot.dim)
        self._window.time_bar.points_combo.show_images(snapshot.image is not None)
        bar = self._window.time_bar.sampling
        velocity = _is_velocity(snapshot)
        bar.show_velocity(velocity)
        adaptive = velocity and not SOLVERS[request.sampling.solver].stages
        self._window.time_bar.name_steps(velocity=velocity, chosen=not adaptive)
        bar.show_classes(snapshot.classes)
        bar.show_evaluations(frame.evaluations)
        self.show_sampling(self._session.sampling)
        # The first calls of all make themselves at home: no news about the map's speed.
        seconds = frame.seconds if self._warm else None
        self._warm = True
        self._window.status.show_frame(seconds, len(frame.clouds["one_step"]))

    def show_sampling(self, sampling: Sampling) -> None:
        """Show how the clouds are sampled."""
        bar = self._window.time_bar.sampling
        bar.show_sampling(sampling.solver, sampling.label, sampling.guidance)
        self._window.time_bar.points_combo.show_count(sampling.points)

    def show_losses(self) -> None:
        """Draw the losses, those of the same run only now and then."""
        if self._drawn is not self._session.losses or not self._curves_rest.isActive():
            self._draw_losses()

    def _draw_losses(self) -> None:
        losses = self._session.losses
        news = losses is not self._drawn or len(losses) != self._count
        self._drawn, self._count = losses, len(losses)
        if news:
            self._window.loss_plot.set_history(losses)
            self._curves_rest.start()

    def show_quality(self) -> None:
        """Draw the measured figures."""
        quality, plot = self._session.quality, self._window.quality_plot
        if quality.jumps:
            plot.set_composed_steps(quality.jumps[-1])
        series = {"one_step": quality.one_step, "composed": quality.composed}
        plot.set_points(quality.steps, series, quality.floor)

    def show_history(self) -> None:
        """Show which place of the training history is on stage."""
        session = self._session
        steps, shown = session.snapshots.steps, session.snapshot
        # The shown snapshot may have been thinned out of the history since.
        index = bisect_left(steps, shown.step) if shown else 0
        place = max(0, min(index, len(steps) - 1))
        self._window.time_bar.history.show_steps(steps, place, live=session.live)
        for name in ("savePresetAction", "exportAction", "copyPictureAction"):
            self._actions[name].setEnabled(shown is not None)
