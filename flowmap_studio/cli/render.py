"""`flowmap-studio render`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowmap_studio.cli import console
from flowmap_studio.cli.files import (
    FILE,
    check_classes,
    check_output,
    guidance_option,
    json_option,
    label_option,
    load_map,
    map_argument,
    open_preset,
)
from flowmap_studio.cli.types import STEPS, Decimal, Names, Size, Time, WholeNumber, shortened
from flowmap_studio.core.drawing.layers import (
    ALL_LAYERS,
    LAYERS,
    STAGE_COUNTS,
    STAGE_POINTS,
    stage_count,
)
from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.film_limits import (
    FILM_ENDINGS,
    LEAST_SECONDS,
    LEAST_SIDE,
    MOST_FPS,
    MOST_SECONDS,
    MOST_SIDE,
    STILL_ENDINGS,
    Look,
    Timing,
    check_film,
)
from flowmap_studio.core.methods import METHODS
from flowmap_studio.core.palettes import PALETTES
from flowmap_studio.core.projections import Ride, chosen_axes, principal_axes
from flowmap_studio.core.snapshot import check_cloud
from flowmap_studio.core.solvers import SOLVERS

if TYPE_CHECKING:
    from flowmap_studio.core.snapshot import Snapshot
    from flowmap_studio.core.stage_clouds import StageClouds


@click.command(
    epilog="The points are those of the window's stage, from the same noise; the view fits source "
    "and data on equal axes. Of images each layer is a sheet. --json prints: out, size, layers, "
    "steps, num, label, guidance, solver, projection, look and bytes; of a film also frames, fps "
    "and seconds, of a picture time."
)
@map_argument
@click.option(
    "--out",
    required=True,
    type=FILE,
    metavar="FILE.gif|.mp4|.png|.svg",
    help="Where to write: a film of the flow from noise to data, or a picture at one time.",
)
@click.option(
    "--size",
    type=Size(LEAST_SIDE, MOST_SIDE),
    default="640x640",
    show_default=True,
    metavar="WxH",
    help="Width and height in pixels; both even for an .mp4.",
)
@click.option(
    "--fps",
    type=WholeNumber(1, MOST_FPS),
    help="Frames per second of a film.  [default: 25]",
)
@click.option(
    "--seconds",
    type=Decimal(LEAST_SECONDS, MOST_SECONDS),
    help="How long a film lasts.  [default: 4]",
)
@click.option("--time", "t", type=Time(), metavar="T", help="Flow time of a picture.  [default: 1]")
@click.option(
    "--layers",
    type=Names(ALL_LAYERS),
    default=",".join(LAYERS),
    show_default=True,
    metavar="L,L,…",
    help="What is drawn, of: " + ", ".join(ALL_LAYERS) + ".",
)
@click.option(
    "--steps",
    type=STEPS,
    default=8,
    show_default=True,
    help="Jumps of the composed cloud, or steps of a velocity's solver.",
)
@click.option(
    "--num",
    type=WholeNumber(1, STAGE_COUNTS[-1]),
    default=STAGE_POINTS,
    show_default=True,
    help="Points of each moving cloud; of images there are as many as there is room for.",
)
@label_option
@guidance_option
@click.option(
    "--solver",
    metavar="|".join(SOLVERS),
    help="How the composed cloud of a velocity is solved for; Euler's method when left out.",
)
@click.option(
    "--projection",
    metavar="principal|tour|X,Y",
    help="How points of more than two axes are seen: along their principal axes (the default), in "
    "views that change, or along two axes, such as 1,3.",
)
@click.option(
    "--look",
    default="light",
    show_default=True,
    metavar="|".join(PALETTES),
    help="Colours, as the window's.",
)
@json_option
def render(
    file: Path,
    out: Path,
    size: tuple[int, int],
    fps: int | None,
    seconds: float | None,
    t: float | None,
    layers: tuple[str, ...],
    steps: int,
    num: int,
    label: str | None,
    scale: float,
    solver: str | None,
    projection: str | None,
    look: str,
    as_json: bool,
) -> None:
    """Draw a map's flow as a film or a picture, without a window."""
    check_output("--out", out, (*FILM_ENDINGS, *STILL_ENDINGS))
    ending = out.suffix.lower()
    _check_times(ending, fps, seconds, t)
    wanted = Look(size, _known("--look", look, tuple(PALETTES)), _layers(layers))
    timing = Timing(fps or Timing.fps, seconds or Timing.seconds)
    if ending in FILM_ENDINGS:
        check_film(ending, wanted, timing)
    snapshot = open_preset(file).snapshot
    if ending == ".svg":
        check_cloud(snapshot)
    check_classes(snapshot, label, scale)
    _check_solver(solver, snapshot)
    wanted = _seen_along(wanted, projection, snapshot, ending)
    from flowmap_studio.core.stage_clouds import StageClouds, Way

    way = Way(steps, solver or "euler", label, scale, num)
    clouds = StageClouds(load_map(snapshot), way, wanted.layers)
    time = 1.0 if t is None else t
    content, facts = (
        (_film(clouds, wanted, timing, ending), _timing_facts(timing))
        if ending in FILM_ENDINGS
        else (_still(clouds, time, wanted, ending), {"time": time})
    )
    from flowmap_studio.core.files import write_whole

    write_whole(out, content)
    if as_json:
        drawn = {"out": str(out), "size": size, "layers": wanted.layers}
        drawn |= {"steps": steps, "num": stage_count(snapshot.image, num)}
        how = {"label": label, "guidance": scale, "solver": solver, "projection": projection}
        how["look"] = look
        console.emit_json({**drawn, **how, **facts, "bytes": len(content)})
    else:
        console.say(f"{_in_words(ending, wanted, timing, time)} saved as {out}.")


