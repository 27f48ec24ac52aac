"""`flowmap-studio logprob`."""

from __future__ import annotations

from pathlib import Path

import click

from flowmap_studio.cli import console
from flowmap_studio.cli.files import (
    FILE,
    check_classes,
    check_output,
    guidance_option,
    json_option,
    label_option,
    map_argument,
    open_preset,
    read_own_points,
)

OUT_ENDINGS = (".npy", ".csv")


@click.command(
    epilog="Nats, of the density in the data's own units, one figure per point. Maps: the change "
    "of variables through the one-step map, whose inverse is found by Newton's method and whose "
    "Jacobian is exact (up to 64 axes). A point that the map does not reach has nan. Where the "
    "map folds, several places arrive at a point and the figure counts one of them. Velocities "
    "(flow-matching, rectified-flow): the divergence is integrated along the ODE. --json prints: "
    "out, num, dim, mean, reached, folded (points by number).",
)
@map_argument
@click.option(
    "--points",
    required=True,
    type=FILE,
    metavar="IN.npy|.csv|.txt",
    help="Data points, one row per point and one column per axis.",
)
@label_option
@guidance_option
@click.option(
    "--out",
    required=True,
    type=FILE,
    metavar="OUT.npy|.csv",
    help="Where to write the log-likelihoods, in the order of the points: an array (num,) of "
    "float64, or text with a header logprob.",
)
@json_option
def logprob(
    file: Path, points: Path, label: str | None, scale: float, out: Path, as_json: bool
) -> None:
    """Say how likely points are under a map: log-likelihoods in nats."""
    check_output("--out", out, OUT_ENDINGS)
    snapshot = open_preset(file).snapshot
    check_classes(snapshot, label, scale)
    given = read_own_points(points, snapshot.dim)
    import numpy as np

    from flowmap_studio.core.files import points_as_npy, values_as_csv, write_whole
    from flowmap_studio.core.loaded_map import LoadedMap
    from flowmap_studio.core.probes import log_density

    found = log_density(LoadedMap(snapshot), given, label=label, scale=scale)
    npy = out.suffix.lower() == ".npy"
    write_whole(out, points_as_npy(found.nats) if npy else values_as_csv("logprob", found.nats))
    reached = np.isfinite(found.nats)
    mean = float(found.nats[reached].mean()) if reached.any() else float("nan")
    if as_json:
        facts = {"reached": int(reached.sum()), "folded": int(found.folded.sum())}
        about = {"out": str(out), "num": len(given), "dim": snapshot.dim}
        console.emit_json({**about, "mean": mean, **facts})
        return
    points_of = f"{len(given):,} point{'s' * (len(given) != 1)}"
    console.say(f"Mean log-likelihood {console.number(mean)} nats; {points_of} saved as {out}.")
    if not reached.all():
        missing = int((~reached).sum())
        console.warn(f"{missing:,} of {points_of} are not reached by the map and have nan.")
