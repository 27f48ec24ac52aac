"""What importing drags in: the window must be there before torch is, the core without Qt."""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import flowmap_studio

ROOT = Path(flowmap_studio.__file__).parents[1]
SLOW = {"torch", "scipy", "ot", "torchdiffeq", "sklearn", "pandas", "sympy", "networkx", "av"}
"""What takes long to import. torch brings some of them itself, which one cannot help."""
QT = ("PySide6", "shiboken6", "pyqtgraph", "superqt")
TORCH_FREE = [
    "flowmap_studio",
    "flowmap_studio.core",
    "flowmap_studio.core.config",
    "flowmap_studio.core.errors",
    "flowmap_studio.core.history",
    "flowmap_studio.core.methods",
    "flowmap_studio.core.presets",
    "flowmap_studio.core.library",
    "flowmap_studio.core.advice",
    "flowmap_studio.core.target_names",
    "flowmap_studio.core.thumbnails",
    "flowmap_studio.core.snapshot",
    "flowmap_studio.views",
]


def modules_of(package: str) -> list[str]:
    found = pkgutil.walk_packages([str(ROOT / package.replace(".", "/"))], f"{package}.")
    return sorted(module.name for module in found)


def loaded_by(*modules: str) -> set[str]:
    """Top-level packages that a fresh interpreter holds after importing these."""
    code = "import sys, json, importlib\nfor name in sys.argv[1:]: importlib.import_module(name)\n"
    code += "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    return fresh(code, *modules)


def fresh(code: str, *arguments: str) -> set[str]:
    """The names that a fresh interpreter prints in the end, as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_modules_for_the_first_window_import_no_torch() -> None:
    assert "torch" not in loaded_by(*TORCH_FREE)


def test_no_view_imports_torch() -> None:
    views = modules_of("flowmap_studio.views")
    assert len(views) > 5
    assert "torch" not in loaded_by(*views)


def test_the_window_waits_for_nothing_that_takes_long() -> None:
    assert not loaded_by("flowmap_studio.app", "flowmap_studio.cli").intersection(SLOW)


def test_the_first_cloud_waits_for_torch_alone() -> None:
    preset = ROOT / "assets" / "presets" / "moons.flowmap"
    drawn = f"""
import sys, json, torch
before = set(sys.modules)
from pathlib import Path
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.presets import read_preset
from flowmap_studio.runtime.clouds import Maps, draw_frame
from flowmap_studio.runtime.frames import FrameRequest
snapshot = read_preset(Path({str(preset)!r})).snapshot
request = FrameRequest(1, 0, snapshot, 0.5, 2, None, composed_points=1024, threads=1)
assert len(draw_frame(request, Maps(LoadedMap(snapshot))).clouds["one_step"])
print(json.dumps(sorted({{name.partition('.')[0] for name in set(sys.modules) - before}})))
"""
    assert not fresh(drawn).intersection(SLOW - {"torch"})


def test_no_core_module_imports_qt() -> None:
    core = modules_of("flowmap_studio.core")
    assert "flowmap_studio.core.trainer" in core
    loaded = loaded_by(*core)
    assert "torch" in loaded
    assert not loaded.intersection(QT)


@pytest.mark.parametrize("module", ["flowmap_studio", "flowmap_studio.core"])
def test_packages_import_nothing_heavy(module: str) -> None:
    assert not loaded_by(module).intersection({"torch", "numpy", "scipy", *QT})


def test_the_window_waits_for_no_reader_of_commands_nor_for_what_it_does_not_use() -> None:
    loaded = loaded_by("flowmap_studio.cli", "flowmap_studio.cli.window", "flowmap_studio.app")
    assert "pyqtgraph" in loaded
    assert not loaded.intersection({"torch", "scipy", "PIL", "click", "rich"})


def test_the_window_is_painted_before_torch_comes() -> None:
    shown = """
import gc, json, sys, time
from flowmap_studio.cli.window import load_window
load_window()
assert not gc.isenabled()
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QGraphicsView
from flowmap_studio.app import create_window
app = QApplication([])
window = create_window()
painted = []
class Watch(QObject):
    def eventFilter(self, _watched, event):
        if event.type() == QEvent.Type.Paint:
            painted.append("torch" in sys.modules)
        return False
watch = Watch()
window.stage.findChild(QGraphicsView).viewport().installEventFilter(watch)
window.show()
end = time.monotonic() + 60
while window.session.frame is None and time.monotonic() < end:
    app.processEvents()
print(json.dumps([str(painted[0]), str("torch" in sys.modules)]))
window.close()
"""
    assert fresh(shown) == {"False", "True"}
