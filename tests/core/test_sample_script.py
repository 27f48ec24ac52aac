"""The script that draws a preset's samples: run by itself, it gives the studio's very points."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flowmap_studio
from flowmap_studio.core import sample_script as template
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.drawing.layers import STAGE_POINTS, STAGE_SEED
from flowmap_studio.core.flow_map import build_flow_map
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.presets import Preset, read_preset, write_preset
from flowmap_studio.core.script_export import sample_script
from flowmap_studio.core.snapshot import Snapshot

NET: dict[str, Any] = {"hidden_dim": 16, "time_embed_dim": 8, "depth": 2, "device": "cpu"}
WAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "two-time": ({"method": "semigroup"}, {"steps": 3, "t": 0.7}),
    "one-time, free form": (
        {"method": "article", "parametrisation": "free", "position_features": 0},
        {"steps": 2},
    ),
    "velocity by Euler": ({"method": "flow-matching"}, {"steps": 5}),
    "velocity by Heun": ({"method": "flow-matching"}, {"steps": 4, "solver": "heun", "t": 0.5}),
    "velocity by dopri5": ({"method": "rectified-flow"}, {"steps": 4, "solver": "dopri5"}),
    "bridge": ({"method": "schrodinger-bridge", "coupling": "sinkhorn"}, {"steps": 4}),
    "all classes": ({"method": "semigroup", "classes": 3}, {"steps": 2}),
    "one class, guided": (
        {"method": "semigroup", "classes": 3},
        {"steps": 2, "label": "two", "guidance": 2.5},
    ),
    "another source": ({"method": "semigroup", "source": "rings"}, {"steps": 1}),
}


def preset_of(path: Path, **changes: Any) -> Preset:
    """An untrained map with uneven weights, a shift and a scale, as a file."""
    classes = ("one", "two", "three")[: changes.pop("classes", 0)]
    config = RunConfig(**NET | changes)
    draw = np.random.default_rng(7)
    weights = {
        name: draw.normal(0, 0.4, tensor.shape).astype(np.float32)
        for name, tensor in build_flow_map(config, 2, len(classes)).network.state_dict().items()
    }
    snapshot = Snapshot(
        config=config,
        step=5,
        weights=weights,
        normalisation=Normalisation((3.0, -20.0), (0.5, 4.0)),
        data=draw.normal(size=(60, 2)),
        classes=classes,
        labels=np.arange(60) % 3 if classes else None,
        source=draw.normal(size=(60, 2)) if config.source != "normal" else None,
    )
    write_preset(path, Preset(snapshot=snapshot, title="A map"))
    return read_preset(path)


def run_script(folder: Path, text: str, *, alone: bool) -> np.ndarray:
    """Run it in a process of its own, in which the studio can't be imported where it is alone."""
    (folder / "draw.py").write_text(text, encoding="utf-8")
    root = Path(flowmap_studio.__file__).parents[1]
    before = "import sys; sys.modules['flowmap_studio'] = None; " if alone else ""
    code = f"{before}import torch; torch.set_num_threads(1); import runpy; "
    code += "runpy.run_path('draw.py', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return np.load(folder / "points.npy")


def expected(preset: Preset, way: dict[str, Any]) -> np.ndarray:
    loaded = LoadedMap(preset.snapshot)
    guide = loaded.guide(STAGE_POINTS, STAGE_SEED, way.get("label"), way.get("guidance", 1.0))
    noise = loaded.noise(STAGE_POINTS, STAGE_SEED)
    return loaded.at(noise, way.get("t", 1.0), way["steps"], guide, way.get("solver", "euler"))


def assert_same(found: np.ndarray, wanted: np.ndarray) -> None:
    """But for rounding, which these maps of random weights magnify."""
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize("name", WAYS)
def test_it_draws_the_same_samples(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes, way = WAYS[name]
    preset = preset_of(tmp_path / "a.flowmap", **changes)
    filled = {"num": STAGE_POINTS, "time": way.get("t", 1.0), "seed": STAGE_SEED, **way}
    for constant in ("NUM", "STEPS", "TIME", "SEED", "SOLVER", "LABEL", "GUIDANCE"):
        if constant.lower() in filled:
            monkeypatch.setattr(template, constant, filled[constant.lower()])
    found = template.samples(tmp_path / "a.flowmap")
    assert found.dtype == np.float32
    assert_same(found, expected(preset, way))


@pytest.mark.parametrize("name", ["one class, guided", "another source"])
def test_as_a_file_in_a_process_of_its_own(name: str, tmp_path: Path) -> None:
    changes, way = WAYS[name]
    preset = preset_of(tmp_path / "my 'map'.flowmap", **changes)
    text = sample_script("my 'map'.flowmap", "points.npy", **way)
    alone = "source" not in changes
    assert_same(run_script(tmp_path, text, alone=alone), expected(preset, way))


def test_names_stay_texts_in_the_script() -> None:
    evil = "'\nimport os; os.abort()\n#"
    text = sample_script(evil, f"{evil}.npy", 1, label=evil)
    assert "\nimport os" not in text
    assert f"PRESET = {evil!r}\n" in text
    compile(text, "draw.py", "exec")


def test_a_script_draws_as_many_points_as_the_stage_has() -> None:
    assert f"NUM = {STAGE_POINTS}\n" in sample_script("a.flowmap", "a.npy", 1)
    assert "NUM = 65536\n" in sample_script("a.flowmap", "a.npy", 1, num=65536)
