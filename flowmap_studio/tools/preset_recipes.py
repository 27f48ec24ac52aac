"""What the shipped presets are trained by: a table for `flowmap_studio.tools.make_presets`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowmap_studio.core.bench.recipes import DIGITS
from flowmap_studio.core.config import RunConfig

STEPS = 5000
"""Training steps of a map that is shipped for its quality."""
CONSISTENCY = 3.0
"""λ of the shapes: at 2,000 steps of one seed it lowered the one-step sliced W2 of moons from
0.0218 (at 1) to 0.0167 and that of rings from 0.0246 to 0.0232."""
MADE_WITH: Mapping[str, Any] = {"optimiser": "adam", "time_power": 1.0}
"""Settings of most shipped maps that are no longer the program's defaults."""
SHARP: Mapping[str, Any] = {
    "optimiser": "muon",
    "time_power": 0.75,
    "position_features": 128,
    "position_detail": 14.0,
    "ot_batch": 512,
}
"""Settings of the checkerboard, whose edges show what others forgive."""


@dataclass(frozen=True)
class Recipe:
    """One shipped preset.

    Attributes:
        name: Its file's stem.
        title: What people read.
        notes: What to look at.
        tags: Words to find it by.
        config: How it is trained; the seed is chosen.
    """

    name: str
    title: str
    notes: str
    tags: tuple[str, ...]
    config: RunConfig

    @property
    def lesson(self) -> bool:
        """Whether it shows a flaw; one seed is as good as another then."""
        return "lesson" in self.tags


def _shape(name: str, title: str, notes: str, **changes: Any) -> Recipe:
    settings = {**MADE_WITH, **changes}
    config = RunConfig(target=name, steps=STEPS, lambda_cons=CONSISTENCY, **settings)
    return Recipe(name, title, notes, ("shape", "two-time"), config)


def _lesson(name: str, title: str, notes: str, **changes: Any) -> Recipe:
    config = RunConfig(method="article", lambda_cons=0.1, **MADE_WITH, **changes)
    return Recipe(name, title, notes, ("lesson", "article"), config)


def _digits(name: str, title: str, notes: str, **changes: Any) -> Recipe:
    config = RunConfig(
        **{**DIGITS, **MADE_WITH, "lambda_cons": 1.0, "coupling": "independent", **changes}
    )
    return Recipe(name, title, notes, ("images", "digits"), config)


RECIPES = (
    _shape(
        "moons", "Two moons", "Noise parts into two half moons. Scrub t and compare the clouds."
    ),
    _shape(
        "checkerboard",
        "Checkerboard",
        "Sharp edges are hard for smooth networks: Fourier features of the position help. "
        "Raise the composed steps and watch the forbidden squares empty.",
        **SHARP,
    ),
    _shape(
        "8gaussians", "Eight Gaussians", "Separate modes: the map must tear the noise eight ways."
    ),
    _shape("spiral", "Spiral", "Two arms wind round the centre."),
    _shape("rings", "Rings", "Three circles, each inside the next: the noise is sorted by radius."),
    _shape("pinwheel", "Pinwheel", "Five twisted blades meet in the middle."),
    _shape("swissroll", "Swiss roll", "One long arm, rolled up: near in space is far along it."),
    _shape("s_curve", "Letter S", "A single bent line, seen from the side."),
    _lesson(
        "mean-collapse",
        "Mean collapse",
        "Independent pairs cross, so the best one-time map sends every noise point to the mean of "
        "the data: at t = 1 the one-step cloud has shrunk. Choose coupling ot, or method "
        "semigroup, and train again.",
        coupling="independent",
        steps=2000,
    ),
    _lesson(
        "composition-drift",
        "Composition drift",
        "A one-time map composes exactly only where the flow does not change with time. Raise the "
        "composed steps: that cloud drifts away from the one-step cloud. Choose method semigroup "
        "and train again.",
        coupling="ot",
        steps=3000,
    ),
    _digits(
        "digits",
        "Digits",
        "Handwritten digits of 8 × 8 pixels in one step from noise. Scrub t and watch all of them "
        "appear at once.",
    ),
    _digits(
        "digits-conditional",
        "Digits by class",
        "The map is told which digit to draw. Choose a class in the bar below, and raise the "
        "guidance to exaggerate it.",
        labels="on",
    ),
    _digits(
        "digits-flow-matching",
        "Digits, flow matching",
        "The baseline: a velocity. One step of it gives the blurred mean of all digits; raise the "
        "composed steps and they become sharp.",
        method="flow-matching",
        labels="on",
    ),
)
