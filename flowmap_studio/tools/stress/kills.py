"""SIGKILL at random moments of a save and of an autosave: the file is old or new, and whole."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from flowmap_studio.core.errors import PresetError
from flowmap_studio.core.presets import read_preset, write_preset
from flowmap_studio.runtime.recovery import RecoveryFile, RecoveryFolder
from flowmap_studio.tools.stress.finding import Broken, Finding
from flowmap_studio.tools.stress.forging import plain_preset, unfinished_preset

TEMPORARY = ".mine.flowmap.*"
REACH = 3.0
"""Kills come within so many durations of one save."""


@dataclass
class Tally:
    """What was found after the kills."""

    old: int = 0
    new: int = 0
    midway: int = 0
    saves: float = 0.0
    broken: Broken = field(default_factory=Broken)


def _killed(work: Callable[[], None], seconds: float) -> None:
    """Let a child work and kill it after a while, counted from its first act."""
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(ready)
            os.write(told, b"x")
            work()
        finally:
            os._exit(0)
    os.close(told)
    os.read(ready, 1)
    os.close(ready)
    time.sleep(seconds)  # a kill at any moment is the point
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _kill_saves(count: int, draw: random.Random, folder: Path, tally: Tally) -> None:
    """Each child saves one file over another, until it is killed."""
    path = folder / "mine.flowmap"
    versions = [replace(plain_preset(hidden_dim=64), title=title) for title in ("old", "new")]
    began = time.perf_counter()
    write_preset(path, versions[0])
    tally.saves = time.perf_counter() - began
    for _ in range(count):
        write_preset(path, versions[0])
        _killed(lambda: write_preset(path, versions[1]), REACH * draw.random() * tally.saves)
        _judge(path, tally)
        left = list(folder.glob(TEMPORARY))
        tally.midway += bool(left)
        for one in left:
            one.unlink()


def _judge(path: Path, tally: Tally) -> None:
    try:
        title = read_preset(path).title
    except PresetError as error:
        tally.broken.add(f"after a kill: {error}")
        return
    tally.old += title == "old"
    tally.new += title == "new"


def _kill_autosaves(count: int, draw: random.Random, folder: Path, tally: Tally) -> None:
    """Each child saves copies of a run, one after the other; the next start finds one whole."""
    made = unfinished_preset().checkpoint
    assert made is not None  # noqa: S101 - so made

    def save(copy: RecoveryFile) -> None:
        while True:
            copy.save(made)

    place = RecoveryFolder(folder)
    for _ in range(count):
        copy = place.new()
        assert copy is not None  # noqa: S101 - there is a folder
        _killed(lambda copy=copy: save(copy), REACH * draw.random() * tally.saves)
        there = copy.path.exists()
        left = place.left_over()
        tally.broken.unless((left is not None) == there, "a copy was not offered after a kill")
        if left is None:
            tally.old += 1
            continue
        found = read_preset(left.path).checkpoint
        same = found is not None and found.state.current.weights.tobytes() == (
            made.state.current.weights.tobytes()
        )
        tally.broken.unless(same, "a copy is not the run that was saved")
        tally.new += 1
        tally.midway += len(list(folder.glob(f".{left.path.name}.*")))
        left.discard()
    for one in folder.iterdir():
        os.utime(one, (0, 0))  # what kills left is cleared away once it is old
    place.left_over()
    tally.broken.unless(not list(folder.iterdir()), "files were left by kills for ever")


def kills(count: int, seed: int = 0) -> Finding:
    """Kill so many saves, half of them autosaves.

    Args:
        count: Number of kills.
        seed: Of their moments.
    """
    began = time.perf_counter()
    draw, tally = random.Random(seed), Tally()  # noqa: S311 - nothing secret
    with tempfile.TemporaryDirectory(prefix="kills-") as made:
        for name, kill, times in (
            ("saves", _kill_saves, count - count // 2),
            ("copies", _kill_autosaves, count // 2),
        ):
            folder = Path(made) / name
            folder.mkdir()
            kill(times, draw, folder, tally)
    broken = tally.broken
    broken.unless(tally.old + tally.new == count or bool(broken), "a kill was not judged")
    figures: dict[str, float | int | str] = {
        "found old": tally.old,
        "found new": tally.new,
        "in the midst of writing": tally.midway,
    }
    took = time.perf_counter() - began
    return Finding("kills", f"{count:,} kills", figures, broken.told(), took)
