"""`sample --solver sde`: random ways of a Schrödinger bridge, and of nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.presets import read_preset
from flowmap_studio.core.sde import diffused


def test_a_bridge_from_training_to_random_ways(run: Any, small: list[str], tmp_path: Path) -> None:
    file, ways, steps = tmp_path / "b.flowmap", tmp_path / "ways.npy", tmp_path / "steps.npy"
    settings = ["--method", "schrodinger-bridge", "--coupling", "sinkhorn", "--entropy", "0.5"]
    done = run("train", *small, *settings, "--out", file, "--json")
    assert done.status == 0, done.err
    losses = json.loads(done.out)["losses"]
    assert losses["score"] > 0
    assert losses["consistency"] is None
    drawn = ("--num", 300, "--steps", 4, "--seed", 3)
    assert run("sample", file, *drawn, "--solver", "sde", "--out", ways).status == 0
    assert run("sample", file, *drawn, "--out", steps).status == 0
    loaded = LoadedMap(read_preset(file).snapshot)
    expected = diffused(loaded, loaded.noise(300, 3), 1.0, 4, seed=3)
    np.testing.assert_allclose(np.load(ways), expected, atol=1e-5)
    assert np.abs(np.load(ways) - np.load(steps)).max() > 0.1


def test_what_has_no_random_ways(run: Any, trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.npy"
    for options, words in (
        (("--solver", "sde"), "An SDE needs a map of method schrodinger-bridge"),
        (("--solver", "sde", "--lattice", 9), "--lattice caches jumps, not a solver's steps"),
        (("--solver", "magic"), "--solver"),
    ):
        done = run("sample", trained, *options, "--out", out)
        assert done.status == 2
        assert words in done.err
        assert done.err.count("\n") == 1
    assert not out.exists()
