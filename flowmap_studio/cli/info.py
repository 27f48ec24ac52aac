"""`flowmap-studio info`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowmap_studio.cli import console
from flowmap_studio.cli.config_options import spellings
from flowmap_studio.cli.files import json_option, map_argument, open_preset
from flowmap_studio.core.config import settings

if TYPE_CHECKING:
    from flowmap_studio.core.presets import Preset


@click.command(
    epilog="--json prints: file, title, notes, tags, created_by, step, dim, parameters, "
    "data_points, config (every setting by name), metrics (by name), normalisation (shift, scale).",
)
@map_argument
@json_option
def info(file: Path, as_json: bool) -> None:
    """Say what a map is: its settings, how it was trained, what was measured."""
    preset = open_preset(file)
    if as_json:
        console.emit_json(_as_dict(file, preset))
    else:
        _show(file, preset)


def _as_dict(file: Path, preset: Preset) -> dict[str, Any]:
    snapshot = preset.snapshot
    return {
        "file": str(file),
        "title": preset.title,
        "notes": preset.notes,
        "tags": preset.tags,
        "created_by": preset.created_by,
        "step": snapshot.step,
        "dim": snapshot.dim,
        "parameters": _parameters(preset),
        "data_points": len(snapshot.data),
        "config": snapshot.config.as_dict(),
        "metrics": snapshot.metrics,
        "normalisation": {
            "shift": snapshot.normalisation.shift,
            "scale": snapshot.normalisation.scale,
        },
    }


def _show(file: Path, preset: Preset) -> None:
    snapshot = preset.snapshot
    described = [
        ("File", str(file)),
        ("Title", preset.title),
        ("Notes", preset.notes),
        ("Tags", ", ".join(preset.tags)),
        ("Made by", preset.created_by),
        ("Trained", f"{snapshot.step:,} steps"),
        ("Map", f"{snapshot.dim} axes, {_parameters(preset):,} weights"),
        ("Data", f"{len(snapshot.data):,} points kept"),
    ]
    console.show_pairs([pair for pair in described if pair[1]])
    if snapshot.metrics:
        click.echo()
        figures = [(name, console.number(value)) for name, value in snapshot.metrics.items()]
        console.show_pairs(figures, "Measured, in units of the data's spread")
    click.echo()
    config = snapshot.config.as_dict()
    shown = [(spellings(name)[0], f"{config[name]} {s.unit}") for name, s in settings().items()]
    console.show_pairs(shown, "Settings")


def _parameters(preset: Preset) -> int:
    return sum(math.prod(array.shape) for array in preset.snapshot.weights.values())
