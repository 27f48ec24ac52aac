"""What goes where: results to stdout, everything else to stderr, as people or machines read it."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.table import Table

    from flowmap_studio.core.advice import Advice

PIPED_WIDTH = 160
"""Columns of a table that is not shown on a terminal."""


def survive_narrow_encodings() -> None:
    """Show λ and · as ? where the terminal lacks them, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def printable(text: str) -> str:
    """One line without characters that could steer a terminal."""
    return "".join(c if c.isprintable() else "�" for c in " ".join(text.split()))


def error(sentence: str) -> None:
    """One line on stderr."""
    click.echo(f"flowmap-studio: {printable(sentence)}", err=True)


def warn(sentence: str) -> None:
    """One line on stderr that the user should not overlook."""
    click.secho(f"Warning: {printable(sentence)}", err=True, fg="yellow")


def say(sentence: str) -> None:
    """One line of the result, for people."""
    click.echo(printable(sentence))


def emit_json(value: Mapping[str, Any]) -> None:
    """The one JSON object of a command; what is no finite number becomes null."""
    click.echo(json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def as_findings(advice: Sequence[Advice]) -> dict[str, Any]:
    """Advice as commands print it as JSON: the first sentence, and all that was found."""
    return {
        "advice": advice[0].sentence if advice else None,
        "findings": [
            {"kind": one.kind, "sentence": one.sentence, "change": one.change} for one in advice
        ],
    }


def show_pairs(pairs: Sequence[tuple[str, str]], title: str = "") -> None:
    """Names and values, one pair a line, under a title."""
    if title:
        click.secho(printable(title), bold=True)
    table = _table()
    table.show_header = False
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(printable(name), "\n".join(printable(line) for line in value.split("\n")))
    _show(table)


def show_grid(headings: Sequence[str], rows: Sequence[Sequence[str]], names: int = 1) -> None:
    """A table whose first columns, so many, name the rows and whose others are numbers."""
    table = _table()
    for at, heading in enumerate(headings):
        table.add_column(heading, justify="left" if at < names else "right", no_wrap=True)
    for row in rows:
        table.add_row(*map(printable, row))
    _show(table)


def number(value: float | None) -> str:
    """Four significant digits, or a dash for what was not measured."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.4g}"


def share(value: float | None) -> str:
    """A share in per cent, or a dash."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.1%}"


def _table() -> Table:
    from rich.table import Table

    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))


def _show(table: Table) -> None:
    from rich.console import Console

    # Markup stays off: titles and notes come from other people's files.
    width = None if sys.stdout is not None and sys.stdout.isatty() else PIPED_WIDTH
    console = Console(width=width, markup=False, highlight=False, emoji=False)
    with console.capture() as shown:
        console.print(table)
    for line in shown.get().splitlines():
        click.echo(line.rstrip())


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
