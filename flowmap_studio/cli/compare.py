"""`flowmap-studio compare`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowmap_studio.cli import console
from flowmap_studio.cli.config_options import (
    ConfigCommand,
    config_options,
    given_settings,
    make_config,
    spellings,
)
from flowmap_studio.cli.files import FILE, json_option, open_preset
from flowmap_studio.cli.interruption import interruptions
from flowmap_studio.cli.progress import comparison_bar
from flowmap_studio.cli.types import WholeNumber
from flowmap_studio.core.comparison_table import (
    COLUMNS,
    Entry,
    Row,
    cells,
    entries_to_train,
    floor_cells,
)
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.methods import METHODS

if TYPE_CHECKING:
    from flowmap_studio.core.comparison import Comparison

FAILED = 1
INTERRUPTED = 130
USUAL = "flow-matching,rectified-flow,semigroup"
POINTS = WholeNumber(4, 1_000_000)


class Methods(click.ParamType):
    """Names of methods, parted by commas."""

    name = "methods"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,  # noqa: ARG002 - click's signature
        ctx: click.Context | None,  # noqa: ARG002
    ) -> tuple[str, ...]:
        """The names, each once.

        Raises:
            StudioError: One of them is no method.
        """
        if isinstance(value, tuple):
            return value
        names = tuple(dict.fromkeys(part.strip() for part in value.split(",")))
        for name in names:
            if name not in METHODS:
                raise StudioError(f"--methods: choose from {', '.join(METHODS)}, not {name!r:.40}.")
        return names


@click.command(
    cls=ConfigCommand,
    epilog="Each map is sampled at sensible numbers of evaluations: flow matching by Euler in 1, 8 "
    "and 100 steps and by adaptive dopri5, rectified flow by Euler in 1 and 8, maps in 1, 2, 4 and "
    "8 jumps. Evaluations are counted, per sample. Distances are in units of the data's spread; "
    "all from the same noise and against the same held-out data. Times are medians while 4,096 "
    "samples are drawn at once, on as many threads as --threads says; memory is what the "
    "activations take at their highest meanwhile. --json prints: target, points, seed, device, "
    "threads, interrupted, floor (figures), failed (sentences) and rows, each with map, method, "
    "coupling, step, sampling, solver (null for maps, which jump), steps, evaluations, the figures "
    "of `evaluate`, seconds_per_sample, parameters, peak_bytes.",
)
@click.argument("files", metavar="[FILE.flowmap]...", type=FILE, nargs=-1)
@click.option(
    "--methods",
    type=Methods(),
    default=USUAL,
    show_default=True,
    metavar="M,M,…",
    help="What to train, each with the same settings, data and seed, where no file is given.",
)
@click.option(
    "--points",
    type=POINTS,
    default=10_000,
    show_default=True,
    help="Samples that each row is judged by.",
)
@json_option
@partial(config_options, exclude=("method",))
def compare(
    files: tuple[Path, ...], methods: tuple[str, ...], points: int, as_json: bool, **options: Any
) -> int:
    """Compare maps, or methods trained alike, in quality, evaluations, time and memory.

    Either name files of maps that learned the same target, or a --target to train on.
    """
    given = given_settings(options)
    entries = _entries(files, methods, given)
    from flowmap_studio.core.comparison import Comparison

    comparison = Comparison(entries, points, entries[0].config.seed if "seed" in given else 0)
    rows: list[Row] = []
    failed: list[str] = []
    with interruptions() as wish, comparison_bar() as bar:
        wish.calls(comparison.interrupt)
        for update in comparison.run():
            bar(update.text, update.fraction)
            if update.row is not None:
                rows.append(update.row)
            if update.failed:
                failed.append(update.text)
    if as_json:
        console.emit_json(_as_dict(entries[0], comparison, rows, failed, wish.asked))
    elif rows:
        _show(comparison, rows)
    for sentence in failed:
        console.error(sentence)
    if wish.asked:
        console.error("Interrupted; what was measured until then is above.")
        return INTERRUPTED
    return FAILED if failed else 0


def _entries(
    files: tuple[Path, ...], methods: tuple[str, ...], given: dict[str, Any]
) -> list[Entry]:
    if not files:
        if "target" not in given:
            raise StudioError("Give maps to compare (FILE.flowmap …), or --target to train on.")
        config = make_config(RunConfig(), given)
        return entries_to_train(config, methods)
    surplus = sorted(set(given) - {"seed", "threads"})
    if surplus:
        raise StudioError(
            f"{spellings(surplus[0])[0]} is for maps to be trained; leave it out, or the files."
        )
    snapshots = [open_preset(path).snapshot for path in files]
    return [
        Entry(path.stem, make_config(snapshot.config, given), snapshot)
        for path, snapshot in zip(files, snapshots, strict=True)
    ]


def _as_dict(
    first: Entry, comparison: Comparison, rows: list[Row], failed: list[str], interrupted: bool
) -> dict[str, Any]:
    return {
        "target": first.config.target,
        "points": comparison.points,
        "seed": comparison.seed,
        "device": comparison.device,
        "threads": first.config.threads,
        "interrupted": interrupted,
        "floor": comparison.floor,
        "failed": failed,
        "rows": [_row_dict(row) for row in rows],
    }


def _row_dict(row: Row) -> dict[str, Any]:
    config = row.snapshot.config
    velocity = METHODS[config.method].clock == "start"
    return {
        "map": row.name,
        "method": config.method,
        "coupling": config.coupling,
        "step": row.snapshot.step,
        "sampling": row.sampling,
        "solver": row.solver if velocity else None,
        "steps": row.steps,
        "evaluations": row.evaluations,
        **row.figures,
        "seconds_per_sample": row.seconds_per_sample,
        "parameters": row.parameters,
        "peak_bytes": row.peak_bytes,
    }


def _show(comparison: Comparison, rows: list[Row]) -> None:
    console.show_grid(list(COLUMNS), [*map(cells, rows), floor_cells(comparison.floor)], names=2)
    click.echo()
    config = rows[0].snapshot.config
    threads = f"{config.threads} thread{'s' * (config.threads > 1)}"
    console.say(
        f"{comparison.points:,} samples a row, the same noise for all; times and memory of 4,096 "
        f"at once on {comparison.device}, {threads}."
    )
