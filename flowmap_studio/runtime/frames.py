"""What the evaluator is asked for and what it answers: immutable values that cross threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.snapshot import Snapshot

STAGE_POINTS = 4096
"""Points of each cloud on the stage; the default of `flowmap-studio sample` too."""
STAGE_SEED = 0
"""Seed of the stage's noise: `sample --seed 0` gives the very points on the stage at t = 1."""
LATTICE_RESOLUTION = 128
"""Nodes along each axis of the stage's cached steps: about a second to make eight."""
DRAG_POINTS = 1024
"""Composed points while the slider moves; all of them when it rests."""


@dataclass(frozen=True)
class FrameRequest:
    """Clouds of one snapshot at one time.

    Attributes:
        serial: Grows with every request; answers older than the newest shown are dropped.
        scene: Grows when the user brings another map to the stage; clouds of others are dropped.
        snapshot: Which map.
        t: Flow time in [0, 1].
        steps: Jumps of the composed cloud.
        full: All composed points, or `DRAG_POINTS` of them for speed.
        threads: CPU threads to evaluate with.
        patient: Whether it leaves the cores to a run: nobody's hand waits for this frame.
        cached: Take the composed cloud from a lattice of cached steps, where the map has two axes.
    """

    serial: int
    scene: int
    snapshot: Snapshot
    t: float
    steps: int
    full: bool
    threads: int
    patient: bool = False
    cached: bool = False


@dataclass(frozen=True)
class Frame:
    """The answer to a request.

    Attributes:
        request: What was asked.
        clouds: (n, dim) points in data units by layer: source, data, one_step, composed.
        seconds: Time the evaluation took.
        cached_error: RMS and largest error of cached steps at t = 1, in units of the data's
            spread; None where none were asked for or the map is not one of the plane.
    """

    request: FrameRequest
    clouds: Mapping[str, npt.NDArray[np.float32]]
    seconds: float
    cached_error: tuple[float, float] | None = None


@dataclass(frozen=True)
class MeasureRequest:
    """Quality of one snapshot, measured when no frame is waiting that a hand waits for."""

    run: int
    snapshot: Snapshot
    steps: int
    patient: bool = False


@dataclass(frozen=True)
class Measurement:
    """Figures of a snapshot, in units of the data's spread.

    Attributes:
        request: What was asked.
        one_step: Sliced W2 of the one-step cloud.
        composed: Sliced W2 of the cloud composed of `request.steps` jumps.
        floor: Sliced W2 of data against data.
        spread_ratio: Spread of the one-step cloud over the data's.
        folded: Share of the noise at which the one-step map folds; None where it can't.
    """

    request: MeasureRequest
    one_step: float
    composed: float
    floor: float
    spread_ratio: float
    folded: float | None = None


@dataclass(frozen=True)
class PreviewRequest:
    """The untrained map of a config with its target's data, to show before training."""

    serial: int
    config: RunConfig
