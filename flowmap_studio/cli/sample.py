"""`flowmap-studio sample`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowmap_studio.cli import console
from flowmap_studio.cli.files import (
    FILE,
    POINT_ENDINGS,
    check_output,
    json_option,
    load_map,
    map_argument,
    open_preset,
    write_points,
)
from flowmap_studio.cli.types import SEED, STEPS, WholeNumber

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NUM = 4096
"""As many points as the window's stage shows."""
MAX_NUM = 100_000_000
PICTURE_SIZE = 800
"""Pixels along each side of a .png."""


@click.command(epilog="--json prints: out, num, dim, steps, seed.")
@map_argument
@click.option(
    "--num",
    type=WholeNumber(1, MAX_NUM),
    default=NUM,
    show_default=True,
    help="Samples to draw.",
)
@click.option(
    "--steps",
    type=STEPS,
    default=1,
    show_default=True,
    help="Jumps from noise to data.",
)
@click.option(
    "--seed",
    type=SEED,
    default=0,
    show_default=True,
    help="Of the noise. With the defaults of --num and --seed the samples are the points that the "
    "window shows at t = 1.",
)
@click.option(
    "--out",
    required=True,
    type=FILE,
    metavar="FILE.npy|.csv|.png",
    help="Where to write: an array (num, dim) of float32; text with a header x,y (or x1..xn); or "
    "a picture of the first two axes.",
)
@json_option
def sample(file: Path, num: int, steps: int, seed: int, out: Path, as_json: bool) -> None:
    """Draw samples from a map, in the data's own units."""
    check_output("--out", out, (*POINT_ENDINGS, ".png"))
    snapshot = open_preset(file).snapshot
    points = load_map(snapshot).sample(num, steps, seed)
    if out.suffix.lower() == ".png":
        _write_picture(out, points)
    else:
        write_points(out, points)
    if as_json:
        facts = {"num": num, "dim": snapshot.dim, "steps": steps, "seed": seed}
        console.emit_json({"out": str(out), **facts})
    else:
        console.say(f"{num:,} samples of {steps:,} step{'s' * (steps > 1)} saved as {out}.")


def _write_picture(path: Path, points: npt.NDArray[np.float32]) -> None:
    from flowmap_studio.core.files import write_whole
    from flowmap_studio.core.thumbnails import CARD_COLOUR, density_picture

    write_whole(path, density_picture(points, PICTURE_SIZE, background=CARD_COLOUR))
