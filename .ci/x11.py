"""A virtual X11 display of its own: what is seen on it, and hands on its keyboard and mouse."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import ImageGrab

SIZE = (1440, 900)
DEADLINE = 60.0
"""Seconds after which what is waited for counts as never coming."""
LOOK_EVERY = 0.15

Part = tuple[float, float, float, float]
"""Left, top, right and bottom as shares of the window."""
WHOLE: Part = (0.0, 0.0, 1.0, 1.0)
Found = TypeVar("Found")


class Failure(Exception):  # noqa: N818 - it is the program's, not that of its user here
    """Something did not happen, or not as it should: one sentence."""


class Screen:
    """The display.

    Args:
        number: Its name, such as ":7".
        folder: Where pictures of it are kept.
    """

    def __init__(self, number: str, folder: Path) -> None:
        self.number = number
        self._folder = folder
        self._environment = {**os.environ, "DISPLAY": number}
        self._box = (0, 0, *SIZE)

    def do(self, *words: str | int) -> str:
        """One command of xdotool; gives what it prints."""
        command = ["xdotool", *map(str, words)]
        done = subprocess.run(  # noqa: S603
            command, env=self._environment, capture_output=True, text=True, timeout=DEADLINE
        )
        if done.returncode:
            raise Failure(f"{' '.join(command)}: {done.stderr.strip() or 'found nothing'}")
        return done.stdout.strip()

    def windows(self, title: str) -> list[str]:
        """Numbers of the visible windows with this in their title."""
        try:
            return self.do("search", "--onlyvisible", "--name", title).split()
        except Failure:  # xdotool's word for none
            return []

    def take_window(self, title: str) -> tuple[int, int]:
        """Wait for a window with this in its title and look at it from now on.

        It also gets the keyboard: there is no window manager that would give it.

        Returns:
            Its width and height.
        """
        number = wait(lambda: self.windows(title), f"no window {title!r}")[-1]
        self.do("windowfocus", "--sync", number)
        lines = self.do("getwindowgeometry", "--shell", number).splitlines()
        place = dict(line.split("=") for line in lines)
        x, y, width, height = (int(place[name]) for name in ("X", "Y", "WIDTH", "HEIGHT"))
        self._box = (x, y, x + width, y + height)
        return width, height

    def look(self, part: Part = WHOLE) -> np.ndarray:
        """(rows, columns, 3) what is seen now of a part of the window."""
        left, top, right, bottom = self._box
        width, height = right - left, bottom - top
        lengths = (width, height, width, height)
        box = [round(share * length) for share, length in zip(part, lengths, strict=True)]
        picture = ImageGrab.grab(xdisplay=self.number).convert("RGB").crop(self._box)
        return np.asarray(picture.crop(tuple(box)), np.int16)

    def point(self, part: Part, row: int, column: int) -> tuple[int, int]:
        """Where on the screen, x and y, the pixel in this row and column of a part is."""
        left, top, right, bottom = self._box
        x, y = round(part[0] * (right - left)), round(part[1] * (bottom - top))
        return left + x + column, top + y + row

    def keep(self, name: str) -> None:
        """Put a picture of the whole screen into the folder."""
        ImageGrab.grab(xdisplay=self.number).save(self._folder / f"{name}.png")


@contextlib.contextmanager
def virtual_display(folder: Path) -> Iterator[Screen]:
    """An X server on a free display, for as long as it is needed.

    Args:
        folder: Where pictures are kept, and what the server prints.
    """
    read, write = os.pipe()
    size = f"{SIZE[0]}x{SIZE[1]}x24"
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", size, "-nolisten", "tcp"]
    with (folder / "xvfb.txt").open("w") as log:
        server = subprocess.Popen(command, pass_fds=[write], stderr=log)  # noqa: S603
    os.close(write)
    try:
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()  # written once it answers; closed when it ends
        if not number:
            raise Failure(f"Xvfb did not start, see {log.name}")
        yield Screen(f":{number}", folder)
    finally:
        server.terminate()
        server.wait(DEADLINE)


def wait(look: Callable[[], Found], otherwise: str, seconds: float = DEADLINE) -> Found:
    """Look again and again until there is something, and give it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(LOOK_EVERY)
    raise Failure(f"{otherwise} within {seconds:.0f} s")


def differing(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(rows, columns) whether two pictures differ there."""
    return np.abs(one - other).max(axis=2) > 24


def coloured(picture: np.ndarray) -> int:
    """Number of pixels that are neither black nor grey nor white, such as points and curves."""
    return int((np.ptp(picture, axis=2) > 60).sum())
