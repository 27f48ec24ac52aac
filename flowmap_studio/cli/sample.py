"""`flowmap-studio sample`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowmap_studio.cli import console
from flowmap_studio.cli.files import (
    FILE,
    POINT_ENDINGS,
    check_classes,
    check_output,
    guidance_option,
    json_option,
    label_option,
    load_map,
    map_argument,
    open_preset,
    write_points,
)
from flowmap_studio.cli.sampling import Wanted, draw, in_words
from flowmap_studio.cli.types import SEED, STEPS, WholeNumber, shortened
from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.methods import METHODS
from flowmap_studio.core.solvers import SOLVERS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from flowmap_studio.core.images import ImageShape

NUM = 4096
"""As many points as the window's stage shows."""
MAX_NUM = 100_000_000
SOLVER_NAMES = (*SOLVERS, "sde")
MAX_RESOLUTION = 2048
MOST_IMAGES = 1024
"""Images that one picture shows."""
PICTURE_SIZE = 800
"""Pixels along each side of a .png."""


@click.command(
    epilog="--json prints: out, num, dim, steps, seed, label, guidance, solver, evaluations (how "
    "often the map or the velocity was evaluated on the points; null with --lattice); with "
    "--lattice also lattice: resolution, rms_error, largest_error (in units of the data's spread), "
    "build_seconds, seconds (for the samples) and direct_seconds (for as many without it, from "
    "those that were compared)."
)
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
@label_option
@guidance_option
@click.option(
    "--solver",
    metavar="|".join(SOLVER_NAMES),
    help="Velocities (flow-matching, rectified-flow): solve the ODE by this method in --steps "
    "steps; dopri5 chooses its own. Without it each step is one of Euler's. sde: random ways of "
    "a map of method schrodinger-bridge, by --steps steps of Euler and Maruyama.",
)
@click.option(
    "--lattice",
    type=WholeNumber(2, MAX_RESOLUTION),
    metavar="R",
    help="Cached steps: evaluate each jump once on a grid of R × R nodes and look the samples up "
    "in it; prints the error measured against the map itself. Pays where --num is far above R².",
)
@click.option(
    "--out",
    required=True,
    type=FILE,
    metavar="FILE.npy|.csv|.png",
    help="Where to write: an array (num, dim) of float32; text with a header x,y (or x1..xn); or "
    "a picture of the first two axes, or of up to 1,024 images side by side.",
)
@json_option
def sample(
    file: Path,
    num: int,
    steps: int,
    seed: int,
    label: str | None,
    scale: float,
    solver: str | None,
    lattice: int | None,
    out: Path,
    as_json: bool,
) -> None:
    """Draw samples from a map, in the data's own units."""
    check_output("--out", out, (*POINT_ENDINGS, ".png"))
    snapshot = open_preset(file).snapshot
    check_classes(snapshot, label, scale)
    _check_solver(solver, snapshot.config.method)
    if solver is not None and lattice is not None:
        raise StudioError("--lattice caches jumps, not a solver's steps; leave one of them out.")
    drawn = draw(load_map(snapshot), Wanted(num, steps, seed, label, scale), solver, lattice)
    points, evaluations, cost = drawn
    if out.suffix.lower() == ".png":
        _write_picture(out, points, snapshot.image)
    else:
        write_points(out, points)
    if as_json:
        facts = {"num": num, "dim": snapshot.dim, "steps": steps, "seed": seed}
        how = {"label": label, "guidance": scale, "solver": solver, "evaluations": evaluations}
        cached = {"lattice": cost._asdict()} if cost else {}
        console.emit_json({"out": str(out), **facts, **how, **cached})
    elif solver is None:
        console.say(f"{num:,} samples of {steps:,} step{'s' * (steps > 1)} saved as {out}.")
        if cost:
            console.say(in_words(cost))
    else:
        what = "drift" if solver == "sde" else "velocity"
        console.say(
            f"{num:,} samples by {solver}, {evaluations:,} evaluation"
            f"{'s' * (evaluations != 1)} of the {what}, saved as {out}."
        )


def _check_solver(solver: str | None, method: str) -> None:
    if solver is None:
        return
    if solver not in SOLVER_NAMES:
        raise StudioError(
            f"--solver must be one of {', '.join(SOLVER_NAMES)}, not {shortened(solver)}."
        )
    if METHODS[method].clock != "start" and solver != "sde":
        raise StudioError(
            f"--solver is for velocities (flow-matching, rectified-flow); this map of method "
            f"{method} jumps by itself, so leave it out."
        )


def _write_picture(path: Path, points: npt.NDArray[np.float32], image: ImageShape | None) -> None:
    from flowmap_studio.core.files import write_whole
    from flowmap_studio.core.thumbnails import CARD_COLOUR, density_picture, image_sheet

    if image is not None:
        write_whole(path, image_sheet(points[:MOST_IMAGES], image))
    else:
        write_whole(path, density_picture(points, PICTURE_SIZE, background=CARD_COLOUR))
