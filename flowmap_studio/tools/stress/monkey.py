"""A random user: every action, slider, field, key and panel, files of all kinds, closed windows."""

from __future__ import annotations

import faulthandler
import random
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu
from shiboken6 import getCppPointer

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.presets import write_preset
from flowmap_studio.tools.stress.finding import Broken, Finding
from flowmap_studio.tools.stress.forging import PNG, plain_preset, unfinished_preset
from flowmap_studio.tools.stress.hands import ACTS
from flowmap_studio.tools.stress.process import own_home, python_threads
from flowmap_studio.tools.stress.studio import (
    LATE_SECONDS,
    application,
    close_window,
    forget_windows,
    open_window,
    small_config,
    turn,
    watched,
)
from flowmap_studio.views.action_states import action_states

MOST: dict[str, int] = {
    "hidden_dim": 64,
    "depth": 2,
    "batch_size": 256,
    "ot_batch": 128,
    "threads": 1,
    "pair_reuse": 8,
    "time_embed_dim": 32,
}
"""Settings beyond these are taken back after the act: the time of a step is not what is tried."""
LIFE = 250
"""Acts in one window, about."""
LONGEST_TURN = 0.004
POPUP_MS = 10
STUCK_SECONDS = 60
"""A window that doesn't answer for so long has hung: all stacks are told, and the process ends."""


def _files(folder: Path) -> list[Path]:
    """Good and bad files, and some that are not there."""
    draw = np.random.default_rng(0)
    write_preset(folder / "plain.flowmap", plain_preset())
    write_preset(folder / "classes.flowmap", plain_preset(labels="on"))
    write_preset(folder / "half.flowmap", unfinished_preset())
    cut = (folder / "plain.flowmap").read_bytes()[:-7]
    (folder / "cut.flowmap").write_bytes(cut)
    np.savetxt(folder / "points.csv", draw.normal(size=(300, 2)), delimiter=",")
    np.save(folder / "four.npy", draw.normal(size=(200, 4)))
    (folder / "words.csv").write_text("one,two\nthree,four\n")
    (folder / "dot.png").write_bytes(PNG)
    (folder / "folder.flowmap").mkdir()
    return [*sorted(folder.iterdir()), folder / "missing.flowmap", folder / "missing.csv", folder]


@contextmanager
def _dialogs(draw: random.Random, files: list[Path], folder: Path) -> Iterator[None]:
    """Within it, dialogs for files answer at once: with a file, or as if they were cancelled."""
    endings = (".flowmap", ".png", ".svg", ".gif", ".csv", ".npy", ".py", ".mp4", ".exe", "")

    def opened(*_: object) -> tuple[str, str]:
        return (str(draw.choice(files)) if draw.random() < 0.8 else ""), ""

    def saved(*_: object) -> tuple[str, str]:
        place = draw.choice((folder / "out", folder / "missing" / "out"))
        return (f"{place}{draw.choice(endings)}" if draw.random() < 0.8 else ""), ""

    def several(*_: object) -> tuple[list[str], str]:
        return [str(one) for one in draw.sample(files, draw.randint(0, 3))], ""

    def directory(*_: object) -> str:
        return opened()[0]

    answers = {
        "getOpenFileName": opened,
        "getSaveFileName": saved,
        "getOpenFileNames": several,
        "getExistingDirectory": directory,
    }
    with ExitStack() as patches:
        for name, answer in answers.items():
            patches.enter_context(mock.patch.object(QFileDialog, name, staticmethod(answer)))
        nothing = staticmethod(lambda *_: True)
        patches.enter_context(mock.patch.object(QDesktopServices, "openUrl", nothing))
        yield


