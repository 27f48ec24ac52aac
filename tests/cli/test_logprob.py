"""Log-likelihoods and ODE samples on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.ode_samples import sample_ode
from flowmap_studio.core.presets import read_preset
from flowmap_studio.core.probes import log_density

Run = Callable[..., Any]


def answer(done: Any) -> dict[str, Any]:
    assert done.status == 0, done.err
    value = json.loads(done.out)
    assert isinstance(value, dict)
    return value


@pytest.fixture
def velocity(run: Run, small: list[str], tmp_path: Path) -> Path:
    """A small conditional velocity of moons."""
    out = tmp_path / "velocity.flowmap"
    method = ["--method", "flow-matching", "--labels", "on", "--lr", "0.02"]
    assert run("train", *small, *method, "--out", out).status == 0
    return out


def test_logprob_of_a_map(run: Run, trained: Path, tmp_path: Path) -> None:
    snapshot = read_preset(trained).snapshot
    points, out, text = (tmp_path / name for name in ("in.csv", "out.npy", "out.csv"))
    given = snapshot.data[:50]
    np.savetxt(points, given, delimiter=",")
    said = answer(run("logprob", trained, "--points", points, "--out", out, "--json"))
    nats = np.load(out)
    expected = log_density(LoadedMap(snapshot), given)
    assert nats.shape == (50,)
    np.testing.assert_allclose(nats, expected.nats, atol=1e-4)
    assert said["mean"] == pytest.approx(float(np.nanmean(nats)))
    assert (said["num"], said["dim"], said["out"]) == (50, 2, str(out))
    assert said["reached"] == np.isfinite(nats).sum() > 40
    assert said["folded"] == expected.folded.sum()
    done = run("logprob", trained, "--points", points, "--out", text)
    assert done.status == 0
    assert done.out.startswith("Mean log-likelihood ")
    assert ("have nan" in done.err) == bool(np.isnan(nats).any())
    lines = text.read_text().splitlines()
    assert lines[0] == "logprob"
    np.testing.assert_allclose(np.array(lines[1:], float), nats)


def test_logprob_of_classes_of_a_velocity(run: Run, velocity: Path, tmp_path: Path) -> None:
    """Of two equally frequent classes the mixture is the mean of the densities."""
    snapshot = read_preset(velocity).snapshot
    points = tmp_path / "in.npy"
    np.save(points, snapshot.data[:20])
    nats = {}
    for label in (*snapshot.classes, None):
        chosen = [] if label is None else ["--label", label]
        out = tmp_path / "out.npy"
        answer(run("logprob", velocity, "--points", points, *chosen, "--out", out, "--json"))
        nats[label] = np.load(out)
    shares = np.bincount(snapshot.labels.astype(int)) / len(snapshot.labels)  # type: ignore[union-attr]
    mixed = sum(w * np.exp(nats[name]) for w, name in zip(shares, snapshot.classes, strict=True))
    np.testing.assert_allclose(nats[None], np.log(mixed), atol=1e-6)


@pytest.mark.parametrize(
    ("solver", "evaluations"),
    [("euler", 6), ("midpoint", 12), ("heun", 12), ("rk4", 24), ("dopri5", None)],
)
def test_samples_by_a_solver(
    run: Run, velocity: Path, tmp_path: Path, solver: str, evaluations: int | None
) -> None:
    out, plain = tmp_path / "a.npy", tmp_path / "b.npy"
    chosen = ["--num", 30, "--steps", 6, "--label", "1", "--guidance", 1.5]
    said = answer(run("sample", velocity, *chosen, "--solver", solver, "--out", out, "--json"))
    assert (said["solver"], said["label"], said["guidance"]) == (solver, "1", 1.5)
    assert said["evaluations"] == evaluations or (evaluations is None and said["evaluations"] > 6)
    loaded = LoadedMap(read_preset(velocity).snapshot)
    tight = sample_ode(loaded, 30, 400, 0, "rk4", "1", 1.5).points
    order = {"euler": 0.2, "midpoint": 0.05, "heun": 0.05, "rk4": 5e-3, "dopri5": 5e-3}
    assert np.abs(np.load(out) - tight).max() < order[solver]
    if solver == "euler":  # which is what composed sampling is
        assert run("sample", velocity, *chosen, "--out", plain).status == 0
        np.testing.assert_allclose(np.load(plain), np.load(out), atol=1e-5)
    done = run("sample", velocity, *chosen, "--solver", solver, "--out", out)
    assert f"{said['evaluations']} evaluations of the velocity" in done.out
