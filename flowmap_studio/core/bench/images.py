"""The table of digits: one-step images by a classifier's eyes, beside velocities' many steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import fmean

from flowmap_studio.core.bench.recipes import DIGIT_STEPS, MANY_STEPS, Recipe
from flowmap_studio.core.bench.rows import Row, mean_over_seeds
from flowmap_studio.core.bench.watch import Watch, train
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import TrainingDiverged
from flowmap_studio.core.markdown import table
from flowmap_studio.core.methods import METHODS
from flowmap_studio.core.metrics import Referee
from flowmap_studio.core.targets import open_target

SHOWN = ("frechet", "accuracy", "copied", "sliced_w2")
"""Figures that rows have."""


def image_rows(
    base: RunConfig, recipes: Sequence[Recipe], seeds: int, watch: Watch
) -> Iterator[Row]:
    """Train every recipe, conditional, from every seed and judge its samples.

    Args:
        base: Settings of every run, its target and its budget included. Rectified flow divides
            the budget between the velocity and its reflow.
        recipes: What to train.
        seeds: How many, from the base's seed on.
        watch: Who looks on.

    Yields:
        A row for every training, when it is finished.

    Raises:
        Stopped: The watch wants no more.
    """
    target = open_target(base.target)
    for seed in range(base.seed, base.seed + seeds):
        for recipe in recipes:
            config = recipe.config(base, seed=seed, labels="on")
            what = f"{base.target}: {recipe.label}, seed {seed}"
            row = Row(target=base.target, trained=recipe.label, seed=seed, floor={})
            try:
                loaded, effort = train(config, target, watch, what)
            except TrainingDiverged as error:
                yield row.without(str(error))
                continue
            referee = Referee(target, loaded.snapshot.normalisation, seed=seed)
            velocity = METHODS[recipe.method].clock == "start"
            figures = {}
            for jumps in DIGIT_STEPS if velocity else DIGIT_STEPS[:-1]:
                watch.at(f"{what}: judging {jumps} steps", 1.0)
                figures[jumps] = _shown(referee.judge(loaded, jumps))
            done = Row(
                target=base.target,
                trained=recipe.label,
                seed=seed,
                floor=_shown(referee.floors()),
            )
            yield done.measured(figures, effort)


def image_table(rows: Sequence[Row]) -> str:
    """Fréchet distance and accuracy by number of jumps, mean over seeds, and a line that compares.

    Args:
        rows: Of all seeds.
    """
    means = mean_over_seeds(rows)
    headings = ["digits"]
    headings += [f"Fréchet, {jumps}" for jumps in DIGIT_STEPS]
    headings += [f"accuracy, {jumps}" for jumps in DIGIT_STEPS]
    headings += ["copied, 1", "steps", "seconds"]
    cells = [_cells(row) for row in means]
    floors = [row.floor for row in means if row.floor]
    if floors:
        distance = f"{fmean(floor['frechet'] for floor in floors):.3f}"
        right = f"{fmean(floor['accuracy'] for floor in floors):.1%}"
        same = [distance] * len(DIGIT_STEPS) + [right] * len(DIGIT_STEPS)
        cells.append(["training against held-out images", *same, "5.0%", "", ""])
    return "\n\n".join(filter(None, [table(headings, cells), _line(means)]))


def _shown(figures: dict[str, float]) -> dict[str, float]:
    return {name: figures[name] for name in SHOWN if name in figures}


def _cells(row: Row) -> list[str]:
    if row.effort is None:
        return [row.trained, *["–"] * (2 * len(DIGIT_STEPS) + 1), "diverged", ""]
    return [
        row.trained,
        *(_number(row.at(jumps, "frechet"), "{:.3f}") for jumps in DIGIT_STEPS),
        *(_number(row.at(jumps, "accuracy"), "{:.1%}") for jumps in DIGIT_STEPS),
        _number(row.at(1, "copied"), "{:.1%}"),
        f"{row.effort.steps:,}",
        f"{row.effort.seconds:.0f}",
    ]


def _number(value: float, shape: str) -> str:
    return shape.format(value) if math.isfinite(value) else "–"


def _line(means: Sequence[Row]) -> str:
    """The one-step distance of the map over that of flow matching's many steps."""
    many = next((row.at(MANY_STEPS, "frechet") for row in means if _is(row, "flow-matching")), None)
    once = next((row.at(1, "frechet") for row in means if _is(row, "semigroup")), None)
    if many is None or once is None or not many > 0 or not math.isfinite(once):
        return ""
    return (
        f"One step of the map is {once / many:.2f} times as far from held-out digits as flow "
        f"matching at {MANY_STEPS} Euler steps, in squared Fréchet distance."
    )


def _is(row: Row, method: str) -> bool:
    return row.trained.startswith(f"{method} ") and row.effort is not None
