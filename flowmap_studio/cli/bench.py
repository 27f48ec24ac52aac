"""`flowmap-studio bench`: figures of quality and speed, remade by one command."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from flowmap_studio.cli import console
from flowmap_studio.cli.bench_parts import PARTS, Options, Part, verdicts
from flowmap_studio.cli.config_options import Number, make_config
from flowmap_studio.cli.files import json_option
from flowmap_studio.cli.interruption import interruptions
from flowmap_studio.cli.progress import bench_bar
from flowmap_studio.cli.types import Names, WholeNumber
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.methods import METHODS
from flowmap_studio.core.target_names import TARGETS

if TYPE_CHECKING:
    from flowmap_studio.core.bench.speeds import SpeedRow
    from flowmap_studio.core.bench.watch import Watch

INTERRUPTED = 130
BASE = RunConfig(device="cpu")
"""What every benchmark trains with: the program's defaults, on the CPU as the peer."""
GROUP = 16
"""Steps that are timed together."""

Row = TypeVar("Row")


@click.group(
    epilog="Ctrl-C ends a benchmark early: it prints the rows that are finished, with status 130."
)
def bench() -> None:
    """Measure how good the maps are, and how fast the training is."""


@bench.command(
    epilog="targets: sliced W2 and exact W2 by number of steps on the named 2-D targets, beside "
    "OT-CFM at 100 Euler steps with the same batch, width and number of steps (TorchCFM where it "
    "is installed). checkerboard: histogram KL and share of samples on forbidden squares, with "
    "three layers and OT batches of 512. "
    "closed-forms: X_{s,t} on Gaussians and a mixture against the exact maps. digits: Fréchet "
    "distance and accuracy of conditional images beside flow matching and rectified flow. "
    "Distances are in units of the data's spread. --json prints: torch, threads, targets, "
    "checkerboard, "
    "closed_forms and digits (rows of: target or case, trained, seed, figures by number of steps, "
    "floor, effort with steps, seconds and weights, diverged), verdicts, interrupted.",
)
@click.option(
    "--part",
    type=click.Choice(list(PARTS)),
    help="Only this part; all of them if not given.",
)
@click.option(
    "--targets",
    type=Names(TARGETS),
    default="",
    metavar="NAME,NAME,…",
    help="Part targets: only these; all if not given.",
)
@click.option(
    "--methods",
    type=Names(METHODS),
    default="",
    metavar="NAME,NAME,…",
    help="Only these; all that fit the part if not given.",
)
@click.option(
    "--seeds",
    type=WholeNumber(1, 1000),
    metavar="N",
    help="Seeds per map. Default: 3 for targets and digits, 1 for the others.",
)
@click.option(
    "--other-seeds",
    type=WholeNumber(1, 1000),
    metavar="N",
    help="Part targets: seeds of all but the first recipe and the peer. Default: as many.",
)
@click.option(
    "--steps",
    type=Number(),
    metavar="N",
    help="Training steps. Default: 2,000 for targets, 4,000 for closed-forms, 6,000 for digits.",
)
@click.option(
    "--seconds",
    type=Number(),
    metavar="S",
    help="Training time instead of steps. Default for checkerboard: 180.",
)
@json_option
@click.option("--readme", is_flag=True, help="Also put the tables into this checkout's README.")
def quality(
    part: str | None,
    targets: tuple[str, ...],
    methods: tuple[str, ...],
    seeds: int | None,
    other_seeds: int | None,
    steps: float | str | None,
    seconds: float | str | None,
    as_json: bool,
    readme: bool,
) -> int:
    """Train maps and print how near they come to the data, the peer and the exact answer."""
    if targets and part not in (None, "targets"):
        raise StudioError("--targets goes with --part targets; leave it out or change the part.")
    given = {"steps": steps, "seconds": seconds}
    budget = {name: value for name, value in given.items() if value is not None}
    plans = _plans(part, targets, methods, (seeds, other_seeds), budget)
    path = _readme(plans) if readme else None
    found, interrupted = _all_collected(plans)
    tables = {name: PARTS[name].tables(rows) for name, rows in found.items() if rows}
    if as_json:
        console.emit_json(_as_json(found, interrupted=interrupted))
    elif tables:
        click.echo("\n\n".join(text for shown in tables.values() for text in shown.all))
    if interrupted:
        console.error("Interrupted; the finished rows are printed, nothing else was written.")
        return INTERRUPTED
    if path is not None:
        _rewrite(path, {name: shown.readme for name, shown in tables.items()})
    return 0


