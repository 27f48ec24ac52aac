"""The quality figures of a run against its training step."""

from __future__ import annotations

from dataclasses import dataclass, field

from flowmap_studio.core.advice import Figures
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.runtime.frames import Measurement

SPACING = 1.08
"""Measured again when the step has grown by this factor, so that early learning is well seen."""
LEAST_STEPS = 50
LATE = 0.75
"""Up to this share of the steps a figure is an earlier one than the newest."""
LONGEST_GAP = 4.0
"""Seconds of training after which it is measured again in any case: long runs stay in sight."""
FIGURE = "sliced_w2_"
"""In presets the number of jumps follows."""


@dataclass
class QualityHistory:
    """Sliced W2 of the one-step and the composed cloud, in units of the data's spread."""

    steps: list[int] = field(default_factory=list)
    one_step: list[float] = field(default_factory=list)
    composed: list[float] = field(default_factory=list)
    jumps: list[int] = field(default_factory=list)
    floor: float | None = None
    spread_ratio: float | None = None
    folded: float | None = None
    _asked: int = -1
    _asked_at: float = 0.0

    def due(self, step: int, seconds: float = 0.0) -> bool:
        """Whether a snapshot is worth measuring; counts as asked for if so.

        Args:
            step: Its training step.
            seconds: Training time behind it.
        """
        grown = step >= max(self._asked + LEAST_STEPS, self._asked * SPACING)
        if self._asked < 0 or grown or seconds >= self._asked_at + LONGEST_GAP:
            self._asked, self._asked_at = step, seconds
            return True
        return False

    def add(self, measurement: Measurement) -> None:
        """Take a measurement; one of the newest step replaces it."""
        step = measurement.request.snapshot.step
        if self.steps and self.steps[-1] == step:
            for series in (self.steps, self.one_step, self.composed, self.jumps):
                series.pop()
        elif self.steps and step < self.steps[-1]:
            return
        self.steps.append(step)
        self.one_step.append(measurement.one_step)
        self.composed.append(measurement.composed)
        self.jumps.append(measurement.request.steps)
        self.floor = measurement.floor
        self.spread_ratio = measurement.spread_ratio
        self.folded = measurement.folded

    def load(self, snapshot: Snapshot) -> None:
        """Take the figures that a preset brings; of several numbers of jumps, the largest."""
        metrics = snapshot.metrics
        if "sliced_w2_1" not in metrics:
            return
        # One jump is the one-step cloud, so a preset without composed figures has that one.
        jumps = max(int(name.removeprefix(FIGURE)) for name in metrics if _is_figure(name))
        self.steps, self.one_step = [snapshot.step], [metrics["sliced_w2_1"]]
        self.composed, self.jumps = [metrics[f"{FIGURE}{jumps}"]], [jumps]
        self.floor = metrics.get("sliced_w2_floor")
        self.spread_ratio = metrics.get("spread_ratio")
        self.folded = metrics.get("folded_share")

    def metrics_at(self, step: int) -> dict[str, float]:
        """The figures measured at exactly this step, named as in presets."""
        if step not in self.steps or self.floor is None or self.spread_ratio is None:
            return {}
        at = self.steps.index(step)
        figures = {
            f"{FIGURE}{self.jumps[at]}": self.composed[at],
            f"{FIGURE}1": self.one_step[at],
            "sliced_w2_floor": self.floor,
        }
        if at == len(self.steps) - 1:
            figures["spread_ratio"] = self.spread_ratio
            if self.folded is not None:
                figures["folded_share"] = self.folded
        return figures

    def figures(self, progress: float) -> Figures:
        """What is known of the newest measured map, for the advisers.

        Args:
            progress: Share of the run's budget that is used.
        """
        if not self.steps:
            return Figures(0)
        step = self.steps[-1]
        late = [w for at, w in zip(self.steps, self.one_step, strict=True) if at <= LATE * step]
        return Figures(
            step,
            progress=progress,
            spread_ratio=self.spread_ratio,
            one_step=self.one_step[-1],
            composed=self.composed[-1],
            jumps=self.jumps[-1],
            floor=self.floor,
            folded=self.folded,
            earlier=late[-1] if late else None,
        )


def _is_figure(name: str) -> bool:
    return name.startswith(FIGURE) and name.removeprefix(FIGURE).isdecimal()
