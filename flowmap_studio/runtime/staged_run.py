"""The run whose maps come to the stage: settings, start to end, recovery, losses, advice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from flowmap_studio.core.advice import advise
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import PresetError
from flowmap_studio.core.history import LossHistory
from flowmap_studio.core.presets import read_preset
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.runtime.beginnings import embedded_data, is_missing_file, weights_that_fit
from flowmap_studio.runtime.earlier_runs import EarlierRuns
from flowmap_studio.runtime.frames import Measurement, PreviewRequest
from flowmap_studio.runtime.mailbox import Delivery
from flowmap_studio.runtime.on_stage import OnStage
from flowmap_studio.runtime.quality import QualityHistory
from flowmap_studio.runtime.recovery import RecoveryFile, RecoveryFolder
from flowmap_studio.runtime.run_control import RunControl, State
from flowmap_studio.runtime.snapshots import SnapshotHistory
from flowmap_studio.runtime.training import Outcome

DONE = (State.IDLE, State.FAILED)
"""States without a run."""


class StagedRun(OnStage):
    """Config and run besides what is on stage; `Session` adds files and all else.

    Attributes:
        config: Settings of the next run, or of the one that is going on.
        losses: Loss terms of the run.
        earlier: Runs before this one.
        unsaved: Whether the map on stage was trained here and not saved.
        recovery: Copies of runs, in case the program dies.

    Args:
        parent: Its owner.
        recovery: Folder of these copies; none are kept when None.
    """

    state_changed = Signal(object)  # State
    config_changed = Signal(object)  # RunConfig
    losses_changed = Signal()
    view_reset = Signal()  # another data set is on stage
    rate_changed = Signal(float, float)  # steps per second, share of the budget
    device_changed = Signal(str)
    message = Signal(str, str)  # kind: info, warning or error; one sentence
    advised = Signal(object)  # Advice
    device_lost = Signal(str, str)  # likewise, of a run that can `go_on_on_cpu`
    target_refused = Signal(object)  # the RunConfig whose target can't be learned

    def __init__(self, parent: QObject | None = None, recovery: Path | None = None) -> None:
        super().__init__(parent)
        self.recovery = RecoveryFolder(recovery)
        self._copy: RecoveryFile | None = None  # of the run on stage
        self._coming: RecoveryFile | None = None  # of the run that is being prepared
        self._held = False  # a recovered run that has not gone on yet
        self._lost = False
        self.config = RunConfig()
        self.losses = LossHistory()
        self.earlier = EarlierRuns(self)
        self.unsaved = False
        self._fresh = self._keep_view = False
        self._told: set[str] = set()
        self._progress = 0.0
        self._ended = False
        self._sound_target = self.config.target
        self._control = RunControl(self, self._evaluator.hand)
        self._control.state_changed.connect(self.state_changed)
        self._control.device_found.connect(self.device_changed)
        self._control.arrived.connect(self._on_arrived)
        self._control.ended.connect(self._on_ended)
        self._control.warned.connect(lambda sentence: self.message.emit("warning", sentence))
        self._evaluator.measured.connect(self._on_measured)
        self._evaluator.previewed.connect(self._on_previewed)
        self._evaluator.refused.connect(self._on_refused)

    @property
    def state(self) -> State:
        """What the run is doing."""
        return self._control.state

    @property
    def training(self) -> bool:
        """Whether a run goes on, which frames then leave the cores to."""
        return self.state is State.RUNNING

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

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Bring a map that was trained elsewhere to the stage, while no run goes on."""
        if self.state not in DONE:
            return
        self._forget_run()
        self.snapshots.add(snapshot)
        self.view_reset.emit()
        self._show(snapshot)
        self.unsaved = True

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
            if not self.training:  # paused: all points of the map on stage now
                self._request_frame()
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
    def _on_measured(self, measurement: Measurement) -> None:
        snapshot = measurement.request.snapshot
        if measurement.request.run != self._run:
            return
        self.quality.add(measurement)
        self.quality_changed.emit()
        # Only of the map that a run ended with: that of an earlier one may come in later.
        newest = self.snapshots.newest
        ended = self.state in DONE and newest is not None and snapshot.step == newest.step
        progress = self._progress if ended else 0.0
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
