"""The run's state machine (GUI thread): one training thread at a time and its mailbox."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.training_state import Checkpoint
from flowmap_studio.runtime.hand import Hand
from flowmap_studio.runtime.mailbox import Mailbox
from flowmap_studio.runtime.recovery import RecoveryFile
from flowmap_studio.runtime.training import Outcome, TrainingThread
from flowmap_studio.runtime.workers import Worker

TICK_MS = 66
"""How often the mailbox is emptied."""


class State(Enum):
    """What a run is doing."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    FAILED = "failed"


class RunControl(QObject):
    """Starts, holds and ends runs; never waits for one.

    Attributes:
        state: What the run is doing.

    Args:
        parent: Its owner.
        hand: Goes before the runs.
    """

    state_changed = Signal(object)  # State
    arrived = Signal(object)  # Delivery: of the present run only
    ended = Signal(object)  # Outcome, after its last delivery
    device_found = Signal(str)
    warned = Signal(str)  # one sentence

    def __init__(self, parent: QObject | None = None, hand: Hand | None = None) -> None:
        super().__init__(parent)
        self.state = State.IDLE
        self._hand = hand
        self._number = 0
        self._mailbox = Mailbox()
        self._thread: TrainingThread | None = None
        self._left: list[TrainingThread] = []
        self._then: Callable[[], None] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._deliver)

    @property
    def busy(self) -> bool:
        """Whether a run is going on, held or ending."""
        return self._thread is not None

    def workers(self) -> list[Worker]:
        """The threads that have not ended yet, also of abandoned runs."""
        self._left = [thread for thread in self._left if thread.isRunning()]
        return [*self._left, *([self._thread] if self._thread else [])]

    def start(
        self,
        config: RunConfig,
        embedded: Snapshot | None,
        copy: RecoveryFile | None = None,
        resumed: Checkpoint | None = None,
        start_from: Snapshot | None = None,
    ) -> None:
        """Begin a run, unless there is one.

        Args:
            config: What to train.
            embedded: A map whose sample is learned when the target's file is not at hand.
            copy: Where the run is saved now and then.
            resumed: A run of this config to go on with; it is held until `resume`.
            start_from: A map whose weights to begin with instead of fresh ones.
        """
        if self.busy:
            return
        self._number += 1
        self._mailbox = Mailbox()
        thread = TrainingThread(
            self._number, config, self._mailbox, embedded, resumed, copy, start_from, self._hand
        )
        self._thread = thread
        thread.ended.connect(self._on_ended)
        thread.device_found.connect(self._on_device)
        thread.warned.connect(self._on_warned)
        if resumed is not None:
            thread.pause()
        self._set_state(State.RUNNING if resumed is None else State.PAUSED)
        self._thread.begin()
        self._timer.start()

    def pause(self) -> None:
        """Hold the run; its newest weights are still delivered."""
        if self._thread is not None and self.state is State.RUNNING:
            self._thread.pause()
            self._set_state(State.PAUSED)

    def resume(self) -> None:
        """Go on after a pause."""
        if self._thread is not None and self.state is State.PAUSED:
            self._thread.resume()
            self._set_state(State.RUNNING)

    def stop(self, then: Callable[[], None] | None = None) -> None:
        """End the run; what it has learned is still delivered.

        Args:
            then: Called once the run has ended, at once where there is none; takes the place of
                what an earlier `stop` was to call.
        """
        if self._thread is None:
            if then is not None:
                then()
            return
        self._then = then
        self._thread.request_stop()
        self._set_state(State.STOPPING)

    def abandon(self) -> None:
        """Let the run end by itself; nothing of it is delivered any more."""
        if self._thread is not None:
            self._thread.request_stop()
            self._left = [*self.workers()]
            self._thread = None
        self._then = None
        self._number += 1
        self._mailbox = Mailbox()
        self._timer.stop()
        self._set_state(State.IDLE)

    # --- inside -------------------------------------------------------------------------------

    def _set_state(self, state: State) -> None:
        if state is not self.state:
            self.state = state
            self.state_changed.emit(state)

    @Slot()
    def _deliver(self) -> None:
        self.arrived.emit(self._mailbox.drain())

    @Slot(object)
    def _on_ended(self, outcome: Outcome) -> None:
        if outcome.run != self._number or self._thread is None:
            return
        self._thread.wait()  # the signal comes just before run() returns
        self._thread = None
        self._timer.stop()
        self._deliver()
        self._set_state(State.FAILED if outcome.error else State.IDLE)
        self.ended.emit(outcome)
        if self._then is not None:
            then, self._then = self._then, None
            then()

    @Slot(int, str)
    def _on_device(self, run: int, name: str) -> None:
        if run == self._number:
            self.device_found.emit(name)

    @Slot(int, str)
    def _on_warned(self, run: int, sentence: str) -> None:
        if run == self._number:
            self.warned.emit(sentence)
