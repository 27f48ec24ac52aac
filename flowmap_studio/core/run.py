"""A whole run: one stage of training, or several where a teacher has to be trained first.

The window and the command line both drive this; each stage is the one loop of `core.trainer`.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Generator
from dataclasses import dataclass

import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.methods import METHODS
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.targets import Target
from flowmap_studio.core.teacher import TeacherStream
from flowmap_studio.core.trainer import Progress, Trainer


@dataclass(frozen=True)
class Stage:
    """One part of a run.

    Attributes:
        config: What this part trains, its budget included.
        from_teacher: Whether its pairs are the ODE paths of the stage before.
        warm: Whether it begins with the weights of the stage before.
        name: What it trains, for people; "" where there is but one.
    """

    config: RunConfig
    from_teacher: bool = False
    warm: bool = False
    name: str = ""


def plan(config: RunConfig) -> list[Stage]:
    """The stages of a run; their budgets add up to the config's.

    Rectified flow (Liu et al. 2022) trains flow matching, then `reflows` times again on its own
    pairs, each time from the weights it has. Coupling reflow and trajectory distillation train a
    flow-matching teacher first.
    """
    info = METHODS[config.method]
    first = "independent" if config.coupling == "reflow" else config.coupling
    if config.method == "rectified-flow":
        count = config.reflows + 1
        shares = _shares(config, [1 / count] * count)
        teacher = Stage(_teacher(shares[0], first), name="flow matching")
        reflows = (
            Stage(share, from_teacher=True, warm=True, name=f"reflow {number}")
            for number, share in enumerate(shares[1:], start=1)
        )
        return [teacher, *reflows]
    if config.needs_teacher:
        teaching, learning = _shares(config, [config.teacher_share, 1 - config.teacher_share])
        teacher = Stage(_teacher(teaching, first), name="teacher")
        pupil = "distillation" if info.learns_from_teacher else "on the teacher's pairs"
        warm = info.clock == "start" and not info.has_score  # else the teacher's weights don't fit
        return [teacher, Stage(learning, from_teacher=True, warm=warm, name=pupil)]
    return [Stage(config)]


def _teacher(config: RunConfig, coupling: str) -> RunConfig:
    """What the teacher is trained with: flow matching, of which there is no free form."""
    return config.replace(
        method="flow-matching",
        coupling=coupling,
        parametrisation="residual",
        density_head="off",
    )


def _shares(config: RunConfig, shares: list[float]) -> list[RunConfig]:
    """The config with parts of its budget; every stage has a step at least."""
    parts, used, done = [], 0, 0.0
    for share in shares:
        done += share
        steps = max(1, round(done * config.steps) - used)
        used += steps
        parts.append(config.replace(steps=steps, seconds=share * config.seconds))
    return parts


class Run:
    """Trains the stages of a config one after the other. Use it from one thread.

    Attributes:
        config: The run.
        device: Where it trains.

    Args:
        config: The run.
        target: What to learn.
        source: Where the map starts; the standard normal when None.
        start_from: A snapshot whose weights to begin with instead of fresh ones.

    Raises:
        DeviceError: The config's device is not there.
        DataError: The target has no spread.
    """

    def __init__(
        self,
        config: RunConfig,
        target: Target,
        source: Target | None = None,
        start_from: Snapshot | None = None,
    ) -> None:
        self.config = config
        self._target = target
        self._source = source
        self._stages = plan(config)
        self._at = 0
        self._interrupted = threading.Event()
        self._steps_before, self._seconds_before = 0, 0.0
        self._trainer = Trainer(self._stages[0].config, target, start_from, source=source)
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
        """
        while True:
            for progress in self._trainer.run():
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
        """
        made, stage = self._trainer.snapshot(), self._stages[self._at].name
        if self._at < len(self._stages) - 1:
            return dataclasses.replace(made, step=self.step, stage=stage)
        return dataclasses.replace(made, step=self.step, stage=stage, config=self.config)

    def _next_stage(self) -> None:
        done = self._trainer
        self._steps_before, self._seconds_before = self.step, self.seconds
        self._at += 1
        stage = self._stages[self._at]
        taught = done.snapshot()

        def paths(device: torch.device) -> TeacherStream:
            return TeacherStream(stage.config, taught, self._at, device)

        self._trainer = Trainer(
            stage.config,
            self._target,
            start_from=taught if stage.warm else None,
            pairs=paths if stage.from_teacher else None,
            source=self._source,
        )
        if self._interrupted.is_set():  # asked while the teacher's paths were solved
            self._trainer.interrupt()
