"""The training QThread: the only file that starts a thread for training."""

from __future__ import annotations

import threading
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import (
    DeviceLost,
    PresetError,
    StudioError,
    TrainingStopped,
    device_failed,
    unforeseen,
)
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.training_state import Checkpoint
from flowmap_studio.runtime import recovery
from flowmap_studio.runtime.hand import Hand
from flowmap_studio.runtime.mailbox import Mailbox
from flowmap_studio.runtime.recovery import RecoveryFile
from flowmap_studio.runtime.workers import Worker

if TYPE_CHECKING:
    from flowmap_studio.core.run import Run

SNAPSHOT_SECONDS = 0.2
"""How often the window sees new weights."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        run: The run's number.
        error: One sentence, or None when it was finished or stopped.
        details: A traceback to copy, when a library's error ended it.
        lost: Whether its device failed.
    """

    run: int
    error: str | None = None
    details: str = ""
    lost: bool = False

    @classmethod
    def of(cls, run: int, error: BaseException) -> Outcome:
        """The end by an error that is being handled."""
        lost = isinstance(error, DeviceLost) or device_failed(error)
        named = isinstance(error, TrainingStopped) and error.__cause__ is not None
        if isinstance(error, StudioError):
            return cls(run, str(error), traceback.format_exc() if named else "", lost)
        sentence = unforeseen("Training stopped by an unexpected error", error)
        return cls(run, sentence, traceback.format_exc(), lost)


class TrainingThread(Worker):
    """Drives the one training loop and leaves its news in a mailbox.

    Args:
        run: A number that tells this run from others.
        config: What to train.
        mailbox: Where losses and snapshots go.
        embedded: A map whose sample stands in for the target when its file is not at hand.
        resumed: A run of this config to go on with.
        copy: Where the run is saved now and then, in case the program dies.
        start_from: A map whose weights to begin with instead of fresh ones.
        hand: Goes before the run where both are on the CPU.
    """

    ended = Signal(object)  # Outcome, once, from this thread
    device_found = Signal(int, str)  # run, name of the device
    warned = Signal(int, str)  # run, one sentence

    def __init__(
        self,
        run: int,
        config: RunConfig,
        mailbox: Mailbox,
        embedded: Snapshot | None = None,
        resumed: Checkpoint | None = None,
        copy: RecoveryFile | None = None,
        start_from: Snapshot | None = None,
        hand: Hand | None = None,
    ) -> None:
        super().__init__()
        self.number = run
        self._config = config
        self._mailbox = mailbox
        self._embedded = embedded
        self._resumed = resumed
        self._start_from = start_from
        self._copy = copy
        self._hand = hand or Hand()
        self._copied = time.monotonic()
        self._copy_failed = False
        # A queued "stop" would never arrive while run() loops: events are looked at instead.
        self._stop = threading.Event()
        self._go = threading.Event()
        self._go.set()
        self._trainer: Run | None = None

    def request_stop(self) -> None:
        """End at the next step, or while pairs are prepared; returns at once."""
        self._stop.set()
        self._go.set()
        if self._trainer is not None:
            self._trainer.interrupt()

    def pause(self) -> None:
        """Hold at the next step; returns at once."""
        self._go.clear()

    def resume(self) -> None:
        """Go on after a pause."""
        self._go.set()

    def run(self) -> None:  # noqa: D102 - QThread's
        self.stand_back()
        outcome = Outcome(self.number)
        try:
            self._train()
        except BaseException as error:  # noqa: BLE001 - nothing may leave a thread's edge
            outcome = Outcome.of(self.number, error)
        self.ended.emit(outcome)

    def _train(self) -> None:
        # Imported here, so that the window is there before torch is.
        from flowmap_studio.core.devices import describe

        self._trainer = trainer = self._open()
        if self._stop.is_set():  # asked before there was a trainer to tell
            trainer.interrupt()
        self.device_found.emit(self.number, describe(trainer.device))
        self._mailbox.post_snapshot(trainer.snapshot())
        shown = self._copied = time.monotonic()
        steps = trainer.run()
        if self._resumed is not None:
            self._go.wait()  # what is shown is the very state that goes on
        try:
            for progress in steps:
                self._mailbox.post_progress(
                    progress.losses, progress.step, progress.seconds, progress.fraction
                )
                if progress.news:
                    self.warned.emit(self.number, progress.news)
                if time.monotonic() - shown >= SNAPSHOT_SECONDS or not self._go.is_set():
                    self._mailbox.post_snapshot(trainer.snapshot())
                    shown = time.monotonic()
                if time.monotonic() - self._copied >= recovery.AUTOSAVE_SECONDS:
                    self._save_copy(trainer)
                self._go.wait()
                if trainer.device.type == "cpu":
                    self._hand.let_go_first(self._stop.wait)
                if self._stop.is_set():
                    break
        finally:
            steps.close()
        # Not reached when training could not go on: the last good snapshot and copy stay.
        self._mailbox.post_snapshot(trainer.snapshot())
        self._save_copy(trainer)

    def _open(self) -> Run:
        from flowmap_studio.core.run import Run
        from flowmap_studio.core.targets import open_again, open_for

        resumed = self._resumed
        if resumed is None:
            opened = open_for(self._config, self._embedded)
            return Run(self._config, *opened, start_from=self._start_from, eager=self._hand_waits)
        return Run(self._config, *open_again(resumed), resumed=resumed, eager=self._hand_waits)

    def _hand_waits(self) -> bool:
        """Whether to look at the hand after each step, or a frame would wait for several."""
        return self._hand.waits

    def _save_copy(self, trainer: Run) -> None:
        """Save the run here, where nobody waits for it; a full disk is told once."""
        if self._copy is None or not trainer.step:
            return
        try:
            self._copy.save(trainer.checkpoint())
        except PresetError as error:
            if not self._copy_failed:
                self.warned.emit(self.number, f"{error} A crash would lose this run.")
            self._copy_failed = True
        self._copied = time.monotonic()