@bench.command(
    epilog="Milliseconds are medians and 95th percentiles of groups of 16 steps; each loop has its "
    "turn, several times. × is our steps per second over the other's.",
)
@click.option("--rounds", type=WholeNumber(1, 1000), default=5, show_default=True)
@click.option(
    "--steps",
    type=WholeNumber(GROUP, 1_000_000),
    default=320,
    show_default=True,
    help="Timed steps of each turn, rounded down to whole groups of 16.",
)
@click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    default="cpu",
    show_default=True,
    help="Where both loops train.",
)
@json_option
def training(rounds: int, steps: int, device: str, as_json: bool) -> int:
    """Time our training step and the plain loops that it must beat, in turn."""
    from flowmap_studio.core.bench.tables import speed_table

    rows, interrupted = speed_rows_collected(rounds, steps, device)
    if as_json:
        shown = speeds_as_json(rows)
        console.emit_json(
            {**_machine(), "device": device, "training": shown, "interrupted": interrupted}
        )
    elif rows:
        click.echo(speed_table(rows))
    if interrupted:
        console.error("Interrupted; the finished rows are printed.")
        return INTERRUPTED
    return 0


def speed_rows_collected(
    rounds: int, steps: int, device: str = "cpu"
) -> tuple[list[SpeedRow], bool]:
    """The rows of `bench training` until the end or Ctrl-C, and whether it was Ctrl-C."""
    from flowmap_studio.core.bench.training import CASES, speed_rows

    return collected(
        lambda watch: speed_rows(watch, rounds, steps, device),
        len(CASES),
        lambda row: f"{row.case}, batch {row.batch:,}: {row.ratio:.2f} × {row.other_name}",
    )


def speeds_as_json(rows: Sequence[SpeedRow]) -> list[dict[str, Any]]:
    """The rows of `bench training`, ready for JSON."""
    return [asdict(row) | {"ratio": row.ratio} for row in rows]


def _plans(
    part: str | None,
    targets: tuple[str, ...],
    methods: tuple[str, ...],
    seeds: tuple[int | None, int | None],
    budget: dict[str, Any],
) -> dict[str, Options]:
    """What each part shall do; parts that have none of the methods are left out."""
    plans = {
        name: Options(
            base=make_config(BASE.replace(**one.budget), budget),
            targets=targets or tuple(TARGETS),
            recipes=_recipes(name, one, methods, alone=part is not None),
            seeds=seeds[0] or one.seeds,
            other_seeds=seeds[1] or seeds[0] or one.seeds,
        )
        for name, one in PARTS.items()
        if part in (None, name)
    }
    return {name: plan for name, plan in plans.items() if plan.recipes}


def _all_collected(plans: dict[str, Options]) -> tuple[dict[str, list[Any]], bool]:
    """The rows of each part until the end or Ctrl-C, and whether it was Ctrl-C."""
    found: dict[str, list[Any]] = {}
    for name, plan in plans.items():
        part = PARTS[name]
        rows, interrupted = collected(
            functools.partial(part.rows, plan), part.count(plan), part.line
        )
        found[name] = rows
        if interrupted:
            return found, True
    return found, False


def _recipes(name: str, part: Part, methods: Collection[str], *, alone: bool) -> tuple[Any, ...]:
    """The part's recipes of these methods; a part that was asked for by name must have some."""
    recipes = part.recipes(methods)
    if alone and not recipes:
        fit = ", ".join(dict.fromkeys(recipe.method for recipe in part.recipes(())))
        raise StudioError(f"--methods: part {name} measures {fit}; choose from these.")
    return recipes


def collected(
    make: Callable[[Watch], Iterable[Row]], count: int, line: Callable[[Row], str]
) -> tuple[list[Row], bool]:
    """The rows until the end or Ctrl-C, and whether it was Ctrl-C; a line on stderr for each."""
    from flowmap_studio.core.bench.watch import Stopped, Watch

    rows: list[Row] = []
    with interruptions() as wish, bench_bar(count) as bar:
        try:
            for row in make(Watch(bar.show, lambda: wish.asked)):
                rows.append(row)
                bar.finished(line(row))
        except Stopped:
            return rows, True
    return rows, False


def _machine() -> dict[str, Any]:
    import torch

    return {"torch": torch.__version__, "threads": BASE.threads}


def _as_json(found: dict[str, list[Any]], *, interrupted: bool) -> dict[str, Any]:
    rows = {name.replace("-", "_"): [asdict(row) for row in rows] for name, rows in found.items()}
    judged = verdicts(found.get("targets", []))
    return {**_machine(), **rows, "verdicts": judged, "interrupted": interrupted}


def _readme(names: Iterable[str]) -> Path:
    """The README of this checkout, found to have the markers before hours are spent."""
    from flowmap_studio.resources import asset

    path = asset().parent / "README.md"
    if not path.is_file():
        raise StudioError("--readme: there is no README here; run this from a checkout.")
    _rewritten(path, dict.fromkeys(names, ()))
    return path


def _rewrite(path: Path, tables: dict[str, Sequence[str]]) -> None:
    path.write_text(_rewritten(path, tables), encoding="utf-8")


def _rewritten(path: Path, tables: dict[str, Sequence[str]]) -> str:
    from flowmap_studio.core.markdown import with_section

    text = path.read_text(encoding="utf-8")
    for name, parts in tables.items():
        begin, end = f"<!-- bench quality: {name} -->", f"<!-- end of bench quality: {name} -->"
        try:
            text = with_section(text, begin, end, "\n\n".join(parts))
        except ValueError as error:
            raise StudioError(f"--readme: {error}; put the markers back.") from error
    return text
