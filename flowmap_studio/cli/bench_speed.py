"""`bench scrub` and `bench all`: how long a hand on the slider waits, and what grows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowmap_studio.cli import bench, console
from flowmap_studio.cli.files import json_option
from flowmap_studio.cli.types import WholeNumber
from flowmap_studio.core.bench.figures import Figure, figure_line, figure_table
from flowmap_studio.core.errors import StudioError

if TYPE_CHECKING:
    from flowmap_studio.core.bench.watch import Watch

PRESET = "moons.flowmap"
THREADS = 2
"""Of an evaluation while nothing trains, as in the window."""
STARTS = 5
BEGIN, END = "<!-- bench scrub -->", "<!-- end of bench scrub -->"


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        repeats: Moves of the slider, evaluations, groups of 16 steps.
        seconds: Of the drag while training and of each training.
        steps: Of the run whose memory is looked at.
    """

    repeats: int
    seconds: int
    steps: int


def _evaluating(effort: Effort, watch: Watch) -> Iterator[Figure]:
    from flowmap_studio.core.bench.evaluating import evaluating_figures

    return evaluating_figures(_loaded("auto"), watch, effort.repeats)


def _sharing(effort: Effort, watch: Watch) -> Iterator[Figure]:
    from flowmap_studio.core.bench.sharing import sharing_figures

    return sharing_figures(bench.BASE.replace(device="auto"), watch, effort.seconds / 6)


def _reaching(effort: Effort, watch: Watch) -> Iterator[Figure]:
    from flowmap_studio.core.bench.reaching import reaching_figures

    return reaching_figures(bench.BASE, watch, effort.seconds)


def _scrubbing(effort: Effort, watch: Watch) -> Iterator[Figure]:
    from flowmap_studio.cli.bench_scrub import window_figures

    return window_figures(_preset(), bench.BASE, watch, effort.repeats, effort.seconds)


def _starting(effort: Effort, watch: Watch) -> Iterator[Figure]:
    from flowmap_studio.cli.bench_scrub import start_figures

    return start_figures(_preset(), watch, min(STARTS, effort.repeats))


def _growing(effort: Effort, watch: Watch) -> Iterator[Figure]:
    from flowmap_studio.core.bench.growing import growing_figures

    return growing_figures(
        bench.BASE, _loaded("cpu"), watch, max(1, effort.repeats // 10), effort.steps
    )


PARTS: Mapping[str, Callable[[Effort, Watch], Iterator[Figure]]] = {
    "evaluating": _evaluating,
    "sharing": _sharing,
    "scrubbing": _scrubbing,
    "starting": _starting,
    "growing": _growing,
    "reaching": _reaching,
}


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        json_option,
        click.option(
            "--memory-steps",
            type=WholeNumber(1000, 100_000_000),
            default=100_000,
            show_default=True,
            help="Steps of the run whose memory is looked at, first after a hundredth of them.",
        ),
        click.option(
            "--seconds",
            type=WholeNumber(1, 3600),
            default=60,
            show_default=True,
            help="Length of the drag while training, and of each training whose rate is measured.",
        ),
        click.option("--repeats", type=WholeNumber(1, 100_000), default=200, show_default=True),
    ):
        command = option(command)
    return command