class Monkey:
    """A user without a plan.

    Attributes:
        broken: What did not hold.
        windows: Windows that were opened.
        files: What it opens and drops.
        joined: Seconds until the threads of each closed window had ended.

    Args:
        draw: What it does.
        files: What it opens and drops.
    """

    def __init__(self, draw: random.Random, files: list[Path]) -> None:
        self.broken = Broken()
        self.windows = 0
        self.joined: list[float] = []
        self._draw = draw
        self.files = files
        self._before = {getCppPointer(one)[0] for one in QApplication.allWidgets()}
        self._window: Any = None
        self._acts = [act for act, _ in ACTS]
        self._weights = [weight for _, weight in ACTS]

        # A menu of a button waits in a loop of its own until something is chosen.
        self._impatience = QTimer()
        self._impatience.timeout.connect(self._choose_from_menu)
        self._impatience.start(POPUP_MS)

    def _choose_from_menu(self) -> None:
        popup = QApplication.activePopupWidget()
        if isinstance(popup, QMenu) and popup.actions() and self._draw.random() < 0.5:
            self._draw.choice(popup.actions()).trigger()
        if popup is not None:
            popup.close()

    def act(self) -> None:
        """Do one thing, and look whether all is well."""
        if self._window is None:
            self._open()
        elif self._draw.random() < 1 / LIFE:
            self.close()
            return
        (deed,) = self._draw.choices(self._acts, self._weights)
        try:
            deed(self._window, self._draw, self.files)
            turn(LONGEST_TURN * self._draw.random())
            if not self._window.isVisible():  # a key or a button has closed it
                self.close()
                return
            self._calm()
            self._look(deed.__name__)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            self.broken.add(f"{deed.__name__}: {type(error).__name__}: {error}")

    def close(self) -> None:
        """Close the window, in whatever state it is."""
        if self._window is None:
            return
        seconds, _ = close_window(self._window)
        self.joined.append(seconds)
        self.broken.unless(seconds < LATE_SECONDS, "a thread did not end with its window")
        self._window = None
        forget_windows()
        here = QApplication.allWidgets()
        left = [type(one).__name__ for one in here if getCppPointer(one)[0] not in self._before]
        self.broken.unless(not left, f"widgets left: {', '.join(sorted(set(left))[:6])}")

    def _open(self) -> None:
        first = self._draw.choice((None, *self.files))
        self._window = open_window(self.broken, first)
        self._window.edit_config(small_config(steps=self._draw.choice((5, 300, 10**8))))
        self.windows += 1

    def _calm(self) -> None:
        config = self._window.session.config
        changes = {name: most for name, most in MOST.items() if getattr(config, name) > most}
        if changes:
            self._window.session.set_config(config.replace(**changes))

    def _look(self, deed: str) -> None:
        window, session = self._window, self._window.session
        states = action_states(session.state, has_map=session.snapshot is not None)
        for name, wanted in states.enabled.items():
            found = window.actions_by_name[name].isEnabled()
            self.broken.unless(found == wanted, f"after {deed}: {name} is enabled: {found}")
        self.broken.unless(0.0 <= session.t <= 1.0, f"after {deed}: t = {session.t}")
        same = RunConfig.from_dict(session.config.as_dict()) == session.config
        self.broken.unless(same, f"after {deed}: settings that can't be saved")
        text = window.message_bar.text()
        self.broken.unless("Traceback" not in text, f"after {deed}: {text}")
        self.broken.unless("\n" not in text, f"after {deed}, more than a sentence: {text!r}")


def monkey(count: int, seed: int = 0) -> Finding:
    """Let a random user act.

    Args:
        count: Number of acts.
        seed: Of all that it does.
    """
    began = time.perf_counter()
    draw = random.Random(seed)  # noqa: S311 - nothing secret
    application()
    with own_home() as home:
        folder = home / "files"
        folder.mkdir()
        user = Monkey(draw, _files(folder))
        with watched(user.broken), _dialogs(draw, user.files, folder):
            before = python_threads()
            for _ in range(count):
                faulthandler.dump_traceback_later(STUCK_SECONDS, exit=True, file=sys.__stderr__)
                user.act()
            user.close()
            faulthandler.cancel_dump_traceback_later()
            left = [thread.name for thread in python_threads() - before]
            user.broken.unless(not left, f"threads left: {left}")
    figures: dict[str, float | int | str] = {
        "windows": user.windows,
        "s to close, longest": round(max(user.joined), 2),
    }
    took = time.perf_counter() - began
    return Finding("monkey", f"{count:,} acts", figures, user.broken.told(), took)
