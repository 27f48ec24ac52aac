"""`--density-head on`: trained, saved, and judged by `evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowmap_studio.core.density_head import check_head
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.presets import read_preset


def test_evaluate_compares_the_head_with_the_exact_density(
    run: Any, small: list[str], trained: Path, tmp_path: Path
) -> None:
    file = tmp_path / "head.flowmap"
    done = run("train", *small, "--density-head", "on", "--out", file, "--json")
    assert done.status == 0, done.err
    assert json.loads(done.out)["losses"]["density"] >= 0
    found = json.loads(run("evaluate", file, "--steps", 1, "--json").out)["density_head"]
    expected = check_head(LoadedMap(read_preset(file).snapshot))
    assert found["rms_nats"] == pytest.approx(expected.rms_nats, rel=1e-3)
    assert found["points"] == expected.points
    assert "nats RMS from the exact change of variables" in run("evaluate", file).out
    without = run("evaluate", trained, "--steps", 1, "--json")
    assert json.loads(without.out)["density_head"] is None


def test_a_velocity_has_no_density_head(run: Any, tmp_path: Path) -> None:
    settings = ("--method", "flow-matching", "--density-head", "on")
    done = run("train", *settings, "--out", tmp_path / "a.flowmap")
    assert done.status == 2
    assert "--density-head: Method flow-matching learns a velocity" in done.err


def test_a_head_can_not_be_added_later(
    run: Any, small: list[str], trained: Path, tmp_path: Path
) -> None:
    settings = ("--density-head", "on", "--start-from", trained)
    done = run("train", *small, *settings, "--out", tmp_path / "a.flowmap")
    assert done.status == 2
    assert "--density-head off; keep it" in done.err
