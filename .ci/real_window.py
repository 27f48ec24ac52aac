"""Use the installed program's window on a real X11 display, as a person does, and check each act.

The program is a process of its own in an empty home, and only keys and a mouse reach it: train,
scrub, save, close, open the saved file, close. What counts is what can be seen from outside: the
picture on the screen, the saved file, the exit status and what the program prints. FOLDER gets a
picture after each act, and one when something failed.

Usage: python real_window.py FLOWMAP-STUDIO FOLDER
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from x11 import DEADLINE, Failure, Screen, coloured, differing, virtual_display, wait

FIRST_SIZE = (1280, 800)
"""The window's at the first start."""
CLOSING = 10.0
"""Seconds within which the program must be gone once it is closed."""
REST = 0.8
"""Seconds without a change after which a picture is finished."""
MOVED = 400
"""Pixels that differ at least between two pictures of moving clouds."""
LEARNED = 5000
"""The same, between an untrained map's picture and one that has seen some steps."""
TITLE = "Flow Map Studio"
STAGE = (0.30, 0.30, 0.68, 0.75)
"""Clouds without panels and without the caption, which names the step."""
LOSSES = (0.80, 0.13, 0.99, 0.32)
"""The inside of the plot of losses."""
BOTTOM = (0.0, 0.80, 1.0, 0.97)
"""Where the time slider is."""


class Studio:
    """The program in a home of its own.

    Args:
        program: Its command.
        home: An empty folder in the place of the user's.
        screen: Where its window opens.
    """

    def __init__(self, program: Path, home: Path, screen: Screen) -> None:
        self.screen = screen
        self._program = program
        (home / "runtime").mkdir(mode=0o700)
        self._environment = {
            **{name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ},
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": str(home / "runtime"),
            "QT_QPA_PLATFORM": "xcb",
            "DISPLAY": screen.number,
        }
        self._log = home / "printed.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Studio:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def start(self, *arguments: Path) -> tuple[int, int]:
        """Start it, wait until its stage rests, and give the window's width and height."""
        command = [self._program, *arguments]
        with self._log.open("w") as log:
            process = subprocess.Popen(  # noqa: S603
                command, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )
        self._process = process
        wait(lambda: self.screen.windows(TITLE) or process.poll() is not None, "no window")
        if process.poll() is not None:
            raise Failure(f"it ended at once and printed {self._log.read_text()!r}")
        size = self.screen.take_window(TITLE)
        stage_at_rest(self.screen)
        return size

    def close(self) -> None:
        """Quit by its key; it must end soon, with status 0, and have printed nothing."""
        assert self._process is not None  # noqa: S101
        self.screen.do("key", "ctrl+q")
        try:
            status = self._process.wait(CLOSING)
        except subprocess.TimeoutExpired:
            raise Failure(f"it was still there {CLOSING:.0f} s after Ctrl+Q") from None
        printed = self._log.read_text().strip()
        if status or printed:
            raise Failure(f"it ended with status {status} and printed {printed!r}")

    def steps_of(self, preset: Path) -> int:
        """The training step of a preset, as the command line says."""
        command = [self._program, "info", "--json", preset]
        printed = subprocess.check_output(  # noqa: S603
            command, env=self._environment, text=True, timeout=DEADLINE
        )
        return int(json.loads(printed)["step"])


def stage_at_rest(screen: Screen, before: np.ndarray | None = None) -> np.ndarray:
    """Wait until the stage shows clouds, others than before if there were some, and rests."""
    last, since = screen.look(STAGE), time.monotonic()

    def rests() -> bool:
        nonlocal last, since
        now = screen.look(STAGE)
        news = coloured(now) > MOVED and (before is None or differing(now, before).sum() > MOVED)
        if not news or differing(now, last).any():
            last, since = now, time.monotonic()
        return time.monotonic() - since > REST

    wait(rests, "the stage did not change and come to rest")
    return last


def wait_for_change(screen: Screen, before: np.ndarray, pixels: int, otherwise: str) -> np.ndarray:
    """Wait until so many pixels of the stage are others than before; gives it as it is then."""
    wait(lambda: differing(screen.look(STAGE), before).sum() > pixels, otherwise)
    return screen.look(STAGE)


