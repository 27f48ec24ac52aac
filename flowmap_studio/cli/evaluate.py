"""`flowmap-studio evaluate`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowmap_studio.cli import console
from flowmap_studio.cli.files import json_option, load_map, map_argument, open_preset
from flowmap_studio.cli.types import SEED, StepCounts
from flowmap_studio.core.advice import Figures, advise
from flowmap_studio.core.errors import StudioError

if TYPE_CHECKING:
    from flowmap_studio.core.loaded_map import LoadedMap

MAX_STEPS = 10_000
HEADINGS = {
    "sliced_w2": "Sliced W2",
    "w2": "W2",
    "energy_distance": "Energy distance",
    "coverage": "Coverage",
    "spread_ratio": "Spread",
    "forbidden_mass": "Forbidden mass",
    "histogram_kl": "Histogram KL",
    "frechet": "Fréchet",
    "accuracy": "Accuracy",
    "copied": "Copied",
}
SHARES = ("coverage", "spread_ratio", "forbidden_mass", "accuracy", "copied")


@click.command(
    epilog="Distances are in units of the data's spread. Sliced W2: 10,000 points, 256 directions. "
    "W2 (exact), energy distance and coverage (share of data points with a sample nearer than "
    "their 5th neighbour): 1,000 points. Spread: of the samples over the data's; near 0 is mean "
    "collapse. checkerboard has two more: the share of samples on forbidden squares, and KL(data "
    "over samples) of a 40 × 40 histogram in nats. Images have up to three more. Fréchet: squared "
    "distance to held-out images in 32 features of a small classifier of mean variance 1, which is "
    "trained at first use and kept. Accuracy: share of a conditional map's samples that it takes "
    "for the class they were asked to be. Copied: share of samples nearer to a training image than "
    "95 % of held-out images are. The floor is data against data: what a perfect map "
    "scores. --json prints: file, target, judged_by (named, file or embedded: where the data "
    "came from), step, seed, points, steps (figures by number of steps), floor (figures: the "
    "figures "
    "are sliced_w2, w2, energy_distance, coverage, spread_ratio and, for checkerboard, "
    "forbidden_mass, histogram_kl, for images frechet, accuracy, copied), density_head (rms_nats, "
    "median_nats, points: its log-densities of samples against the exact change of variables; "
    "null without one), "
    "folded_share (of the noise that the one-step map turns over; "
    "null for velocities), advice (the most important sentence or null), findings (kind, sentence "
    "and change, the settings that cure it).",
)
@map_argument
@click.option(
    "--steps",
    type=StepCounts(MAX_STEPS),
    default="1,2,4,8",
    show_default=True,
    metavar="N,N,…",
    help="Judge samples of these numbers of jumps.",
)
@click.option(
    "--seed",
    type=SEED,
    default=0,
    show_default=True,
    help="Of the held-out data and of the noise.",
)
@json_option
def evaluate(file: Path, steps: tuple[int, ...], seed: int, as_json: bool) -> None:
    """Measure how near a map's samples are to its target's data."""
    snapshot = open_preset(file).snapshot
    from flowmap_studio.core.metrics import Referee, spread_ratio
    from flowmap_studio.core.probes import fold_share
    from flowmap_studio.core.targets import judging_target

    target, source = judging_target(snapshot)
    referee = Referee(target, snapshot.normalisation, seed=seed)
    points = len(referee.data)
    if points < 2:
        raise StudioError(f"{target.name} holds too few points to judge by; at least 4 are needed.")
    loaded = load_map(snapshot)
    figures = {count: referee.judge(loaded, count) for count in steps}
    floor = referee.floors()
    head = _head(loaded)
    folded = fold_share(loaded)
    # Composed clouds are judged at 8 steps where nothing else was asked for.
    jumps = max(steps) if max(steps) > 1 else 8
    advice = advise(
        snapshot.config,
        Figures(
            snapshot.step,
            progress=1.0,
            spread_ratio=spread_ratio(referee.samples(loaded, 1), referee.data),
            one_step=referee.one_figure(loaded, 1),
            composed=referee.one_figure(loaded, jumps),
            jumps=jumps,
            floor=referee.floor,
            folded=folded,
        ),
    )
    if as_json:
        facts = {"step": snapshot.step, "seed": seed, "points": points}
        judged = {"file": str(file), "target": snapshot.config.target, "judged_by": source}
        measured = {**judged, **facts, "steps": figures, "floor": floor}
        found = {"density_head": head, "folded_share": folded, **console.as_findings(advice)}
        console.emit_json({**measured, **found})
    else:
        _show(figures, floor)
        if head:
            console.say(
                f"Density head: log-densities of {head['points']:,.0f} samples are "
                f"{console.number(head['rms_nats'])} nats RMS from the exact change of variables "
                f"(median {console.number(head['median_nats'])})."
            )
        for one in advice:
            console.warn(one.sentence)


def _head(loaded: LoadedMap) -> dict[str, float] | None:
    """How good the map's density head is, if it has one and samples have a density."""
    from flowmap_studio.core.config import NORMAL
    from flowmap_studio.core.density_head import check_head

    config = loaded.snapshot.config
    if config.density_head == "off" or config.source != NORMAL:
        return None
    return dict(check_head(loaded)._asdict())


def _show(figures: dict[int, dict[str, float]], floor: dict[str, float]) -> None:
    rows = [[f"{count:,}", *_cells(found, floor)] for count, found in figures.items()]
    rows.append(["data against data", *_cells(floor, floor)])
    console.show_grid(["Steps", *(HEADINGS[name] for name in floor)], rows)


def _cells(figures: dict[str, float], names: Iterable[str]) -> list[str]:
    """The figures of these names; some maps lack some of them."""
    return [_cell(name, figures[name]) if name in figures else "–" for name in names]


def _cell(name: str, value: float) -> str:
    return console.share(value) if name in SHARES else console.number(value)
