"""The window is closed at any moment: all threads end, and the program with status 0."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.packing import pack
from flowmap_studio.core.presets import write_preset
from flowmap_studio.core.targets import SHAPES
from flowmap_studio.core.trainer import Trainer
from flowmap_studio.runtime.workers import Worker

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")

SMALL = RunConfig(
    hidden_dim=16,
    time_embed_dim=8,
    depth=1,
    batch_size=32,
    ot_batch=32,
    steps=100_000_000,
    device="cpu",
)
HEAVY = SMALL.replace(hidden_dim=512, depth=2, batch_size=4096, ot_batch=1024, pair_reuse=1)


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    """An untrained small map."""
    snapshot = Trainer(SMALL, SHAPES["moons"]).snapshot()
    path = tmp_path / "small.flowmap"
    write_preset(path, pack(snapshot, "Small", {}))
    return path


@pytest.fixture
def open_window(qtbot: Any, preset: Path) -> Callable[[], Any]:
    from flowmap_studio.app import create_window

    def open_window() -> Any:
        window = create_window(preset)
        with qtbot.waitExposed(window):
            window.show()
        return window

    return open_window


def find(window: Any, name: str) -> Any:
    from PySide6.QtGui import QAction

    return window.findChild(QAction, name)


def nothing(qtbot: Any, window: Any) -> None:
    pass


def shown(qtbot: Any, window: Any) -> None:
    qtbot.waitUntil(lambda: window.session.frame is not None)


def started(qtbot: Any, window: Any) -> None:
    find(window, "trainAction").trigger()


def training(qtbot: Any, window: Any) -> None:
    started(qtbot, window)
    qtbot.waitUntil(lambda: len(window.session.losses) > 0)


def paused(qtbot: Any, window: Any) -> None:
    training(qtbot, window)
    find(window, "trainAction").trigger()


def stopping(qtbot: Any, window: Any) -> None:
    training(qtbot, window)
    find(window, "stopAction").trigger()


def resetting(qtbot: Any, window: Any) -> None:
    training(qtbot, window)
    find(window, "resetAction").trigger()


def restarting(qtbot: Any, window: Any) -> None:
    training(qtbot, window)
    window.session.restart_with(SMALL.replace(seed=1))


def playing(qtbot: Any, window: Any) -> None:
    find(window, "playAction").trigger()
    training(qtbot, window)


def preparing_heavy_pairs(qtbot: Any, window: Any) -> None:
    window.session.set_config(HEAVY)
    started(qtbot, window)
    qtbot.waitUntil(lambda: len(window.session.snapshots) > 0)


def replaced(qtbot: Any, window: Any) -> None:
    """A preset has just been opened over a run."""
    training(qtbot, window)
    window.open_preset(window.preset)


PHASES = [
    nothing,
    shown,
    started,
    training,
    paused,
    stopping,
    resetting,
    restarting,
    playing,
    preparing_heavy_pairs,
    replaced,
]


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.__name__)
def test_closing_at_any_moment_ends_all_threads(
    qtbot: Any,
    open_window: Any,
    preset: Path,
    caplog: pytest.LogCaptureFixture,
    phase: Callable[[Any, Any], None],
) -> None:
    window = open_window()
    window.preset = preset
    phase(qtbot, window)
    with caplog.at_level(logging.WARNING):
        assert window.close()
    assert not window.isVisible()
    assert Worker.running() == []
    assert "did not end" not in caplog.text
    qtbot.wait(0)  # what the threads had still sent is delivered to a closed window
    window.deleteLater()


def test_ten_runs_in_ten_windows(qtbot: Any, open_window: Any) -> None:
    for number in range(10):
        window = open_window()
        started(qtbot, window)
        wanted = number * 7 % 23  # losses seen before it is closed
        qtbot.waitUntil(lambda w=window, n=wanted: len(w.session.losses) >= n)
        if number % 3 == 0:
            find(window, "trainAction").trigger()
        window.close()
        assert Worker.running() == []
        window.deleteLater()


# Whole programs


SCRIPT = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from flowmap_studio import app

phase, preset = sys.argv[1:]
application = QApplication([])
windows = []
create = app.create_window
def created(path):
    windows.append(create(path))
    return windows[0]
app.create_window = created

def look():
    session = windows[0].session
    if phase == "first paint" or session.frame is not None and phase == "scrubbing":
        windows[0].close()
    elif phase == "training" and session.frame is not None:
        session.start()
        if len(session.losses) > 0:
            windows[0].close()
    elif phase == "quit" and session.frame is not None:
        session.start()
        if len(session.losses) > 0:
            application.quit()
    elif phase == "heavy pairs" and session.frame is not None:
        if not len(session.losses) and session.state.value == "idle":
            session.set_config(session.config.replace(
                batch_size=65536, ot_batch=2048, hidden_dim=512))
            session.start()
        elif len(session.snapshots) and session.snapshots.steps == [0]:
            windows[0].close()

timer = QTimer()
timer.timeout.connect(look)
timer.start(20)
sys.exit(app.main([preset]))
"""


def environment() -> dict[str, str]:
    return os.environ | {"QT_QPA_PLATFORM": "offscreen"}


@pytest.mark.parametrize("phase", ["first paint", "scrubbing", "training", "quit", "heavy pairs"])
def test_the_program_ends_with_status_0(phase: str, preset: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, phase, str(preset)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "QThread" not in done.stderr


def test_on_a_vietnamese_system_the_program_is_vietnamese_and_ends_well(preset: Path) -> None:
    said = "def look():\n    print(windows[0].menuBar().actions()[0].text())\n"
    script = SCRIPT.replace("def look():\n", said)
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", script, "scrubbing", str(preset)],
        env=environment() | {"LANGUAGE": "vi"},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert set(done.stdout.split()) == {"&Tệp"}


def catches(process: subprocess.Popen[str], number: signal.Signals) -> bool:
    """Whether a process has set a handler for a signal."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    mask = next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1]
    return bool(int(mask, 16) >> (number - 1) & 1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("module", ["flowmap_studio", "flowmap_studio.app"])
def test_a_window_that_is_told_to_end_closes_with_status_0(module: str, preset: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", module, str(preset)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            while process.poll() is None and not catches(process, signal.SIGTERM):
                time.sleep(0.02)  # between looks, until the window is being opened
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert out == ""