def train(screen: Screen) -> None:
    """Begin a run, see losses and a map that learns, and end it."""
    shipped = screen.look(STAGE)
    if coloured(screen.look(LOSSES)):
        raise Failure("there were losses before anything was trained")
    screen.do("key", "ctrl+r")
    untrained = wait_for_change(screen, shipped, MOVED, "no new map came to the stage")
    wait(lambda: coloured(screen.look(LOSSES)), "no losses were drawn")
    wait_for_change(screen, untrained, LEARNED, "the map on stage did not learn")
    screen.keep("training")
    screen.do("key", "ctrl+period")
    stage_at_rest(screen, untrained)


def scrub(screen: Screen) -> None:
    """Go to the noise, drag the slider towards the data, play, and go to the data."""
    data, end = screen.look(STAGE), screen.look(BOTTOM)
    screen.do("key", "Home")
    noise, start = stage_at_rest(screen, data), screen.look(BOTTOM)
    # The slider's groove is where most pixels of a row have changed with the time.
    moved = differing(start, end)
    row = int(moved.sum(axis=1).argmax())
    left, right = np.flatnonzero(moved[row])[[0, -1]].tolist()
    if right - left < FIRST_SIZE[0] / 4:
        raise Failure("nothing like a slider moved with the time")
    screen.do("mousemove", *screen.point(BOTTOM, row, left + 8), "mousedown", 1)
    for share in (0.2, 0.4, 0.6):
        column = round(left + share * (right - left))
        screen.do("mousemove", *screen.point(BOTTOM, row, column))
        wait_for_change(screen, noise, MOVED, f"the slider at {share} left the stage as it was")
    screen.do("mouseup", 1)
    between = stage_at_rest(screen, noise)
    screen.keep("scrubbed")
    if differing(between, data).sum() < MOVED:
        raise Failure("the stage in between is that of the data")
    screen.do("key", "space")
    wait_for_change(screen, between, MOVED, "Space did not play")
    screen.do("key", "space", "End")
    if differing(stage_at_rest(screen, between), data).any():
        raise Failure("the stage at t = 1 is another one than before")


def save(screen: Screen, name: str) -> None:
    """Save the map on stage under a name, by the dialog."""
    screen.do("key", "ctrl+s")
    screen.take_window("Save preset")
    wait(lambda: len(np.unique(screen.look())) > 2, "the dialog stayed empty")
    screen.do("key", "ctrl+a")
    screen.do("type", name)
    screen.keep("saving")
    screen.do("key", "Return")
    screen.take_window(f"{name} – {TITLE}")


def use(studio: Studio, saved: Path) -> str:
    """All of it, one act after the other; says in one sentence what was done.

    Args:
        studio: What is used.
        saved: Where the program keeps a preset of that name.
    """
    screen = studio.screen
    size = studio.start()
    screen.keep("first-start")
    if size != FIRST_SIZE:
        raise Failure(f"the first window was {size[0]} × {size[1]}")
    train(screen)
    scrub(screen)
    shown = screen.look(STAGE)
    save(screen, saved.stem)
    studio.close()
    steps = studio.steps_of(saved)
    if steps < 1:
        raise Failure("the saved map was not trained")
    studio.start(saved)
    screen.keep("opened-again")
    again = screen.look(STAGE)
    if again.shape != shown.shape or differing(again, shown).sum() > MOVED:
        raise Failure("the saved file shows another stage than was saved")
    studio.close()
    return f"trained {steps:,} steps, scrubbed, saved, opened again and closed"


def main(program: Path, folder: Path) -> None:
    """Use the window, and say how it went."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, virtual_display(folder) as screen:
        saved = Path(home, ".local", "share", "flowmap-studio", "presets", "mine.flowmap")
        with Studio(program, Path(home), screen) as studio:
            try:
                print(use(studio, saved))  # noqa: T201
            except (Failure, subprocess.SubprocessError) as failure:
                screen.keep("failed")
                sys.exit(f"{failure}; pictures are in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute())
