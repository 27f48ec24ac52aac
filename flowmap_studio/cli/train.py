"""`flowmap-studio train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowmap_studio.cli import console
from flowmap_studio.cli.config_options import (
    ConfigCommand,
    config_options,
    given_settings,
    make_config,
)
from flowmap_studio.cli.files import FILE, check_output, json_option, open_preset
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.methods import term_states

if TYPE_CHECKING:
    from flowmap_studio.cli.training import Result
    from flowmap_studio.core.snapshot import Snapshot

STOPPED = 1
INTERRUPTED = 130
SHAPING = (
    "parametrisation",
    "network",
    "hidden_dim",
    "depth",
    "time_embed_dim",
    "position_features",
    "position_detail",
    "density_head",
)
"""Settings that decide which weights a map has and what they mean."""


@click.command(
    cls=ConfigCommand,
    epilog="Ctrl-C or SIGTERM saves what was learned beside the --out path, as "
    "NAME.interrupted.flowmap (status 130), and --resume goes on with it as if nothing had "
    "happened. After a crash it goes on with NAME.autosave.flowmap, which is saved every "
    "20 seconds and deleted at the end; likewise where memory runs out or the device fails, which "
    "leaves NAME.stopped.flowmap, the map alone, if there is no such file yet (status 1). A "
    "training that diverges saves its last sound map as NAME.diverged.flowmap (status 1). --json "
    "prints: out, target, method, coupling, step, seconds, steps_per_second, device, interrupted, "
    "losses (match, consistency, identity, total, "
    "score, density: means of the last 100 steps; null where a method lacks one), metrics "
    "(sliced_w2_1, _2, _4, _8, _floor and spread_ratio, in units of the data's spread; "
    "folded_share, of the noise that the one-step map turns over), advice (the most important "
    "sentence or null), findings (a list of kind, sentence and change, the settings that cure it).",
)
@click.option(
    "--out",
    metavar="FILE.flowmap",
    type=FILE,
    help="Where the trained map is saved; may be left out with --resume.",
)
@click.option(
    "--log",
    metavar="FILE.jsonl",
    type=FILE,
    help="Write the losses of every step: one JSON object with step, match, consistency, "
    "identity, total, score, density a line (null for an absent term).",
)
@click.option(
    "--start-from",
    metavar="FILE.flowmap",
    type=FILE,
    help="Begin with the weights of this map, and with its settings where none are given. "
    "Optimiser and step count begin anew.",
)
@click.option(
    "--resume",
    metavar="FILE.flowmap",
    type=FILE,
    help="Go on with an interrupted run, with its settings; on the CPU it ends with the very map "
    "that it would have made, and on another --device than before with one of the same recipe. "
    "--target or --source tell where its own file is, if it asks.",
)
@json_option
@config_options
def train(
    out: Path | None,
    log: Path | None,
    start_from: Path | None,
    resume: Path | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Train a flow map and save it.

    Losses are shown on the way (on a terminal); at the end the map's quality is measured.
    """
    given = given_settings(options)
    if resume is not None:
        result = _go_on(resume, out, log, start_from, given)
    else:
        result = _begin(out, log, start_from, given)
    if result.stopped:
        console.error(f"{result.stopped} {_kept(result)}")
        return STOPPED
    if as_json:
        console.emit_json(_as_dict(result))
    else:
        _show(result)
    if result.interrupted:
        console.error(f"Interrupted at step {result.snapshot.step:,}. {_kept(result)}")
        return INTERRUPTED
    return 0


def _begin(
    out: Path | None, log: Path | None, start_from: Path | None, given: dict[str, Any]
) -> Result:
    """A new run."""
    if out is None:
        raise StudioError("Say where the trained map is to be saved: --out FILE.flowmap.")
    check_output("--out", out, (".flowmap",))
    start = open_preset(start_from).snapshot if start_from else None
    config = make_config(start.config if start else RunConfig(), given)
    if start is not None and start_from is not None:
        _check_start(start_from.name, start, config)
    if log is not None:
        _check_log(log, out, start_from, config.target)
    from flowmap_studio.cli.training import run_training

    return run_training(config, out, log, start)


def _go_on(
    resume: Path,
    out: Path | None,
    log: Path | None,
    start_from: Path | None,
    given: dict[str, Any],
) -> Result:
    """An interrupted run."""
    from flowmap_studio.cli.resuming import finished_path, open_run

    if start_from is not None:
        raise StudioError("Give either --resume or --start-from, not both.")
    checkpoint = open_run(resume, given)
    out = out or finished_path(resume)
    check_output("--out", out, (".flowmap",))
    config = checkpoint.state.config
    if log is not None:
        _check_log(log, out, resume, config.target)
    from flowmap_studio.cli.training import run_training

    return run_training(config, out, log, resumed=checkpoint, resumed_from=resume)


def _check_start(name: str, start: Snapshot, config: RunConfig) -> None:
    for field in SHAPING:
        old = getattr(start.config, field)
        if getattr(config, field) != old:
            option = f"--{field.replace('_', '-')}"
            raise StudioError(f"--start-from: the map of {name} has {option} {old}; keep it.")
    if (config.two_time, config.outputs) != (start.config.two_time, start.config.outputs):
        raise StudioError(
            f"--start-from: the map of {name} was trained with method {start.config.method}, "
            f"whose weights do not fit method {config.method}."
        )


def _check_log(log: Path, out: Path, start_from: Path | None, target: str) -> None:
    check_output("--log", log)
    for other in (out, start_from, Path(target)):
        if other is not None and log.resolve() == other.resolve():
            raise StudioError(f"--log: {log.name!r} is needed for something else; choose another.")


def _kept(result: Result) -> str:
    if result.saved is None:
        return "Nothing was learned that could be saved."
    kept = f"What was learned up to step {result.snapshot.step:,} is saved as {result.saved}."
    return f"{kept} To go on: {result.way_on}" if result.way_on else kept


def _as_dict(result: Result) -> dict[str, Any]:
    config = result.snapshot.config
    return {
        "out": str(result.saved) if result.saved else None,
        "target": config.target,
        "method": config.method,
        "coupling": config.coupling,
        "step": result.snapshot.step,
        "seconds": round(result.seconds, 3),
        "steps_per_second": round(result.rate, 1),
        "device": result.device,
        "interrupted": result.interrupted,
        "losses": result.losses,
        "metrics": dict(result.snapshot.metrics),
        **console.as_findings(result.advice),
    }


def _show(result: Result) -> None:
    snapshot = result.snapshot
    config = snapshot.config
    states = term_states(config.method, config.parametrisation, config.density_head)
    losses = [
        f"{name} {'0 by construction' if states[name] == 'zero' else console.number(value)}"
        for name, value in result.losses.items()
        if states[name] != "absent"
    ]
    trained = f"{snapshot.step:,} steps in {result.seconds:,.1f} s ({result.rate:,.0f} steps/s)"
    console.show_pairs(
        [
            ("Saved", str(result.saved)),
            ("Trained", f"{trained} on {result.device}"),
            ("Losses", " · ".join(losses)),
        ]
    )
    metrics = snapshot.metrics
    if metrics:
        rows = [[str(k), console.number(metrics[f"sliced_w2_{k}"])] for k in (1, 2, 4, 8)]
        rows.append(["data against data", console.number(metrics["sliced_w2_floor"])])
        click.echo()
        console.show_grid(["Steps", "Sliced W2"], rows)
        click.echo()
        console.say(
            f"The one-step cloud has {console.share(metrics['spread_ratio'])} of the data's spread."
        )
    for advice in result.advice:
        console.warn(advice.sentence)
