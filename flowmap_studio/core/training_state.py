"""What a training needs to go on exactly as if it had not been cut off. Torch-free.

There is no state of random generators in it: every draw is a function of the config and the step
(see `core.randomness`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.history import HistoryState
from flowmap_studio.core.snapshot import Snapshot

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class StageState:
    """The part of a run that is being trained.

    The moving average is the snapshot's weights, the weights here are the live ones. Vectors hold
    all trained weights in the network's order, as `FlatWeights` does.

    Attributes:
        step: Steps of this stage.
        seconds: Training time of this stage.
        weights: (n,) what the optimiser changes.
        first: (n,) Adam's mean of the gradient.
        second: (n,) Adam's mean of the squared gradient.
    """

    step: int
    seconds: float
    weights: FloatArray
    first: FloatArray
    second: FloatArray


@dataclass(frozen=True)
class TrainingState:
    """A run that was cut off, besides its snapshot.

    Attributes:
        config: The whole run; a snapshot of its teacher has another one.
        stage: Number of the stage in `stages.plan(config)`.
        steps_before: Steps of the stages before.
        seconds_before: Training time of the stages before, in seconds.
        current: The stage that is being trained.
        teacher: Averaged weights of the stage before, by name, where this one learns from it.
        history: All losses so far.
        points: (n, dim) what is learned, in data units, where that is a file's or a preset's
            points and not too many; None where the target has to be opened again.
        point_labels: (n,) their classes, as numbers; None for maps without classes.
    """

    config: RunConfig
    stage: int
    steps_before: int
    seconds_before: float
    current: StageState
    teacher: Mapping[str, FloatArray] | None
    history: HistoryState
    points: FloatArray | None = None
    point_labels: FloatArray | None = None

    @property
    def step(self) -> int:
        """Steps of the whole run."""
        return self.steps_before + self.current.step


@dataclass(frozen=True)
class Checkpoint:
    """A run in progress: the map as it is, and how to go on with it."""

    snapshot: Snapshot
    state: TrainingState

    def changed(self, **settings: Any) -> Checkpoint:
        """The same run with other settings, such as its device; the snapshot stays as it is."""
        return replace(
            self, state=replace(self.state, config=self.state.config.replace(**settings))
        )
