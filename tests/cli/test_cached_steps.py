"""`sample --lattice`: the samples of the map within the error that it prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np


def test_the_error_is_that_of_the_samples(run: Any, trained: Path, tmp_path: Path) -> None:
    out, exact = tmp_path / "cached.npy", tmp_path / "exact.npy"
    drawn = ("--num", 2000, "--steps", 4, "--seed", 3)
    done = run("sample", trained, *drawn, "--lattice", 33, "--out", out, "--json")
    assert done.status == 0, done.err
    facts = json.loads(done.out)["lattice"]
    assert run("sample", trained, *drawn, "--out", exact).status == 0
    gap = np.linalg.norm(np.load(out) - np.load(exact), axis=1)
    info = json.loads(run("info", trained, "--json").out)
    scale = info["normalisation"]["scale"][0]
    assert facts["resolution"] == 33
    np.testing.assert_allclose(facts["rms_error"], np.sqrt((gap**2).mean()) / scale, rtol=1e-3)
    np.testing.assert_allclose(facts["largest_error"], gap.max() / scale, rtol=1e-3)
    assert min(facts[f"{what}seconds"] for what in ("", "build_", "direct_")) > 0


def test_people_are_told_the_error(run: Any, trained: Path, tmp_path: Path) -> None:
    done = run("sample", trained, "--num", 9, "--lattice", 5, "--out", tmp_path / "a.csv")
    assert done.status == 0
    assert "Cached steps, 5 × 5 nodes: error" in done.out
    assert "RMS" in done.out


def test_bad_resolutions_and_maps_of_space(run: Any, trained: Path, tmp_path: Path) -> None:
    done = run("sample", trained, "--lattice", 1, "--out", tmp_path / "a.csv")
    assert done.status == 2
    assert "--lattice must be a whole number from 2 to" in done.err
    points = tmp_path / "space.csv"
    np.savetxt(points, np.random.default_rng(0).normal(size=(50, 3)), delimiter=",")
    space = tmp_path / "space.flowmap"
    small = [
        "--hidden-dim",
        "4",
        "--depth",
        "1",
        "--steps",
        "2",
        "--batch-size",
        "8",
        "--ot-batch",
        "8",
        "--device",
        "cpu",
    ]
    assert run("train", "--target", points, *small, "--out", space).status == 0
    done = run("sample", space, "--lattice", 9, "--out", tmp_path / "a.csv")
    assert done.status == 2
    assert "this map has 3 axes" in done.err
    assert done.err.count("\n") == 1
