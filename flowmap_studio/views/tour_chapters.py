"""The chapters of the guided tour: what each one says, and how it sets the studio up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowmap_studio.views.texts import tr


@dataclass(frozen=True)
class Chapter:
    """One chapter.

    Attributes:
        title: What it is about.
        text: HTML of our own.
        preset: Stem of a shipped preset that comes to the stage.
        layers: Layers that are seen; the others are hidden.
        t: Flow time.
        steps: Of the composed cloud.
        figures: Metrics of the preset by name, each with what it is called.
        play: Whether the flow is played.
        training: Changes of the default settings for a short training, offered as a button.
        train_text: Of that button.
    """

    title: str
    text: str
    preset: str
    layers: tuple[str, ...]
    t: float
    steps: int
    figures: Mapping[str, str]
    play: bool = False
    training: Mapping[str, Any] | None = None
    train_text: str = ""


SHORT = {"steps": 800, "warmup_steps": 50}
ONE, EIGHT, FLOOR = "sliced_w2_1", "sliced_w2_8", "sliced_w2_floor"
DISTANCES = {ONE: "sliced W2 at one step", EIGHT: "at 8 steps", FLOOR: "data against data"}

CHAPTERS = (
    Chapter(
        "What a flow map is",
        """
<p>Noise becomes data by drifting: each point follows a velocity, d<i>x</i>/d<i>t</i> =
<i>v</i><sub>t</sub>(<i>x</i>), from <i>t</i> = 0 to <i>t</i> = 1. To follow it takes many small
steps.</p>
<p>A <b>flow map</b> knows where the way ends. <i>X</i><sub>s,t</sub>(<i>x</i>) is where a point
that is at <i>x</i> at time <i>s</i> will be at time <i>t</i>, so that one jump makes a sample:</p>
<p align="center"><i>x</i><sub>1</sub> = <i>X</i><sub>0,1</sub>(<i>x</i><sub>0</sub>)</p>
<p>Two rules make it a flow map. No time, no way; and two jumps are one long jump:</p>
<p align="center"><i>X</i><sub>s,s</sub>(<i>x</i>) = <i>x</i><br>
<i>X</i><sub>u,t</sub>(<i>X</i><sub>s,u</sub>(<i>x</i>)) = <i>X</i><sub>s,t</sub>(<i>x</i>)</p>
<p><b>Look:</b> the orange points are the same noise at every <i>t</i>. Drag the slider, or press
Space to hold and play.</p>
""",
        preset="moons",
        layers=("source", "data", "one_step"),
        t=0.0,
        steps=1,
        figures={ONE: DISTANCES[ONE], FLOOR: DISTANCES[FLOOR]},
        play=True,
    ),
    Chapter(
        "Why independent pairs collapse",
        """
<p>The simplest recipe draws a noise point <i>x</i><sub>0</sub> and, independently, a data point
<i>x</i><sub>1</sub>, and asks the map to be on the line between them:</p>
<p align="center"><i>I</i><sub>t</sub> = (1 − <i>t</i>) <i>x</i><sub>0</sub> + <i>t</i>
<i>x</i><sub>1</sub><br>
<i>L</i><sub>match</sub> = E ‖φ<sub>t</sub>(<i>x</i><sub>0</sub>) − <i>I</i><sub>t</sub>‖²</p>
<p>But these lines cross. The same noise point is told another end each time, and the least mean
square is their mean:</p>
<p align="center">φ<sub>1</sub>(<i>x</i><sub>0</sub>) = E[<i>x</i><sub>1</sub> |
<i>x</i><sub>0</sub>] = E[<i>x</i><sub>1</sub>]</p>
<p><b>Look:</b> the orange cloud should cover the blue one, and has shrunk to its middle. Pairs that
do not cross (coupling <i>ot</i>) help; chapter 4 has another cure.</p>
""",
        preset="mean-collapse",
        layers=("data", "one_step"),
        t=1.0,
        steps=1,
        figures={"spread_ratio": "spread of the one-step cloud, of the data's", **DISTANCES},
        training={"method": "article", "coupling": "independent", "lambda_cons": 0.1, **SHORT},
        train_text="Watch it collapse",
    ),
    Chapter(
        "How composition drifts",
        """
