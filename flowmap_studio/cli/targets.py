"""`flowmap-studio targets`."""

from __future__ import annotations

import click

from flowmap_studio.cli import console
from flowmap_studio.cli.files import json_option
from flowmap_studio.core.target_names import FILES, NAMED


@click.command(
    epilog=f"--target takes {FILES} as well. "
    "--json prints: targets (a list of name and summary), files (what else can be a target).",
)
@json_option
def targets(as_json: bool) -> None:
    """List the named targets with a line each."""
    if as_json:
        named = [{"name": name, "summary": line} for name, line in NAMED.items()]
        console.emit_json({"targets": named, "files": FILES})
    else:
        console.show_pairs(list(NAMED.items()))
