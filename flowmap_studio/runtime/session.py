"""The single owner of application state and of the run's state machine (GUI thread)."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from flowmap_studio.core.advice import Advice, advise
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.history import LossHistory
from flowmap_studio.core.presets import read_preset, write_preset
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.runtime.evaluation import Evaluator
from flowmap_studio.runtime.frames import (
    Frame,
    FrameRequest,
    Measurement,
    MeasureRequest,
    PreviewRequest,
)
from flowmap_studio.runtime.mailbox import Mailbox
from flowmap_studio.runtime.quality import QualityHistory
from flowmap_studio.runtime.snapshots import SnapshotHistory
from flowmap_studio.runtime.training import Outcome, TrainingThread

TICK_MS = 33
STOP_LIMIT_MS = 10_000
CORES_WHEN_IDLE = 2
"""Threads of an evaluation while nothing trains; one while something does."""


class State(Enum):
    """What a run is doing."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    FAILED = "failed"


class Session(QObject):
    """Config, run, history, shown snapshot and flow time; views listen to its signals."""

    state_changed = Signal(object)  # State
    config_changed = Signal(object)  # RunConfig
    frame_changed = Signal(object)  # Frame
    losses_changed = Signal()
    quality_changed = Signal()
    snapshots_changed = Signal()
    preset_opened = Signal(object)  # Path
    preset_saved = Signal(object)  # Path
    view_reset = Signal()  # another data set is on stage
    rate_changed = Signal(float, float)  # steps per second, share of the budget
    device_changed = Signal(str)
    message = Signal(str, str)  # kind: info, warning or error; one sentence
    advised = Signal(object)  # Advice
    failed = Signal(str, str)  # one sentence, details

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.config = RunConfig()
        self.state = State.IDLE
        self.losses = LossHistory()
        self.quality = QualityHistory()
        self.snapshots = SnapshotHistory()
        self.snapshot: Snapshot | None = None
        self.frame: Frame | None = None
        self.live = True
        self.unsaved = False
        self.t = 1.0
        self.steps = 8
        self._moving = False
        self._serial = self._run = 0
        self._after_stop: Callable[[], None] | None = None
        self._last_advice = ""
        self._mailbox = Mailbox()
        self._thread: TrainingThread | None = None
        self._evaluator = Evaluator()
        self._evaluator.frame_ready.connect(self._on_frame)
        self._evaluator.measured.connect(self._on_measured)
        self._evaluator.previewed.connect(self._on_previewed)
        self._evaluator.failed.connect(self._on_evaluation_failed)
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)

    def begin(self) -> None:
        """Start answering: the evaluator imports torch, so call it once the window is painted."""
        if not self._evaluator.isRunning():
            self._evaluator.start()

    # --- settings -----------------------------------------------------------------------------

    def set_config(self, config: RunConfig) -> None:
        """Take new settings for the next run; shows a new target's data where nothing is lost."""
        if config == self.config:
            return
        retargeted = config.target != self.config.target
        self.config = config
        self.config_changed.emit(config)
        if retargeted and self.state in (State.IDLE, State.FAILED) and not self.unsaved:
            self._preview()

    # --- the run ------------------------------------------------------------------------------

    def toggle(self) -> None:
        """Start, pause or resume, whichever fits the state."""
        actions = {State.RUNNING: self.pause, State.PAUSED: self.resume}
        actions.get(self.state, self.start)()

    @Slot()
    def start(self) -> None:
        """Begin a fresh run of the present settings."""
        if self._thread is not None:
            return
        self._forget_run()
        self._run += 1
        self._mailbox = Mailbox()
        self._thread = TrainingThread(self._run, self.config, self._mailbox, self._embedded_data())
        self._thread.ended.connect(self._on_ended)
        self._thread.device_found.connect(self._on_device)
        self.live = True
        self._set_state(State.RUNNING)
        self._thread.start()
        self._timer.start()

    def pause(self) -> None:
        """Hold the run; its newest weights come to the stage."""
        if self.state is State.RUNNING and self._thread is not None:
            self._thread.pause()
            self._set_state(State.PAUSED)

    def resume(self) -> None:
        """Go on after a pause."""
        if self.state is State.PAUSED and self._thread is not None:
            self._thread.resume()
            self._set_state(State.RUNNING)

    def stop(self) -> None:
        """End the run; what was learned stays."""
        if self._thread is not None and self.state in (State.RUNNING, State.PAUSED):
            self._thread.request_stop()
            self._set_state(State.STOPPING)

    def reset(self) -> None:
        """End the run, forget it and show the untrained map of the present settings."""
        if self._thread is not None:
            self._after_stop = self.reset
            self.stop()
            return
        self._forget_run()
        self._set_state(State.IDLE)
        self._preview()

    def restart_with(self, config: RunConfig) -> None:
        """End the run and begin another one with these settings."""

        def then() -> None:
            self.set_config(config)
            self.start()

        if self._thread is None:
            then()
        else:
            self._after_stop = then
            self.stop()

    # --- time and history ---------------------------------------------------------------------

    def set_time(self, t: float) -> None:
        """Show the clouds at flow time t in [0, 1]."""
        self.t = min(1.0, max(0.0, t))
        self._request_frame()

    def set_steps(self, steps: int) -> None:
        """Compose the composed cloud of this many jumps."""
        self.steps = steps
        self._request_frame()
        self._request_measure()

    def set_moving(self, moving: bool) -> None:
        """Say whether the slider is in motion: frames are lighter then and full afterwards."""
        if self._moving and not moving:
            self._moving = False
            self._request_frame()
        self._moving = moving

    def show_history(self, index: int) -> None:
        """Show the snapshot at this place of the training history instead of the newest."""
        if 0 <= index < len(self.snapshots):
            self.live = index == len(self.snapshots) - 1
            self._show(self.snapshots[index])

    def show_live(self) -> None:
        """Follow the newest snapshot again."""
        self.live = True
        if len(self.snapshots):
            self._show(self.snapshots[len(self.snapshots) - 1])

    # --- presets ------------------------------------------------------------------------------

    def open_preset(self, path: Path) -> None:
        """Show a preset; a run in progress is stopped first.

        Raises:
            PresetError: The file is no sound preset; everything stays as it was.
        """
        preset = read_preset(path)
        if self._thread is not None:
            self._abandon_thread()
        self._forget_run()
        self._set_state(State.IDLE)
        self.config = preset.snapshot.config
        self.config_changed.emit(self.config)
        self.snapshots.add(preset.snapshot)
        self.quality.load(preset.snapshot)
        self.quality_changed.emit()
        self.view_reset.emit()
        self._show(preset.snapshot)
        self.preset_opened.emit(path)

    def save_preset(self, path: Path, title: str | None = None) -> None:
        """Save the map on stage.

        Raises:
            PresetError: It could not be saved, or there is no map yet.
        """
        from flowmap_studio.core.errors import PresetError
        from flowmap_studio.core.packing import pack

        snapshot = self.snapshot
        if snapshot is None:
            raise PresetError("There is no map to save yet; press Train or open a preset first.")
        metrics = self.quality.metrics_at(snapshot.step)
        write_preset(path, pack(snapshot, title or path.stem, metrics))
        self.unsaved = False
        self.preset_saved.emit(path)

    # --- the end ------------------------------------------------------------------------------

    def shutdown(self) -> None:
        """Stop and join both threads; the session is of no use afterwards."""
        self._timer.stop()
        self._abandon_thread()
        self._evaluator.request_stop()
        self._evaluator.wait(STOP_LIMIT_MS)

    # --- inside -------------------------------------------------------------------------------

    def _embedded_data(self) -> npt.NDArray[np.float32] | None:
        """The shown preset's sample of this target, in case the user's file is not at hand."""
        shown = self.snapshot
        same = shown is not None and shown.config.target == self.config.target
        return shown.data if same else None

    def _set_state(self, state: State) -> None:
        if state is not self.state:
            self.state = state
            self.state_changed.emit(state)

    def _forget_run(self) -> None:
        self.losses = LossHistory()
        self.quality = QualityHistory()
        self.snapshots = SnapshotHistory()
        self.unsaved = False
        self._last_advice = ""
        self.losses_changed.emit()
        self.quality_changed.emit()
        self.snapshots_changed.emit()

    def _preview(self) -> None:
        self._serial += 1
        self._evaluator.submit(PreviewRequest(self._serial, self.config))

    def _show(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.snapshots_changed.emit()
        self._request_frame()

    def _request_frame(self) -> None:
        if self.snapshot is None:
            return
        self._serial += 1
        training = self.state is State.RUNNING
        self._evaluator.submit(
            FrameRequest(
                serial=self._serial,
                snapshot=self.snapshot,
                t=self.t,
                steps=self.steps,
                full=not self._moving,
                threads=1 if training else CORES_WHEN_IDLE,
            )
        )

    def _request_measure(self) -> None:
        if self.snapshot is not None and self.live and not self._moving:
            self._evaluator.submit(MeasureRequest(self._run, self.snapshot, self.steps))

    def _abandon_thread(self) -> None:
        """Stop and join the training at once, leaving its result where it is."""
        thread = self._thread
        if thread is None:
            return
        thread.request_stop()
        thread.wait(STOP_LIMIT_MS)
        self._run += 1  # what it still has queued is dropped
        self._thread = None
        self._timer.stop()

    @Slot()
    def _tick(self) -> None:
        news = self._mailbox.drain()
        for rows in news.losses:
            self.losses.append(rows)
        if news.losses:
            self.losses_changed.emit()
            rate = news.step / news.seconds if news.seconds else 0.0
            self.rate_changed.emit(rate, news.fraction)
        if news.snapshot is not None:
            self._take_snapshot(news.snapshot)

    def _take_snapshot(self, snapshot: Snapshot) -> None:
        if not len(self.snapshots):
            self.view_reset.emit()
        self.snapshots.add(snapshot)
        self.unsaved = snapshot.step > 0
        if self.live:
            self._show(snapshot)
            if self.quality.due(snapshot.step):
                self._request_measure()
        else:
            self.snapshots_changed.emit()

    @Slot(object)
    def _on_ended(self, outcome: Outcome) -> None:
        if outcome.run != self._run or self._thread is None:
            return
        self._thread.wait(STOP_LIMIT_MS)  # the signal comes just before run() returns
        self._thread = None
        self._timer.stop()
        self._tick()
        if outcome.error:
            self._set_state(State.FAILED)
            self.failed.emit(outcome.error, outcome.details)
        else:
            self._set_state(State.IDLE)
            self._request_frame()
            self._request_measure()
        if self._after_stop is not None:
            then, self._after_stop = self._after_stop, None
            then()

    @Slot(int, str)
    def _on_device(self, run: int, name: str) -> None:
        if run == self._run:
            self.device_changed.emit(name)

    @Slot(object)
    def _on_frame(self, frame: Frame) -> None:
        # One gate: an answer about another snapshot than the one shown is stale.
        shown = self.frame
        stale = shown is not None and frame.request.serial < shown.request.serial
        if stale or frame.request.snapshot is not self.snapshot:
            return
        self.frame = frame
        self.frame_changed.emit(frame)

    @Slot(object)
    def _on_measured(self, measurement: Measurement) -> None:
        snapshot = measurement.request.snapshot
        if measurement.request.run != self._run:
            return
        self.quality.add(measurement)
        self.quality_changed.emit()
        advice: Advice | None = advise(snapshot.config, snapshot.step, measurement.spread_ratio)
        kind = advice.kind if advice else ""
        if advice and kind != self._last_advice:
            self.advised.emit(advice)
        self._last_advice = kind

    @Slot(object, object)
    def _on_previewed(self, request: PreviewRequest, snapshot: Snapshot) -> None:
        idle = self.state in (State.IDLE, State.FAILED)
        if request.config != self.config or not idle or self.unsaved:
            return
        self._forget_run()
        self.snapshots.add(snapshot)
        self.view_reset.emit()
        self._show(snapshot)

    @Slot(str, str)
    def _on_evaluation_failed(self, sentence: str, details: str) -> None:
        self.failed.emit(sentence, details)
