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
    done = subprocess.run(
        [sys.executable, "-c", code, *modules],
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


def test_no_core_module_imports_qt() -> None:
    core = modules_of("flowmap_studio.core")
    assert "flowmap_studio.core.trainer" in core
    loaded = loaded_by(*core)
    assert "torch" in loaded
    assert not loaded.intersection(QT)


@pytest.mark.parametrize("module", ["flowmap_studio", "flowmap_studio.core"])
def test_packages_import_nothing_heavy(module: str) -> None:
    assert not loaded_by(module).intersection({"torch", "numpy", "scipy", *QT})