def _film(clouds: StageClouds, look: Look, timing: Timing, ending: str) -> bytes:
    from flowmap_studio.cli.progress import comparison_bar
    from flowmap_studio.core.film import film

    with comparison_bar() as bar:
        return film(
            clouds,
            look,
            timing,
            ending,
            lambda done, of: bar(f"frame {done:,} of {of:,}", done / of),
        )


def _still(clouds: StageClouds, t: float, look: Look, ending: str) -> bytes:
    from flowmap_studio.core.film import picture

    return picture(clouds, t, look, ending)


def _timing_facts(timing: Timing) -> dict[str, Any]:
    return {"frames": timing.frames, "fps": timing.fps, "seconds": timing.frames / timing.fps}


def _in_words(ending: str, look: Look, timing: Timing, t: float) -> str:
    width, height = look.size
    if ending in STILL_ENDINGS:
        return f"The stage at t = {t:g}, {width:,} × {height:,},"
    return f"{timing.frames:,} frames of {width:,} × {height:,}, {timing.fps} a second,"


def _check_times(ending: str, fps: int | None, seconds: float | None, t: float | None) -> None:
    if ending in FILM_ENDINGS and t is not None:
        raise StudioError("--time is for pictures; a film shows all times, so leave it out.")
    for option, given in (("--fps", fps), ("--seconds", seconds)):
        if ending in STILL_ENDINGS and given is not None:
            raise StudioError(f"{option} is for films; a picture shows one time, so leave it out.")


def _known(option: str, value: str, names: tuple[str, ...]) -> str:
    if value not in names:
        raise StudioError(f"{option} must be one of {', '.join(names)}, not {shortened(value)}.")
    return value


def _layers(given: tuple[str, ...]) -> tuple[str, ...]:
    if not given:
        raise StudioError(f"--layers: name one at least of {', '.join(ALL_LAYERS)}.")
    return tuple(layer for layer in ALL_LAYERS if layer in given)


def _check_solver(solver: str | None, snapshot: Snapshot) -> None:
    if solver is None:
        return
    _known("--solver", solver, tuple(SOLVERS))
    if METHODS[snapshot.config.method].clock != "start":
        raise StudioError(
            f"--solver is for velocities; this map of method {snapshot.config.method} jumps by "
            "itself, so leave it out."
        )


def _seen_along(look: Look, projection: str | None, snapshot: Snapshot, ending: str) -> Look:
    """The look with the view that is wanted of points of more than two axes."""
    if snapshot.dim <= 2 or snapshot.image is not None:
        if projection is not None:
            raise StudioError("--projection is for points of more than two axes; leave it out.")
        return look
    if projection == "tour":
        if ending in STILL_ENDINGS:
            raise StudioError("--projection tour is for films; a picture shows one view.")
        return replace(look, ride=Ride(snapshot.dim))
    if projection in (None, "principal"):
        return replace(look, projection=principal_axes(snapshot.data))
    found = re.fullmatch(r"([0-9]{1,9}),([0-9]{1,9})", projection)
    chosen = [int(number) for number in found.groups()] if found else []
    if not chosen or not all(1 <= number <= snapshot.dim for number in chosen):
        raise StudioError(
            f"--projection must be principal, tour or two axes from 1 to {snapshot.dim}, such as "
            f"1,2, not {shortened(projection)}."
        )
    return replace(look, projection=chosen_axes(snapshot.dim, chosen[0] - 1, chosen[1] - 1))
