"""What the prober is asked for and what it answers: immutable values that cross threads."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.snapshot import Snapshot

LAYER_PROBES = (
    *("grid", "velocity", "trajectories"),
    *("area", "likelihood", "density", "semigroup"),
)
"""Probes that are layers of the stage, the cheap ones first."""
READINGS = ("folds", "energy", "data_likelihood", "residual")
"""Probes that are figures of a map, whatever the flow time."""
TRACE = "trace"
TIMELESS = ("trajectories", TRACE, *READINGS)
"""They tell of all flow times at once, so that scrubbing asks for none of them."""
SLOW = ("area", "likelihood", "density", "semigroup", *READINGS)
"""What takes longer than a frame."""
DEPTH_NATS = 8.0
"""What is less likely than the best place by more than this is left out."""

Wide = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Lines:
    """Lines in the plane.

    Attributes:
        x: (n,) in data units; NaN between two lines.
        y: (n,) likewise.
    """

    x: Wide
    y: Wide


@dataclass(frozen=True)
class Paths:
    """Where points are at some times.

    Attributes:
        times: (k,) flow times, rising.
        positions: (k, n, dim) in data units.
        converged: (n,) whether the noise that the points come from was found.
    """

    times: Wide
    positions: Wide
    converged: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Following:
    """What a user picked to be followed over time.

    Attributes:
        group: (m,) places of points among the stage's noise.
        path: The way of the traced point, alone; None where there is none.
    """

    group: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    path: Paths | None = None


@dataclass(frozen=True)
class Heat:
    """A figure at each place of a rectangle.

    Attributes:
        values: (rows, columns), the first row at the bottom; NaN where there is none.
        low: (2,) lower left corner in data units.
        high: (2,) upper right corner.
        folded: (rows, columns) where the map folds.
        top: The largest figure.
    """

    values: Wide
    low: Wide
    high: Wide
    folded: npt.NDArray[np.bool_]
    top: float = 0.0


@dataclass(frozen=True)
class Residuals:
    """The semigroup residual over pairs of times.

    Attributes:
        times: (k,) flow times, rising.
        values: (k, k) by s and t, in units of the data's spread; NaN where t is not later than s.
    """

    times: Wide
    values: Wide


@dataclass(frozen=True)
class Trace:
    """Points to follow from noise to data and back.

    Attributes:
        points: (n, 2) in data units.
        at: Their flow time: 0 for noise.
        rows: (n,) their places among the stage's noise points, if that is what they are; of a
            conditional map they have its classes.
    """

    points: Wide
    at: float
    rows: tuple[int, ...] = ()


Value = Lines | Paths | Heat | Residuals | float


@dataclass(frozen=True)
class ProbeRequest:
    """Probes of one snapshot at one time.

    Attributes:
        serial: Grows with every request.
        snapshot: Which map.
        t: Flow time in [0, 1].
        label: Class of a conditional map; all when None.
        guidance: Scale of its guidance.
        wanted: Names of probes.
        trace: What `TRACE` follows.
        patient: Whether it leaves the cores to a run.
    """

    serial: int
    snapshot: Snapshot
    t: float
    label: str | None
    guidance: float
    wanted: tuple[str, ...]
    trace: Trace | None = None
    patient: bool = False

    def is_of_run(self, snapshot: Snapshot) -> bool:
        """Whether it is of the same run as a snapshot, whose data all its snapshots share."""
        return self.snapshot.data is snapshot.data

    def serves(self, name: str, other: ProbeRequest) -> bool:
        """Whether the answer for a probe would serve another request as well."""
        alike = self.snapshot is other.snapshot and self.label == other.label
        alike = alike and self.guidance == other.guidance
        alike = alike and (name != TRACE or self.trace is other.trace)
        return alike and (name in TIMELESS or self.t == other.t)


@dataclass(frozen=True)
class ProbeAnswer:
    """One probe.

    Attributes:
        request: What was asked.
        name: Which probe.
        value: What was found; None where it does not exist.
        sentence: Why not, or "".
    """

    request: ProbeRequest
    name: str
    value: Value | None
    sentence: str = ""
