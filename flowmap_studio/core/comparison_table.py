"""What takes part in a comparison and how its rows are written, in both interfaces. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.snapshot import Snapshot

COLUMNS: Mapping[str, str] = {
    "Map": "What was trained, or the preset's name",
    "Sampling": "Steps of an ODE solver for velocities, jumps for maps",
    "Evaluations": "Of the network for each sample, counted; an adaptive solver chooses for itself",
    "Sliced W2": "Sliced 2-Wasserstein distance to fresh data in units of the data's spread; lower "
    "is better, but it forgives blur",
    "W2": "Exact 2-Wasserstein distance between 1,000 samples and 1,000 data points; two samples "
    "of the data differ by the floor",
    "Coverage": "Share of data points with a sample nearer than their fifth nearest neighbour; "
    "higher is better",
    "Time": "For each sample while 4,096 are drawn at once, the median of several draws",
    "Parameters": "Numbers that the network has learned",
    "Memory": "What the activations take at their highest while 4,096 samples are drawn at once",
}
"""Headings with what they mean."""
FIGURES = {"sliced_w2": "{:.3f}", "w2": "{:.3f}", "coverage": "{:.1%}"}
FLOOR = "Data against data"


@dataclass(frozen=True)
class Entry:
    """What takes part.

    Attributes:
        name: What to call it.
        config: What to train; that of the map where there is one.
        snapshot: A map that is trained already.
    """

    name: str
    config: RunConfig
    snapshot: Snapshot | None = None


@dataclass(frozen=True)
class Row:
    """One map sampled in one way.

    Attributes:
        name: Of the entry.
        snapshot: The map.
        solver: A velocity's solver; "euler" for maps, which jump.
        steps: Steps of the solver or jumps; 1 for an adaptive solver.
        sampling: What that is called.
        evaluations: Of the network for each sample.
        figures: As `Referee.compare` gives them: sliced_w2, w2, coverage and others.
        seconds_per_sample: While 4,096 are drawn at once.
        parameters: Numbers that the map has learned.
        peak_bytes: Of activations, while 4,096 are drawn at once; see `costs.PeakMemory`.
    """

    name: str
    snapshot: Snapshot
    solver: str
    steps: int
    sampling: str
    evaluations: float
    figures: Mapping[str, float]
    seconds_per_sample: float
    parameters: int
    peak_bytes: int


@dataclass(frozen=True)
class Update:
    """How far a comparison is.

    Attributes:
        text: What is done now, or what went wrong.
        fraction: Share of the whole that is done, in [0, 1].
        row: A new row of the table.
        failed: Whether an entry had to be given up; `text` says why.
    """

    text: str
    fraction: float
    row: Row | None = None
    failed: bool = False


def entries_to_train(base: RunConfig, methods: Sequence[str]) -> list[Entry]:
    """One entry for each method, of the same settings and seed but for it.

    Raises:
        ConfigError: A method does not go with the other settings.
    """
    return [Entry(name, base.replace(method=name)) for name in dict.fromkeys(methods)]


def cells(row: Row) -> list[str]:
    """A row in the order of `COLUMNS`."""
    return [
        row.name,
        row.sampling,
        f"{row.evaluations:,.0f}",
        *_figures(row.figures),
        duration(row.seconds_per_sample),
        f"{row.parameters:,}",
        f"{row.peak_bytes / 2**20:,.1f} MiB",
    ]


def floor_cells(figures: Mapping[str, float]) -> list[str]:
    """The row of data against data, in the order of `COLUMNS`."""
    return [FLOOR, "", "", *_figures(figures), "", "", ""]


def duration(seconds: float) -> str:
    """A time in microseconds or milliseconds, of three significant digits."""
    for unit, size in (("µs", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * size:
            value = seconds / size
            return f"{value:.{0 if value >= 99.95 else 1 if value >= 9.995 else 2}f} {unit}"
    return f"{seconds:.2f} s"


def _figures(figures: Mapping[str, float]) -> list[str]:
    return [form.format(figures[name]) for name, form in FIGURES.items()]