@bench.bench.command(
    epilog="evaluating: clouds of the window evaluated by themselves, beside the machine's rate of "
    "matrix products in the same run, and a million points made an image; needs no Qt. sharing: a "
    "run beside snapshots and the frames of a playing window, against the run alone; as "
    "evaluating on a GPU where there is one; needs no Qt. scrubbing: from a move of the slider "
    "until the new clouds are painted, in a window that is not shown; large clouds; a drag while "
    "training; the rate of training beside the window. starting: new processes against import "
    "torch. growing: time against batch, width and points, memory against steps. reaching: "
    "training time until one-step samples of moons are good, beside other loops, which are given "
    "up after --seconds or six times ours. limit: the floating-point operations at that rate. All "
    "figures are medians, 95th percentiles and largest values after a warm-up. --json prints: "
    "torch, threads, figures (rows of: part, name, unit, median, p95, worst, goal, judged, more, "
    "limit, reached), interrupted.",
)
@click.option("--part", type=click.Choice(list(PARTS)), help="Only this part; all if not given.")
@_options
@click.option("--readme", is_flag=True, help="Also put the table into this checkout's README.")
def scrub(
    part: str | None, repeats: int, seconds: int, memory_steps: int, as_json: bool, readme: bool
) -> int:
    """Time the way from the slider to the painted clouds, the start, and what grows."""
    path = _readme() if readme else None
    effort = Effort(repeats, seconds, memory_steps)
    figures, interrupted = _figures([part] if part else list(PARTS), effort)
    if as_json:
        console.emit_json({**_machine(), **_as_json(figures), "interrupted": interrupted})
    elif figures:
        click.echo(figure_table(figures))
    if interrupted:
        console.error("Interrupted; the finished rows are printed, nothing else was written.")
        return bench.INTERRUPTED
    if path is not None:
        path.write_text(_rewritten(path, figure_table(figures)), encoding="utf-8")
    return 0


@bench.bench.command("all")
@_options
def everything(repeats: int, seconds: int, memory_steps: int, as_json: bool) -> int:
    """Measure all of speed: bench training, then bench scrub."""
    from flowmap_studio.core.bench.tables import speed_table

    rows, interrupted = bench.speed_rows_collected(5, max(bench.GROUP, repeats))
    figures: list[Figure] = []
    if not interrupted:
        figures, interrupted = _figures(list(PARTS), Effort(repeats, seconds, memory_steps))
    if as_json:
        found = {"training": bench.speeds_as_json(rows), **_as_json(figures)}
        console.emit_json({**_machine(), **found, "interrupted": interrupted})
    else:
        shown = [speed_table(rows)] if rows else []
        shown += [figure_table(figures)] if figures else []
        click.echo("\n\n".join(shown))
    if interrupted:
        console.error("Interrupted; the finished rows are printed.")
        return bench.INTERRUPTED
    return 0


def _figures(parts: list[str], effort: Effort) -> tuple[list[Figure], bool]:
    """The figures of these parts until the end or Ctrl-C, and whether it was Ctrl-C."""

    def make(watch: Watch) -> Iterator[Figure]:
        import torch

        torch.set_num_threads(THREADS)
        for part in parts:
            yield from PARTS[part](effort, watch)

    with _nobodys_window():
        return bench.collected(make, len(parts), figure_line)


@contextmanager
def _nobodys_window() -> Iterator[None]:
    """A window that is opened within it isn't shown, nor has it the user's layout."""
    with tempfile.TemporaryDirectory() as home:
        changed = {
            "QT_QPA_PLATFORM": "offscreen",
            **dict.fromkeys(("XDG_CONFIG_HOME", "XDG_DATA_HOME"), home),
        }
        before = {name: os.environ.get(name) for name in changed}
        os.environ.update(changed)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _preset() -> Path:
    from flowmap_studio.resources import asset

    return asset("presets", PRESET)


def _loaded(device: str) -> Any:
    from flowmap_studio.core.devices import find_device
    from flowmap_studio.core.loaded_map import LoadedMap
    from flowmap_studio.core.presets import read_preset

    return LoadedMap(read_preset(_preset()).snapshot, find_device(device))


def _machine() -> dict[str, Any]:
    import torch

    return {"torch": torch.__version__, "threads": THREADS}


def _as_json(figures: list[Figure]) -> dict[str, Any]:
    return {"figures": [asdict(figure) | {"reached": figure.reached} for figure in figures]}


def _readme() -> Path:
    """The README of this checkout, found to have the markers before anything is measured."""
    from flowmap_studio.resources import asset

    path = asset().parent / "README.md"
    if not path.is_file():
        raise StudioError("--readme: there is no README here; run this from a checkout.")
    _rewritten(path, "")
    return path


def _rewritten(path: Path, body: str) -> str:
    from flowmap_studio.core.markdown import with_section

    try:
        return with_section(path.read_text(encoding="utf-8"), BEGIN, END, body)
    except ValueError as error:
        raise StudioError(f"--readme: {error}; put the markers back.") from error
