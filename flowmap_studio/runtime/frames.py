"""What the evaluator is asked for and what it answers: immutable values that cross threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.drawing.layers import STAGE_POINTS
from flowmap_studio.core.methods import METHODS
from flowmap_studio.core.snapshot import Snapshot

LATTICE_RESOLUTION = 128
"""Nodes along each axis of the stage's cached steps: about a second to make eight."""
DRAG_POINTS = 1024
"""Composed points while the slider moves; all of them when it rests."""
LIGHT_POINTS = 16_384
"""One-step points while the slider moves, at most. Of larger clouds so many are shown first."""
PLAY_POINTS = 256
"""Composed points while time moves by itself beside a run on the same cores. In a second of one
core there were 16 frames of them, and 10 of 1,024 points."""


MOST_PANES = 6
"""Maps that are shown side by side."""


def pane(place: int) -> str:
    """The cloud of the pane at a place, counted from 0."""
    return f"pane {place}"


@dataclass(frozen=True)
class Rival:
    """Another map, from the same noise.

    Attributes:
        name: What to call it.
        snapshot: The map.
        steps: Its jumps, or steps of its solver.
        solver: Of a velocity.
        note: What is known of it, such as how near its samples came.
    """

    name: str
    snapshot: Snapshot
    steps: int
    solver: str = "euler"
    note: str = ""


@dataclass(frozen=True)
class Sampling:
    """How clouds are sampled, besides the number of steps.

    Attributes:
        solver: How a velocity's composed cloud is solved for; maps jump whatever it is.
        label: The one class that is shown of a conditional map; all when None.
        guidance: Scale of the guidance of a conditional map.
        rival: What stands in the place of the composed cloud.
        panes: What is shown side by side instead of the stage: none, or two at least.
        cached: Take the composed cloud from a lattice of cached steps.
        points: Of each moving cloud; images are as many as there is room for.
        picked: Of images, the sample whose way is shown.
        other: The sample whose noise is mixed with that one's.
    """

    solver: str = "euler"
    label: str | None = None
    guidance: float = 1.0
    rival: Rival | None = None
    panes: tuple[Rival, ...] = ()
    cached: bool = False
    points: int = STAGE_POINTS
    picked: int = 0
    other: int = 1

    def fitted(self, snapshot: Snapshot, training: bool = False) -> Sampling:
        """What of it goes with a map: its classes, rivals of the same target, a lattice.

        Lattices are of the plane, of jumps by themselves (Euler's, for a velocity), and not for a
        run, of which each new map would need a new one.
        """
        known = self.label if self.label in snapshot.classes else None
        target = snapshot.config.target
        rivals = [one for one in self.panes if one.snapshot.config.target == target]
        panes = tuple(rivals) if snapshot.image is None and len(rivals) > 1 else ()
        rival = self.rival
        if rival is not None and rival.snapshot.config.target != target:
            rival = None
        velocity = METHODS[snapshot.config.method].clock == "start"
        jumps = rival is None and (self.solver == "euler" or not velocity)
        cached = self.cached and not training and snapshot.dim == 2 and jumps
        return replace(self, label=known, rival=rival, panes=panes, cached=cached)


@dataclass(frozen=True)
class FrameRequest:
    """Clouds of one snapshot at one time.

    Attributes:
        serial: Grows with every request; answers older than the newest shown are dropped.
        scene: Grows when the user brings another map to the stage; clouds of others are dropped.
        snapshot: Which map.
        t: Flow time in [0, 1].
        steps: Jumps of the composed cloud.
        one_step_points: Points of the one-step cloud, for speed; all when None.
        composed_points: Likewise of the composed cloud and its rivals.
        threads: CPU threads to evaluate with.
        patient: Whether it leaves the cores to a run: nobody's hand waits for this frame.
        rounded: Whether the points may come a little beside, see `LoadedMap.round_off`.
        sampling: How.
    """

    serial: int
    scene: int
    snapshot: Snapshot
    t: float
    steps: int
    one_step_points: int | None
    composed_points: int | None
    threads: int
    patient: bool = False
    rounded: bool = False
    sampling: Sampling = field(default_factory=Sampling)

    @property
    def full(self) -> bool:
        """Whether all points are wanted."""
        return self.composed_points is None

    @property
    def jumps(self) -> bool:
        """Whether its clouds jump: rounding is no help to a solver's steps."""
        sampling = self.sampling
        others = [one for one in (sampling.rival, *sampling.panes) if one is not None]
        ways = [(self.snapshot, sampling.solver), *((one.snapshot, one.solver) for one in others)]
        return all(
            solver == "euler" or METHODS[snapshot.config.method].clock != "start"
            for snapshot, solver in ways
        )

    @property
    def large(self) -> bool:
        """Whether all points are so many that others should not wait for them."""
        return self.full and self.snapshot.image is None and self.sampling.points > STAGE_POINTS


@dataclass(frozen=True)
class Frame:
    """The answer to a request.

    Attributes:
        request: What was asked.
        clouds: (n, dim) points in data units by layer: source, data, one_step, composed, and
            those of panes, see `pane`.
        seconds: Time the evaluation took.
        evaluations: Of the network for each point of the composed cloud; 0 where they are cached.
        labels: (n,) classes of the points by layer, for conditional maps.
        cached_error: RMS and largest error of cached steps at t = 1, in units of the data's
            spread; None where none were asked for.
        rounded: Whether some of its clouds did come so.
        strips: (9, dim) images in data units: "way", one sample from t = 0 to 1, and "mix", samples
            at the frame's time from noise between two samples' noise. Empty for points.
    """

    request: FrameRequest
    clouds: Mapping[str, npt.NDArray[np.float32]]
    seconds: float
    evaluations: float = 0.0
    labels: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    cached_error: tuple[float, float] | None = None
    rounded: bool = False
    strips: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)


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
