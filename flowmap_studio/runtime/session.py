"""The single owner of application state (GUI thread)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from flowmap_studio.core.advice import advise
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import PresetError, StudioError
from flowmap_studio.core.film_limits import Look, Timing
from flowmap_studio.core.history import LossHistory
from flowmap_studio.core.presets import read_preset, write_preset
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.runtime.beginnings import embedded_data, is_missing_file, weights_that_fit
from flowmap_studio.runtime.bookmarks import Bookmarks
from flowmap_studio.runtime.comparing import ComparisonControl
from flowmap_studio.runtime.earlier_runs import EarlierRuns
from flowmap_studio.runtime.evaluation import Evaluator
from flowmap_studio.runtime.exporting import FilmControl, FilmOrder
from flowmap_studio.runtime.frames import (
    Frame,
    FrameRequest,
    Measurement,
    MeasureRequest,
    PreviewRequest,
    Sampling,
)
from flowmap_studio.runtime.librarian import Librarian
from flowmap_studio.runtime.mailbox import Delivery
from flowmap_studio.runtime.probes import ProbeControl
from flowmap_studio.runtime.quality import QualityHistory
from flowmap_studio.runtime.recovery import RecoveryFile, RecoveryFolder
from flowmap_studio.runtime.run_control import RunControl, State
from flowmap_studio.runtime.snapshots import SnapshotHistory
from flowmap_studio.runtime.time_lattice import LatticeRequest, TimeLattice, lattice_fits
from flowmap_studio.runtime.training import Outcome
from flowmap_studio.runtime.workers import join

__all__ = ["Session", "State"]

CLOSE_SECONDS = 1.5
"""Longest wait for the threads at the end; what takes longer ends behind the closed window."""
CORES_WHEN_IDLE = 2
"""Threads of an evaluation while nothing trains; one while something does."""
DONE = (State.IDLE, State.FAILED)
"""States without a run."""


class Session(QObject):
    """Config, run, history, shown snapshot and flow time; views listen to its signals.

    Attributes:
        config: Settings of the next run, or of the one that is going on.
        losses: Loss terms of the run.
        quality: Measured figures of the run.
        snapshots: The run's history.
        earlier: Runs before this one.
        snapshot: The map on stage; None before there is one.
        frame: The newest clouds of it.
        live: Whether the stage follows the newest weights.
        unsaved: Whether the map on stage was trained here and not saved.
        t: Flow time in [0, 1].
        steps: Jumps of the composed cloud.
        sampling: How clouds are sampled besides.
        looks_up: Whether clouds of a map at rest are made for all times, to be looked up.
        comparison: Maps measured beside each other.
        recovery: Copies of runs, in case the program dies.
        films: Films of the flow that are exported.
        librarian: Reads the library's presets.
        probes: What is probed of the map on stage.
        bookmarks: Places on both axes of time to come back to.

    Args:
        parent: Its owner.
        recovery: Folder of these copies; none are kept when None.
    """

    state_changed = Signal(object)  # State
    config_changed = Signal(object)  # RunConfig
    frame_changed = Signal(object)  # Frame
    losses_changed = Signal()
    quality_changed = Signal()
    snapshots_changed = Signal()
    preset_opened = Signal(object)  # Path
    view_found = Signal(object)  # StageView, of a preset that has just been opened
    preset_saved = Signal(object)  # Path
    view_reset = Signal()  # another data set is on stage
    rate_changed = Signal(float, float)  # steps per second, share of the budget
    sampling_changed = Signal(object)  # Sampling
    device_changed = Signal(str)
    message = Signal(str, str)  # kind: info, warning or error; one sentence
    advised = Signal(object)  # Advice
    failed = Signal(str, str)  # one sentence, details
    device_lost = Signal(str, str)  # likewise, of a run that can `go_on_on_cpu`
    target_refused = Signal(object)  # the RunConfig whose target can't be learned

    def __init__(self, parent: QObject | None = None, recovery: Path | None = None) -> None:
        super().__init__(parent)
        self.recovery = RecoveryFolder(recovery)
        self._copy: RecoveryFile | None = None  # of the run on stage
        self._coming: RecoveryFile | None = None  # of the run that is being prepared
        self._held = False  # a recovered run that has not gone on yet
        self._preserved = self._lost = False
        self.config = RunConfig()
        self.losses = LossHistory()
        self.quality = QualityHistory()
        self.snapshots = SnapshotHistory()
        self.earlier = EarlierRuns(self)
        self.snapshot: Snapshot | None = None
        self.frame: Frame | None = None
        self.live = True
        self.unsaved = False
        self.t = 1.0
        self.steps = 8
        self.sampling = Sampling()
        self.looks_up = True
        self._moving = False
        self._playing = False
        self._fresh = self._keep_view = False
        self._serial = self._run = self._scene = 0
        self._told: set[str] = set()
        self._progress = 0.0
        self._ended = False
        self._sound_target = self.config.target
        self._control = RunControl(self)
        self._control.state_changed.connect(self.state_changed)
        self._control.device_found.connect(self.device_changed)
        self._control.arrived.connect(self._on_arrived)
        self._control.ended.connect(self._on_ended)
        self._control.warned.connect(lambda sentence: self.message.emit("warning", sentence))
        self.comparison = ComparisonControl(self)
        self.films = FilmControl(self)
        self.bookmarks = Bookmarks(self)
        self.probes = ProbeControl(self)
        self.frame_changed.connect(self.probes.show_frame)
        self._lattice: TimeLattice | None = None
        self.librarian = Librarian(self)
        self._evaluator = Evaluator()
        self._evaluator.frame_ready.connect(self._on_frame)
        self._evaluator.lattice_ready.connect(self._on_lattice)
        self._evaluator.measured.connect(self._on_measured)
        self._evaluator.previewed.connect(self._on_previewed)
        self._evaluator.refused.connect(self._on_refused)
        self._evaluator.failed.connect(self._on_evaluation_failed)

    @property
    def state(self) -> State:
        """What the run is doing."""
        return self._control.state

    def begin(self) -> None:
        """Start answering: the evaluator imports torch, so call it once the window is painted."""
        if not self._ended and not self._evaluator.isRunning():
            self._evaluator.begin()

    # --- settings -----------------------------------------------------------------------------

    def set_config(self, config: RunConfig) -> None:
        """Take new settings for the next run; shows a new target's data where nothing is lost.

        A target that can't be learned is refused a little later: see `target_refused`.
        """
        if config == self.config:
            return
        retargeted = config.target != self.config.target
        self.config = config
        self.config_changed.emit(config)
        shown = self.snapshot is not None and self.snapshot.config.target == config.target
        if retargeted and not shown and self.state in DONE:
            self._preview()

    # --- the run ------------------------------------------------------------------------------

    def toggle(self) -> None:
        """Start, pause or resume, whichever fits the state."""
        actions = {State.RUNNING: self.pause, State.PAUSED: self.resume}
        actions.get(self.state, self.start)()

    @Slot()
    def start(self) -> None:
        """Begin a fresh run of the present settings; the former one is kept until it has begun."""
        self._keep_view = False
        self._start()

    def learn_on(self) -> None:
        """The picture to learn has changed: end the run and begin again from its weights.

        The view stays; losses and history begin anew. Runs with a teacher begin from nothing.
        """
        self._keep_view = True
        self._control.stop(lambda: self._start(weights_that_fit(self.snapshots, self.config)))

    def _start(self, start_from: Snapshot | None = None) -> None:
        if self._control.busy or self._ended:
            return
        embedded = embedded_data(self.snapshot, self.config)
        if embedded is not None and is_missing_file(self.config.target):
            name = Path(self.config.target).name
            self.message.emit(
                "info",
                f"{name} is not at hand; training on the {len(embedded.data):,} of its points that "
                "came with the map.",
            )
        self._fresh = True
        self._coming = self.recovery.new()
        self._control.start(self.config, embedded, self._coming, start_from=start_from)

    def recover(self, left: RecoveryFile, **changes: Any) -> None:
        """Show a run that was cut off, held: `resume` goes on with it exactly.

        Args:
            left: Its copy.
            changes: Of its settings: the device.

        Raises:
            PresetError: Its file is not sound; everything stays as it was.
        """
        checkpoint = read_preset(left.path).checkpoint
        if checkpoint is None:
            raise PresetError(f"Could not recover {left.path.name}: it holds no unfinished run.")
        checkpoint = checkpoint.changed(**changes)
        self._control.abandon()
        same = left is self._copy  # the run on stage, which goes on in another way
        self._copy = None if same else self._copy
        self._forget_run(going_on=same)
        self._copy = left
        state, snapshot = checkpoint.state, checkpoint.snapshot
        self.config = state.config
        self.config_changed.emit(self.config)
        self.losses = LossHistory.restored(state.history)
        self.losses_changed.emit()
        self.snapshots.add(snapshot)
        self.view_reset.emit()
        self._show(snapshot)
        self.unsaved = True
        self._held = True
        self._control.start(self.config, None, left, checkpoint)

    def go_on_on_cpu(self) -> None:
        """Go on with the run whose device was lost: from its copy, or from its newest weights.

        Raises:
            PresetError: The copy is not sound; everything stays as it was.
        """
        if self.state is not State.FAILED:
            return
        if not self._fresh and self._copy is not None and self._copy.path.exists():
            self.recover(self._copy, device="cpu")
            self.resume()
        else:
            self.set_config(self.config.replace(device="cpu"))
            self._start(None if self._fresh else weights_that_fit(self.snapshots, self.config))

    def pause(self) -> None:
        """Hold the run; its newest weights come to the stage."""
        self._control.pause()

    def resume(self) -> None:
        """Go on after a pause."""
        self._control.resume()

    def stop(self) -> None:
        """End the run; what was learned stays."""
        self._control.stop()

    def reset(self) -> None:
        """End the run, forget it and show the untrained map of the present settings."""
        self._control.stop(then=self._reset)

    def restart_with(self, config: RunConfig) -> None:
        """End the run and begin another one with these settings."""

        def then() -> None:
            self.set_config(config)
            self.start()

        self._control.stop(then)

    # --- time and history ---------------------------------------------------------------------

    def set_time(self, t: float) -> None:
        """Show the clouds at flow time t in [0, 1]."""
        self.t = min(1.0, max(0.0, t))
        self._request_frame()

    def looked_up(self, request: FrameRequest) -> bool:
        """Whether there are clouds to look up for a request."""
        return self.looks_up and self._lattice is not None and self._lattice.serves(request)

    def set_steps(self, steps: int) -> None:
        """Compose the composed cloud of this many jumps."""
        self.steps = steps
        self._request_frame()
        self._request_measure()

    def set_sampling(self, **changes: Any) -> None:
        """Change fields of `Sampling`: solver, label, guidance or rival."""
        sampling = replace(self.sampling, **changes)
        if sampling != self.sampling:
            self.sampling = sampling
            self.sampling_changed.emit(sampling)
            self._request_frame()

    def set_moving(self, moving: bool) -> None:
        """Say whether the slider is in motion: frames are lighter then and full afterwards."""
        if self._moving and not moving:
            self._moving = False
            self._request_frame()
        self._moving = moving

    def set_playing(self, playing: bool) -> None:
        """Say whether time moves by itself: nobody's hand waits for the frames then."""
        self._playing = playing

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

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Bring a map that was trained elsewhere to the stage, while no run goes on."""
        if self.state not in DONE:
            return
        self._forget_run()
        self.snapshots.add(snapshot)
        self.view_reset.emit()
        self._show(snapshot)
        self.unsaved = True

    # --- presets ------------------------------------------------------------------------------

    def open_preset(self, path: Path) -> None:
        """Show a preset; a run in progress is given up.

        Raises:
            PresetError: The file is no sound preset; everything stays as it was.
        """
        preset = read_preset(path)
        self._control.abandon()
        self._forget_run()
        self.config = preset.snapshot.config
        self.config_changed.emit(self.config)
        self._sound_target = self.config.target
        self.snapshots.add(preset.snapshot)
        self.quality.load(preset.snapshot)
        self.quality_changed.emit()
        if preset.training is not None:  # an unfinished run has its losses with it
            self.losses = LossHistory.restored(preset.training.history)
            self.losses_changed.emit()
        self.view_reset.emit()
        self._show(preset.snapshot)
        self.preset_opened.emit(path)
        if preset.view is not None:
            self.view_found.emit(preset.view)

    def save_preset(self, path: Path, title: str | None = None, **words: Any) -> None:
        """Save the map on stage.

        Args:
            path: Where.
            title: One line; the file's name when None.
            words: Further fields of `Preset`: notes, tags, view.

        Raises:
            PresetError: It could not be saved, or there is no map yet.
        """
        self.write_copy(path, title, **words)
        self.unsaved = False
        newest = len(self.snapshots) and self.snapshot is self.snapshots[len(self.snapshots) - 1]
        if self.state in DONE and newest:
            self._discard_copies()
        self.preset_saved.emit(path)

    def write_copy(self, path: Path, title: str | None = None, **words: Any) -> None:
        """Write the map on stage to a file without calling it saved; raises as `save_preset`."""
        from flowmap_studio.core.packing import pack

        snapshot = self.snapshot
        if snapshot is None:
            raise PresetError("There is no map to save yet; press Train or open a preset first.")
        metrics = self.quality.metrics_at(snapshot.step)
        write_preset(path, replace(pack(snapshot, title or path.stem, metrics), **words))

    def render_film(self, path: Path, look: Look, timing: Timing) -> None:
        """Begin to export a film of the flow on stage; `films` tells how it goes.

        Raises:
            StudioError: There is no map, another film is rendered, or the file can't hold it.
        """
        if self.snapshot is None:
            raise StudioError("There is no map to export yet; press Train or open a preset first.")
        threads = 1 if self.state is State.RUNNING else CORES_WHEN_IDLE
        sampling = self.sampling.fitted(self.snapshot)
        self.films.start(
            FilmOrder(path, self.snapshot, self.steps, sampling, look, timing, threads)
        )

    # --- the end ------------------------------------------------------------------------------

    def preserve(self) -> None:
        """Leave the run to the next start: it is not the user who ends the program."""
        self._preserved = True

    def shutdown(self) -> None:
        """Stop all threads and wait a little for them; the session is of no use afterwards."""
        if self._ended:
            return
        self._ended = True
        if not (self._preserved or self._lost):
            self._discard_copies()
        self._control.abandon()
        self.comparison.cancel()
        others = [
            *self.comparison.workers(),
            *self.films.workers(),
            *self.librarian.workers(),
            *self.probes.workers(),
        ]
        workers = [*self._control.workers(), *others, self._evaluator]
        join(workers, CLOSE_SECONDS)
        for copy in filter(None, (self._copy, self._coming)):
            copy.release()

    # --- inside -------------------------------------------------------------------------------

    def _reset(self) -> None:
        self._control.abandon()  # from FAILED to IDLE too
        self._forget_run()
        self._preview()

    def _discard_copies(self) -> None:
        for copy in filter(None, (self._copy, self._coming)):
            copy.discard()
        self._copy = self._coming = None

    def _forget_run(self, going_on: bool = False) -> None:
        self._discard_copies()
        self._run += 1  # what is still being measured is dropped
        self._fresh = self._held = self._lost = False
        if not going_on:
            self.earlier.keep(self.snapshots, self.losses, self.quality)
        self.losses = LossHistory()
        self.quality = QualityHistory()
        self.snapshots = SnapshotHistory()
        self.live = True
        self.unsaved = False
        self._told = set()
        self._progress = 0.0
        self.losses_changed.emit()
        self.quality_changed.emit()
        self.snapshots_changed.emit()
        self.rate_changed.emit(0.0, 0.0)

    def _preview(self) -> None:
        self._serial += 1
        self._evaluator.submit(PreviewRequest(self._serial, self.config))

    def _show(self, snapshot: Snapshot) -> None:
        """Show a snapshot of the user's choice: what is still evaluated of others is stale."""
        self._scene += 1
        self._advance_to(snapshot)

    def _advance_to(self, snapshot: Snapshot, following: bool = False) -> None:
        self.snapshot = snapshot
        self.snapshots_changed.emit()
        self._request_frame(following)

    def _request_frame(self, following: bool = False) -> None:
        if self.snapshot is None:
            return
        self._serial += 1
        training = self.state is State.RUNNING
        request = FrameRequest(
            serial=self._serial,
            scene=self._scene,
            snapshot=self.snapshot,
            t=self.t,
            steps=self.steps,
            full=not (self._moving or training),
            threads=1 if training else CORES_WHEN_IDLE,
            patient=training and (self._playing or following),
            sampling=self.sampling.fitted(self.snapshot, training),
        )
        looked_up = self.looked_up(request)
        if looked_up:
            self._on_frame(self._lattice.at(request))
        if request.full or not looked_up:  # a slider at rest gets what the map itself says
            self._evaluator.submit(request)

    def _request_measure(self) -> None:
        if self.snapshot is not None and self.live and (self._playing or not self._moving):
            training = self.state is State.RUNNING
            self._evaluator.submit(MeasureRequest(self._run, self.snapshot, self.steps, training))

    @Slot(object)
    def _on_arrived(self, news: Delivery) -> None:
        if self._fresh and news.snapshot is not None:  # a run leaves a snapshot before its losses
            coming, self._coming = self._coming, None
            # Each stroke of a picture that is learned while it is drawn makes no run of its own.
            self._forget_run(going_on=self._keep_view)
            self._copy = coming
        for rows in news.losses:
            self.losses.append(rows)
        if news.losses:
            self._held = False
            self.losses_changed.emit()
            rate = news.step / news.seconds if news.seconds else 0.0
            self.rate_changed.emit(rate, news.fraction)
            self._progress = news.fraction
        if news.snapshot is not None:
            self._take_snapshot(news.snapshot, news.seconds)

    def _take_snapshot(self, snapshot: Snapshot, seconds: float) -> None:
        first = not len(self.snapshots)
        self._sound_target = snapshot.config.target
        self.snapshots.add(snapshot)
        self.unsaved = snapshot.step > 0
        if first:
            if not self._keep_view:
                self.view_reset.emit()
            self._keep_view = False
            self._show(snapshot)
        elif self.live:
            self._advance_to(snapshot, following=True)
        else:
            self.snapshots_changed.emit()
        if self.live and self.quality.due(snapshot.step, seconds):
            self._request_measure()

    @Slot(object)
    def _on_ended(self, outcome: Outcome) -> None:
        self._lost = outcome.lost and not self._fresh  # its copy stays for the next start
        if outcome.error:
            (self.device_lost if outcome.lost else self.failed).emit(outcome.error, outcome.details)
        if outcome.error and not outcome.lost and self._held and self._copy is not None:
            self._copy.release()  # such as a picture that is not at hand: another start may have it
            self._copy = None
        self._request_frame()
        self._request_measure()

    @Slot(object)
    def _on_frame(self, frame: Frame) -> None:
        # One gate. Of a map in training, clouds of slightly older weights are news too: where an
        # evaluation takes longer than the next snapshot, none would ever be shown otherwise.
        shown = self.frame
        older = shown is not None and frame.request.serial < shown.request.serial
        if older or frame.request.scene != self._scene:
            return
        self.frame = frame
        self.frame_changed.emit(frame)
        wanted = self.looks_up and frame.request.full and not self.looked_up(frame.request)
        if wanted and lattice_fits(frame):
            self._evaluator.grow(LatticeRequest(frame))

    @Slot(object)
    def _on_lattice(self, lattice: TimeLattice) -> None:
        self._lattice = lattice

    @Slot(object)
    def _on_measured(self, measurement: Measurement) -> None:
        snapshot = measurement.request.snapshot
        if measurement.request.run != self._run:
            return
        self.quality.add(measurement)
        self.quality_changed.emit()
        progress = self._progress if self.state in DONE else 0.0
        found = advise(snapshot.config, self.quality.figures(progress))
        if found and found[0].kind not in self._told:  # each once a run
            self._told.add(found[0].kind)
            self.advised.emit(found[0])

    @Slot(object, object)
    def _on_previewed(self, request: PreviewRequest, snapshot: Snapshot) -> None:
        self._sound_target = request.config.target
        wanted = request.config.target == self.config.target
        if not wanted or self.state not in DONE or self.unsaved:
            return
        self._forget_run()
        self.snapshots.add(snapshot)
        self.view_reset.emit()
        self._show(snapshot)

    @Slot(object, str)
    def _on_refused(self, request: PreviewRequest, sentence: str) -> None:
        self.failed.emit(sentence, "")
        if request.config.target == self.config.target and self.state in DONE:
            self.target_refused.emit(request.config)  # a listener may undo the choice
        if request.config.target == self.config.target and self.state in DONE:
            self.set_config(self.config.replace(target=self._sound_target))

    @Slot(str, str)
    def _on_evaluation_failed(self, sentence: str, details: str) -> None:
        self.failed.emit(sentence, details)
