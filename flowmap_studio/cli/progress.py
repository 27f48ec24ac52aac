"""Progress bars of a training and of a benchmark; only on a terminal."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flowmap_studio.core.history import TERMS

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from flowmap_studio.core.progress import Progress


class TrainingBar:
    """Shows how far a run is.

    Args:
        bar: Rich's bar, which may be switched off.
        task: Its one task.
    """

    def __init__(self, bar: Bar, task: TaskID) -> None:
        self._bar = bar
        self._task = task

    def show(self, progress: Progress) -> None:
        """Show the newest losses, the rate and the share of the budget."""
        newest = zip(TERMS, progress.losses[-1], strict=True)
        losses = "  ".join(f"{name} {value:.4f}" for name, value in newest if math.isfinite(value))
        rate = progress.step / max(progress.seconds, 1e-9)
        self._bar.update(
            self._task,
            description=f"step {progress.step:,}",
            total=1.0,
            completed=progress.fraction,
            losses=f"{losses}  {rate:,.0f} steps/s",
        )

    def measuring(self) -> None:
        """Say that the figures of quality are being made."""
        self._bar.update(self._task, description="Measuring", total=None, losses="")


@contextmanager
def training_bar() -> Iterator[TrainingBar]:
    """A bar on stderr that goes away at the end; nothing is shown where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[losses]}"),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
        disable=sys.stderr is None or not console.is_terminal,
    )
    with bar:
        yield TrainingBar(bar, bar.add_task("Preparing", total=None, losses=""))


class BenchBar:
    """Shows how far a benchmark of several trainings is.

    Args:
        bar: Rich's bar, which may be switched off.
        task: Its one task, a unit per training.
    """

    def __init__(self, bar: Bar, task: TaskID) -> None:
        self._bar = bar
        self._task = task
        self._done = 0

    def show(self, what: str, share: float) -> None:
        """Show what is being trained and which share of it is done."""
        self._bar.update(self._task, description=what, completed=self._done + share)

    def finished(self, line: str) -> None:
        """One training is done: a line on stderr, also where that is no terminal."""
        self._done += 1
        self._bar.update(self._task, completed=self._done)
        self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def bench_bar(total: int) -> Iterator[BenchBar]:
    """A bar of `total` trainings on stderr that goes away at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        console=console,
        transient=True,
        disable=sys.stderr is None or not console.is_terminal,
    )
    with bar:
        yield BenchBar(bar, bar.add_task("Preparing", total=total))


@contextmanager
def comparison_bar() -> Iterator[Callable[[str, float], None]]:
    """A bar on stderr that is told what is done now and the share that is done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    bar = Progress(
        BarColumn(bar_width=24),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.description}"),
        console=console,
        transient=True,
        disable=sys.stderr is None or not console.is_terminal,
    )
    with bar:
        task = bar.add_task("Preparing", total=1.0)
        yield lambda text, fraction: bar.update(task, description=text, completed=fraction)