<p>Here the pairs do not cross, and one step is good. The map is still told only how long it goes,
φ<sub>t</sub>, not from when. Longer ways are composed of shorter ones:</p>
<p align="center">φ<sub>s</sub>(φ<sub>t</sub>(<i>x</i>)) = φ<sub>s+t</sub>(<i>x</i>)</p>
<p>That holds only where the velocity is the same at all times. On the way from noise to data it is
not: the points gather, and a second jump starts from another place and time than the first one
learned from. Each step adds its error.</p>
<p><b>Look:</b> orange is one step, green is composed of eight. Were the rule exact, no green would
be seen. Press ] for more steps and [ for fewer.</p>
""",
        preset="composition-drift",
        layers=("data", "one_step", "composed"),
        t=1.0,
        steps=8,
        figures=DISTANCES,
    ),
    Chapter(
        "How two-time maps fix it",
        """
<p>Tell the network both times. <i>X</i><sub>s,t</sub> may then do another thing early than late,
and composition can be exact. It is learned by two demands. For no time at all it is the velocity of
the pairs, whose <i>mean</i> is just what is wanted there, so that crossing lines do no harm:</p>
<p align="center">E ‖<i>v</i>(<i>I</i><sub>t</sub>, <i>t</i>, <i>t</i>) − (<i>x</i><sub>1</sub> −
<i>x</i><sub>0</sub>)‖²</p>
<p>And a long jump has to be two short ones:</p>
<p align="center">E ‖<i>X</i><sub>s,t</sub>(<i>I</i><sub>s</sub>) −
<i>X</i><sub>u,t</sub>(<i>X</i><sub>s,u</sub>(<i>I</i><sub>s</sub>))‖²</p>
<p><b>Look:</b> orange and green now agree. Train one yourself, with the very pairs of chapter 2:
it does not collapse.</p>
""",
        preset="moons",
        layers=("data", "one_step", "composed"),
        t=1.0,
        steps=8,
        figures=DISTANCES,
        training={"method": "semigroup", "coupling": "independent", **SHORT},
        train_text="Train one here",
    ),
    Chapter(
        "Few steps against many",
        """
<p>How many jumps should it be? One is the fastest. More cost more, once each, and may be sharper,
for each has a shorter way to learn:</p>
<p align="center"><i>x</i><sub>k+1</sub> = <i>X</i><sub>t<sub>k</sub>,t<sub>k+1</sub></sub>(
<i>x</i><sub>k</sub>), &nbsp; 0 = <i>t</i><sub>0</sub> &lt; … &lt; <i>t</i><sub>N</sub> = 1</p>
<p>A checkerboard shows it best: a smooth map tears the noise only roughly, and leaves points
between the squares.</p>
<p><b>Look:</b> green is composed of eight steps, orange is one. Press 3 to hide the orange points
and [ or ] to change the steps. Compare (Ctrl+M) trains other methods and counts evaluations, time
and memory beside the quality.</p>
""",
        preset="checkerboard",
        layers=("one_step", "composed"),
        t=1.0,
        steps=8,
        figures={
            **DISTANCES,
            "forbidden_mass_1": "points between the squares at one step",
            "forbidden_mass_8": "at 8 steps",
        },
    ),
)
SHARES = ("spread_ratio", "forbidden_mass_1", "forbidden_mass_8")
"""Figures that are told in per cent."""


def figures_line(chapter: Chapter, metrics: Mapping[str, float]) -> str:
    """What was measured of the chapter's preset, in one line; "" where nothing was."""
    parts = [
        f"{tr(words)} {metrics[name]:{'.1%' if name in SHARES else '.3f'}}"
        for name, words in chapter.figures.items()
        if name in metrics
    ]
    return tr("Measured on this preset: {figures}.", figures=", ".join(parts)) if parts else ""
