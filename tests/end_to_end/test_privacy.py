"""No network at all, and nothing in an exported file that tells who made it or where."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowmap_studio.cli import main
from flowmap_studio.core.film_limits import Look, Timing
from flowmap_studio.runtime.session import State
from flowmap_studio.views.file_dialogs import LOSSES

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")

SECRET = "amelia-secretname"  # noqa: S105 - a user's name, not a password
SMALL = [
    "--hidden-dim",
    "8",
    "--time-embed-dim",
    "4",
    "--depth",
    "1",
    "--batch-size",
    "32",
    "--ot-batch",
    "32",
    "--warmup-steps",
    "2",
    "--steps",
    "12",
    "--device",
    "cpu",
]

OFFLINE = """
import os, sys
CALLS = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname",
         "socket.sendto", "urllib.Request", "http.client.connect")
def refuse(event, arguments):
    if event in CALLS:
        os.write(2, f"network: {event}{arguments}".encode())
        os._exit(99)
sys.addaudithook(refuse)
"""
WORK = """
from flowmap_studio.cli import main
small = sys.argv[2].split()
os.chdir(sys.argv[1])
assert main(["train", "--target", "moons", "--out", "a.flowmap", *small]) == 0
assert main(["sample", "a.flowmap", "--num", "50", "--out", "a.npy"]) == 0
assert main(["evaluate", "a.flowmap", "--steps", "1"]) == 0
assert main(["render", "a.flowmap", "--out", "a.gif", "--seconds", "0.2", "--size", "64x64"]) == 0
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from flowmap_studio import app
create = app.create_window
def created(path):
    window = create(path)
    window.session.start()
    timer = QTimer(window)
    timer.timeout.connect(lambda: len(window.session.losses) and window.close())
    timer.start(20)
    return window
app.create_window = created
assert app.main(["a.flowmap"]) == 0
assert "PySide6.QtNetwork" not in sys.modules
print("done")
"""
ASKING = """
import socket
socket.create_connection(("localhost", 9))
"""


def offline(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", OFFLINE + script, *arguments],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )


def test_command_line_and_window_never_touch_the_network(tmp_path: Path) -> None:
    done = offline(WORK, str(tmp_path), " ".join(SMALL))
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("done\n")


def test_what_touches_it_is_noticed() -> None:
    done = offline(ASKING)
    assert done.returncode == 99
    assert "network: socket." in done.stderr


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that tells the user's name, with the user's own points in it."""
    folder = tmp_path / SECRET
    folder.mkdir()
    for name in ("USER", "LOGNAME", "USERNAME", "HOSTNAME"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.chdir(folder)
    draw = np.random.default_rng(0)
    np.savetxt(folder / "points.csv", draw.normal(size=(200, 2)), delimiter=",")
    return folder


def assert_private(folder: Path, names: set[str]) -> None:
    made = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert names <= set(made)
    for name, content in made.items():
        assert SECRET.encode() not in content, name
        assert str(folder.parent).encode() not in content, name


def test_what_the_command_line_writes(home: Path) -> None:
    points = str(home / "points.csv")
    train = ["train", "--target", points, "--source", points, "--coupling", "ot", *SMALL]
    commands = [
        [*train, "--out", str(home / "a.flowmap"), "--log", str(home / "a.jsonl")],
        *(["sample", "a.flowmap", "--num", "9", "--out", f"b{e}"] for e in (".csv", ".npy")),
        ["sample", "a.flowmap", "--num", "9", "--out", "b.png"],
        *(["render", "a.flowmap", "--out", f"c{e}", "--size", "64x64"] for e in (".png", ".svg")),
        *(
            ["render", "a.flowmap", "--out", f"d{e}", "--size", "64x64", "--seconds", "0.2"]
            for e in (".gif", ".mp4")
        ),
    ]
    for command in commands:
        assert main(command) == 0, command
    names = {"a.flowmap", "a.jsonl", "b.csv", "b.npy", "b.png", "c.png", "c.svg", "d.gif", "d.mp4"}
    assert_private(home, names)


def test_what_the_window_writes(home: Path, qtbot: Any) -> None:
    from flowmap_studio.app import create_window

    window = create_window()
    qtbot.addWidget(window)
    session = window.session
    session.begin()
    changes = {"hidden_dim": 8, "depth": 1, "batch_size": 32, "ot_batch": 32, "steps": 12}
    window.edit_config(session.config.replace(target=str(home / "points.csv"), **changes))
    session.start()
    qtbot.waitUntil(lambda: session.state is not State.RUNNING)
    qtbot.waitUntil(lambda: session.frame is not None)
    assert session.state is State.IDLE
    assert session.snapshot.step == 12
    for name in ("a.png", "a.svg", "a.csv", "a.npy", "a.py"):
        assert window.export(home / name), window.message_bar.text()
    assert window._exports.export(home / "losses.csv", LOSSES)
    assert window.save_preset(home / "b.flowmap")
    session.render_film(home / "b.gif", Look(size=(64, 64)), Timing(seconds=0.2))
    qtbot.waitUntil(lambda: not session.films.running)
    window.close()
    assert_private(
        home, {"a.png", "a.svg", "a.csv", "a.npy", "a.py", "losses.csv", "b.flowmap", "b.gif"}
    )
