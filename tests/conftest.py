"""What every test relies on: no display, one torch thread, a home of its own, no thread left."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import settings
from pytestqt.qtbot import QtBot

# Before anything imports Qt.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# The window is in English, whatever the system's language.
os.environ["LANGUAGE"] = "en"

# The same examples on every machine and run; slow ones are the suite's timeout's business.
settings.register_profile("suite", deadline=None, derandomize=True, database=None, max_examples=40)
settings.load_profile("suite")

WAIT_MS = 60_000
"""How long a test waits for what should come: others may have most of the machine's cores."""
for wait in (QtBot.waitUntil, QtBot.waitSignal, QtBot.waitSignals, QtBot.waitCallback):
    wait.__kwdefaults__["timeout"] = WAIT_MS

JOIN_SECONDS = 10
MANY_OBJECTS = 100_000
HOME_VARIABLES = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, presets and caches of the person who runs the tests are out of reach."""
    home = tmp_path_factory.mktemp("home")
    for name in HOME_VARIABLES:
        monkeypatch.setenv(name, str(home / name.lower()))
    for name in ("HOME", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(home))
    if core := sys.modules.get("PySide6.QtCore"):
        for kind in (core.QSettings.Format.IniFormat, core.QSettings.Format.NativeFormat):
            core.QSettings.setPath(kind, core.QSettings.Scope.UserScope, str(home / "settings"))


@pytest.fixture(autouse=True)
def _steady_torch() -> None:
    """Results depend neither on the machine's cores nor on order; view tests go without torch."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
        torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _no_thread_stands_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here somebody waits for the training: beside another process's tests it would come last."""
    if workers := sys.modules.get("flowmap_studio.runtime.workers"):
        monkeypatch.setattr(workers, "LATER", 0)


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    """A test that leaves a thread running fails: such threads abort the program when it quits."""
    if len(gc.get_objects()) > MANY_OBJECTS:
        # Modules, mostly: they are neither looked through for threads nor for garbage again.
        gc.collect()
        gc.freeze()
    before = set(threading.enumerate())
    yield
    left = [t for t in threading.enumerate() if t not in before and not _ends(t)]
    running = [thread for thread in _qthreads() if not thread.wait(JOIN_SECONDS * 1000)]
    names = [t.name for t in left] + [type(t).__name__ for t in running]
    assert not names, f"threads left running: {', '.join(names)}"


def _ends(thread: threading.Thread) -> bool:
    if isinstance(thread, threading._DummyThread):
        return True  # how Python sees a QThread's thread; those are looked at by themselves
    thread.join(JOIN_SECONDS)
    return not thread.is_alive()


def _qthreads() -> list:
    """Running QThreads of Python; the application's own thread isn't one."""
    core = sys.modules.get("PySide6.QtCore")
    if core is None or core.QCoreApplication.instance() is None:
        return []
    import shiboken6

    # type(), because asking a proxy for its class could run its code. Each type is asked once:
    # there are hundreds of thousands of objects, and this runs after every test.
    things = gc.get_objects()
    kinds = {kind for kind in set(map(type, things)) if issubclass(kind, core.QThread)}
    found = [thing for thing in things if type(thing) in kinds]
    return [
        thread
        for thread in found
        if shiboken6.isValid(thread)
        and thread.isRunning()
        and thread is not core.QThread.currentThread()
    ]
