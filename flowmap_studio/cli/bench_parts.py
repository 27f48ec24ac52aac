"""The parts of `bench quality`: what each trains, counts and prints. Torch only when it runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from flowmap_studio.core.bench import tables
from flowmap_studio.core.bench.recipes import (
    BOARD_SETTINGS,
    DIGITS,
    OF_DIGITS,
    SENSIBLE,
    TWO_TIME,
    TWO_TIME_INDEPENDENT,
    Recipe,
    default_recipe,
    of_methods,
)
from flowmap_studio.core.bench.rows import Effort, ExactRow, Row, mean_over_seeds, verdict
from flowmap_studio.core.config import RunConfig

if TYPE_CHECKING:
    from flowmap_studio.core.bench.watch import Watch


@dataclass(frozen=True)
class Options:
    """What one part shall do.

    Attributes:
        base: Settings of every training, its budget included.
        targets: Names; the part targets alone looks at them.
        recipes: What to train.
        seeds: How many.
        other_seeds: How many for the recipes after the first; the part targets alone looks at it.
    """

    base: RunConfig
    targets: tuple[str, ...]
    recipes: tuple[Recipe, ...]
    seeds: int
    other_seeds: int


@dataclass(frozen=True)
class Shown:
    """Markdown of finished rows.

    Attributes:
        all: For the terminal.
        readme: What the README has of it.
    """

    all: Sequence[str]
    readme: Sequence[str]


@dataclass(frozen=True)
class Part:
    """One part.

    Attributes:
        budget: Steps or seconds of each training when nothing else is said.
        seeds: Seeds when nothing else is said.
        candidates: Recipes that fit it.
        rows: Trains and measures.
        count: Rows that there will be.
        line: One finished row in a line.
        tables: All rows as Markdown.
    """

    budget: Mapping[str, Any]
    seeds: int
    candidates: Sequence[Recipe]
    rows: Callable[[Options, Watch], Iterable[Any]]
    count: Callable[[Options], int]
    line: Callable[[Any], str]
    tables: Callable[[Sequence[Any]], Shown]

    def recipes(self, methods: Collection[str]) -> tuple[Recipe, ...]:
        """The recipes of these methods; all when none is named."""
        return of_methods(self.candidates, methods)


def verdicts(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """How each recipe does against peer and floor, ready for JSON."""
    means = mean_over_seeds(rows)
    trained = dict.fromkeys(row.trained for row in means if not row.peer)
    return [
        {"trained": name, **asdict(verdict(means, name, figure))}
        for name in trained
        for figure in ("sliced_w2", "w2")
    ]


def _target_rows(options: Options, watch: Watch) -> Iterable[Row]:
    from flowmap_studio.core.bench.targets import target_rows

    return target_rows(
        options.base,
        options.targets,
        options.recipes,
        options.seeds,
        watch,
        other_seeds=options.other_seeds,
    )


def _target_count(options: Options) -> int:
    others = len(options.recipes) - 1
    trainings = 2 * options.seeds + others * min(options.seeds, options.other_seeds)
    return len(options.targets) * trainings


def _board_rows(options: Options, watch: Watch) -> Iterable[Row]:
    from flowmap_studio.core.bench.targets import board_rows

    return board_rows(options.base, options.recipes, options.seeds, watch)


def _digit_rows(options: Options, watch: Watch) -> Iterable[Row]:
    from flowmap_studio.core.bench.images import image_rows

    return image_rows(options.base, options.recipes, options.seeds, watch)


def _exact_rows(options: Options, watch: Watch) -> Iterable[ExactRow]:
    from flowmap_studio.core.bench.exact import exact_rows

    return exact_rows(options.base, options.recipes, options.seeds, watch)


def _exact_count(options: Options) -> int:
    from flowmap_studio.core.bench.exact import CASES

    return len(CASES) * len(options.recipes) * options.seeds


def _show_targets(rows: Sequence[Row]) -> Shown:
    ours = [row.trained for row in rows if not row.peer]
    default = default_recipe().label
    beside = tables.peer_table(rows, default if default in ours else ours[0])
    readme = [text for text in (beside, tables.overview_table(rows)) if text]
    every = [tables.full_table(rows), *readme, *tables.diverged_lines(rows)]
    return Shown(every, readme)


def _show_board(rows: Sequence[Row]) -> Shown:
    shown = [tables.board_table(rows)]
    return Shown([*shown, *tables.diverged_lines(rows)], shown)


def _show_exact(rows: Sequence[ExactRow]) -> Shown:
    shown = [tables.exact_table(rows)]
    return Shown([*shown, *tables.diverged_lines(rows)], shown)


def _show_digits(rows: Sequence[Row]) -> Shown:
    from flowmap_studio.core.bench.images import image_table

    shown = [image_table(rows)]
    return Shown([*shown, *tables.diverged_lines(rows)], shown)


def _line(row: Row) -> str:
    named = f"{row.target}: {row.trained}, seed {row.seed}"
    figures = ", ".join(
        f"{name} {value:.3f} in {jumps}"
        for jumps in (min(row.figures, default=1), max(row.figures, default=1))
        for name in ("sliced_w2", "histogram_kl", "forbidden_mass", "frechet", "accuracy")
        if math.isfinite(value := row.at(jumps, name))
    )
    return f"{named}: {figures or row.diverged}{_cost(row.effort)}"


def _exact_line(row: ExactRow) -> str:
    named = f"{row.case}: {row.trained}, seed {row.seed}"
    figures = ", ".join(f"{name} {value:.3g}" for name, value in row.figures.items())
    return f"{named}: {figures or row.diverged}{_cost(row.effort)}"


def _cost(effort: Effort | None) -> str:
    return f"; {effort.steps:,} steps in {effort.seconds:.1f} s" if effort else ""


PARTS: Mapping[str, Part] = {
    "targets": Part(
        budget={"steps": 2000},
        seeds=3,
        candidates=SENSIBLE,
        rows=_target_rows,
        count=_target_count,
        line=_line,
        tables=_show_targets,
    ),
    "checkerboard": Part(
        budget=BOARD_SETTINGS,
        seeds=1,
        candidates=TWO_TIME,
        rows=_board_rows,
        count=lambda o: o.seeds * len(o.recipes),
        line=_line,
        tables=_show_board,
    ),
    "closed-forms": Part(
        budget={"steps": 4000},
        seeds=1,
        candidates=TWO_TIME_INDEPENDENT,
        rows=_exact_rows,
        count=_exact_count,
        line=_exact_line,
        tables=_show_exact,
    ),
    "digits": Part(
        budget=DIGITS,
        seeds=3,
        candidates=OF_DIGITS,
        rows=_digit_rows,
        count=lambda o: o.seeds * len(o.recipes),
        line=_line,
        tables=_show_digits,
    ),
}
