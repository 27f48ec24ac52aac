"""A whole run: one stage of training, or several where a teacher has to be trained first.

The window and the command line both drive this; each stage is the one loop of `core.trainer`.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Generator

import numpy as np
import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import DataError
from flowmap_studio.core.faults import faults_named
from flowmap_studio.core.history import LossHistory
from flowmap_studio.core.progress import Progress
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.stages import plan
from flowmap_studio.core.targets import SHAPES, PointTarget, Target
from flowmap_studio.core.teacher import TeacherStream
from flowmap_studio.core.trainer import Trainer
from flowmap_studio.core.training_state import Checkpoint, StageState, TrainingState

POINT_BYTES = 16 * 1024 * 1024
"""Points of a file that a checkpoint carries, at most; more have to be at hand again."""


class Run:
    """Trains the stages of a config one after the other. Use it from one thread.

    Attributes:
        config: The run.
        device: Where it trains.
        history: All losses so far.

    Args:
        config: The run.
        target: What to learn.
        source: Where the map starts; the standard normal when None.
        start_from: A snapshot whose weights to begin with instead of fresh ones.
        resumed: A run of this config and target to go on with: exactly as if it had not ended,
            or on another device by the same recipe, but with other draws and rounding.
        eager: Asked after each step on the CPU, whether to tell of it at once.

    Raises:
        DeviceError: The config's device is not there.
        DataError: The target has no spread, or is not what `resumed` learned from.
    """

    def __init__(
        self,
        config: RunConfig,
        target: Target,
        source: Target | None = None,
        start_from: Snapshot | None = None,
        resumed: Checkpoint | None = None,
        eager: Callable[[], bool] = lambda: False,
    ) -> None:
        self.config = config
        self._eager = eager
        self.history = LossHistory()
        self._target = target
        self._source = source
        self._stages = plan(config)
        self._at = 0
        self._interrupted = threading.Event()
        self._steps_before, self._seconds_before = 0, 0.0
        self._taught: Snapshot | None = None
        if resumed is None:
            self._trainer = self._make_trainer(start_from)
        else:
            self._trainer = self._go_on_from(resumed)
        self.device = self._trainer.device

    @property
    def step(self) -> int:
        """Training steps so far, over all stages."""
        return self._steps_before + self._trainer.step

    @property
    def seconds(self) -> float:
        """Training time so far."""
        return self._seconds_before + self._trainer.seconds

    @property
    def fraction(self) -> float:
        """Share of the budget used, in [0, 1]."""
        if self.config.seconds:
            return min(1.0, self.seconds / self.config.seconds)
        return min(1.0, self.step / sum(stage.config.steps for stage in self._stages))

    @property
    def finished(self) -> bool:
        """Whether the last stage has used up its budget."""
        return self._at == len(self._stages) - 1 and self._trainer.finished

    def interrupt(self) -> None:
        """Let `run` end soon, also while it prepares pairs; the only call for another thread."""
        self._interrupted.set()
        self._trainer.interrupt()

    def run(self) -> Generator[Progress, None, None]:
        """Train to the end of the budget; close the generator to stop earlier.

        Yields:
            Progress about thirty times a second, and after the last step.

        Raises:
            TrainingDiverged: A loss or a weight became NaN or infinite.
            MemoryRanOut: A step does not fit the memory, even in parts.
            DeviceLost: The device failed.
        """
        with faults_named(self):
            yield from self._train()

    def _train(self) -> Generator[Progress, None, None]:
        while True:
            for progress in self._trainer.run():
                self.history.append(progress.losses)
                yield dataclasses.replace(
                    progress, step=self.step, seconds=self.seconds, fraction=self.fraction
                )
            last = self._at == len(self._stages) - 1
            if last or self._interrupted.is_set() or not self._trainer.finished:
                return
            self._next_stage()

    def snapshot(self) -> Snapshot:
        """The averaged weights now, cloned; call it from the training thread, between events.

        While a teacher is trained it is the teacher's, with the teacher's config.

        Raises:
            DeviceLost: The device failed.
        """
        with faults_named(self):
            made = self._trainer.snapshot()
        stage = self._stages[self._at].name
        if self._at < len(self._stages) - 1:
            return dataclasses.replace(made, step=self.step, stage=stage)
        return dataclasses.replace(made, step=self.step, stage=stage, config=self.config)

    def checkpoint(self) -> Checkpoint:
        """The run as it is, to go on with later; to be called as `snapshot` is.

        Raises:
            DeviceLost: The device failed.
        """
        with faults_named(self):
            current = self._trainer.state()
        taught, points = self._taught, self._points()
        labelled = points is not None and self.config.labels == "on"
        state = TrainingState(
            config=self.config,
            stage=self._at,
            steps_before=self._steps_before,
            seconds_before=self._seconds_before,
            current=current,
            teacher=None if taught is None else taught.weights,
            history=self.history.state(),
            points=None if points is None else points.points.numpy(),
            point_labels=points.labels.float().numpy() if points and labelled else None,
        )
        return Checkpoint(self.snapshot(), state)

    def _points(self) -> PointTarget | None:
        """The target if it is someone's points and few enough to be kept with the run."""
        target = self._target
        if self.config.target in SHAPES or not isinstance(target, PointTarget):
            return None
        return target if target.points.nbytes <= POINT_BYTES else None

    def _make_trainer(
        self, start_from: Snapshot | None, resumed: StageState | None = None
    ) -> Trainer:
        stage, at, taught = self._stages[self._at], self._at, self._taught

        def paths(device: torch.device) -> TeacherStream:
            assert taught is not None  # noqa: S101 - no plan begins with a pupil
            return TeacherStream(stage.config, taught, at, device)

        return Trainer(
            stage.config,
            self._target,
            start_from=start_from,
            pairs=paths if stage.from_teacher else None,
            source=self._source,
            resumed=resumed,
            eager=self._eager,
        )

    def _next_stage(self) -> None:
        taught = self._trainer.snapshot()
        self._steps_before, self._seconds_before = self.step, self.seconds
        self._at += 1
        stage = self._stages[self._at]
        self._taught = taught if stage.from_teacher else None
        self._trainer = self._make_trainer(taught if stage.warm else None)
        if self._interrupted.is_set():  # asked while the teacher's paths were solved
            self._trainer.interrupt()

    def _go_on_from(self, checkpoint: Checkpoint) -> Trainer:
        snapshot, state = checkpoint.snapshot, checkpoint.state
        self._at = state.stage
        self._steps_before, self._seconds_before = state.steps_before, state.seconds_before
        self.history = LossHistory.restored(state.history)
        if state.teacher is not None:
            config = self._stages[state.stage - 1].config
            self._taught = dataclasses.replace(snapshot, config=config, weights=state.teacher)
        # As in `Trainer.run`: the teacher's paths depend, in the last bit, on the thread count.
        torch.set_num_threads(self.config.threads)
        trainer = self._make_trainer(snapshot, state.current)
        _check_same_data(self._target.name, trainer.snapshot(), snapshot)
        return trainer


def _check_same_data(name: str, found: Snapshot, expected: Snapshot) -> None:
    """Refuse to go on with other data: the weights would fit neither the one nor the other."""
    same = found.data.shape == expected.data.shape and np.allclose(
        found.data, expected.data, rtol=1e-5, atol=1e-6 * max(expected.normalisation.scale)
    )
    if not same:
        raise DataError(
            f"{name} is not what this run has learned from so far; give the file it began with."
        )
