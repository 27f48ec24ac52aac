"""A map's life on the command line: train, look at it, judge it, draw from it, carry points."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from flowmap_studio.cli.config_options import spellings
from flowmap_studio.core import metrics
from flowmap_studio.core.config import RunConfig, defaults, settings
from flowmap_studio.core.drawing.layers import STAGE_POINTS, STAGE_SEED
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.presets import read_preset
from flowmap_studio.core.randomness import source_noise

Run = Callable[..., Any]
TRAINED_STEPS = 200
TERMS = ("match", "consistency", "identity", "total", "score", "density")


def answer(done: Any) -> dict[str, Any]:
    """The one JSON object of a command that went well."""
    assert done.status == 0, done.err
    value = json.loads(done.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert isinstance(value, dict)
    return value


def test_train_saves_what_it_says(run: Run, small: list[str], tmp_path: Path) -> None:
    out = tmp_path / "mine.flowmap"
    said = answer(run("train", *small, "--target", "rings", "--json", "--out", out))
    preset = read_preset(out)
    assert said["out"] == str(out)
    assert said["step"] == preset.snapshot.step == 20
    assert said["target"] == preset.snapshot.config.target == "rings"
    assert said["metrics"] == dict(preset.snapshot.metrics)
    assert {f"sliced_w2_{k}" for k in (1, 2, 4, 8, "floor")} < set(said["metrics"])
    assert said["losses"]["total"] > 0
    assert said["losses"]["identity"] == 0
    assert said["advice"] is None
    assert not said["interrupted"]
    assert preset.title == "mine"
    assert preset.thumbnail is not None
    assert preset.thumbnail.startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.flowmap"]


def test_train_for_people(run: Run, small: list[str], tmp_path: Path) -> None:
    done = run("train", *small, "--method", "article", "--out", tmp_path / "a.flowmap")
    assert done.status == 0
    assert "a.flowmap" in done.out
    assert "20 steps" in done.out
    assert "identity 0 by construction" in done.out
    assert "data against data" in done.out
    assert "of the data's spread" in done.out
    assert done.err == ""


def test_every_setting_reaches_the_file(run: Run, tmp_path: Path) -> None:
    """Each given another value than its default, in the spelling of the option."""
    given = {"target": "spiral", "source": "rings", "method": "article", "device": "cpu"}
    given |= {"steps": 4, "depth": 1, "hidden_dim": 8, "network": "mlp"}
    free = [name for name in settings() if name not in ("seconds", *given)]
    wanted = {name: other(name) for name in free} | given
    arguments = [text for name, v in wanted.items() for text in (spellings(name)[0], str(v))]
    out = tmp_path / "a.flowmap"
    answer(run("train", *arguments, "--json", "--out", out))
    found = answer(run("info", out, "--json"))["config"]
    assert found == RunConfig(**wanted).as_dict()
    assert all(found[name] != default for name, default in defaults().items() if name in wanted)


def other(name: str) -> Any:
    """An allowed value that is not the default."""
    setting, default = settings()[name], defaults()[name]
    if setting.choices:
        return next(choice for choice in setting.choices[::-1] if choice != default)
    return default + 1 if isinstance(default, int) else default / 2 or 0.5


def test_a_limit_in_seconds(run: Run, small: list[str], tmp_path: Path) -> None:
    at = small.index("--steps")
    settings_only = [*small[:at], *small[at + 2 :]]
    out = tmp_path / "a.flowmap"
    said = answer(run("train", *settings_only, "--seconds", "0.2", "--json", "--out", out))
    assert said["step"] > 1
    assert 0.2 <= said["seconds"] < 60


def test_the_log_has_every_step(run: Run, small: list[str], tmp_path: Path) -> None:
    log = tmp_path / "losses.jsonl"
    out = tmp_path / "a.flowmap"
    said = answer(run("train", *small, "--diagonal-share", 1, "--log", log, "--json", "--out", out))
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 21))
    assert all(set(row) == {"step", *TERMS} for row in rows)
    # The whole batch is on the diagonal: there is no consistency term.
    assert all(row["consistency"] is None and row["match"] > 0 for row in rows)
    assert said["losses"]["consistency"] is None
    mean = sum(row["match"] for row in rows) / len(rows)
    assert said["losses"]["match"] == pytest.approx(mean, rel=1e-5)


def test_the_same_seed_gives_the_same_map(run: Run, small: list[str], tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        assert (
            run("train", *small, "--seed", seed, "--out", tmp_path / f"{name}.flowmap").status == 0
        )
    a, b, c = (read_preset(tmp_path / f"{name}.flowmap").snapshot.weights for name in "abc")
    assert all(np.array_equal(a[name], b[name]) for name in a)
    assert not all(np.array_equal(a[name], c[name]) for name in a)


def test_start_from_goes_on_with_the_weights(
    run: Run, small: list[str], trained: Path, tmp_path: Path
) -> None:
    out = tmp_path / "more.flowmap"
    rate = ["--steps", 1, "--lr", "1e-7", "--ema-decay", 0]
    said = answer(run("train", "--start-from", trained, *rate, "--json", "--out", out))
    assert said["step"] == 1
    before, after = read_preset(trained).snapshot, read_preset(out).snapshot
    assert after.config == before.config.replace(steps=1, learning_rate=1e-7, ema_decay=0)
    for name, array in before.weights.items():
        np.testing.assert_allclose(after.weights[name], array, atol=2e-7)


def test_collapse_is_told(run: Run, tmp_path: Path) -> None:
    collapsing = ["--method", "article", "--coupling", "independent", "--target", "moons"]
    quick = ["--hidden-dim", 32, "--steps", 300, "--batch-size", 256, "--lr", "3e-3"]
    out = tmp_path / "a.flowmap"
    done = run("train", *collapsing, *quick, "--device", "cpu", "--out", out)
    assert done.status == 0
    assert done.err.startswith("Warning: Mean collapse: the one-step cloud has ")
    assert done.err.count("\n") == 1
    assert "choose coupling ot or method semigroup" in done.err
    assert read_preset(out).snapshot.metrics["spread_ratio"] < 0.5
    said = answer(run("train", *collapsing, *quick, "--device", "cpu", "--json", "--out", out))
    assert said["advice"].startswith("Mean collapse")


def test_info(run: Run, trained: Path) -> None:
    said = answer(run("info", trained, "--json"))
    preset = read_preset(trained)
    assert said["title"] == preset.title == "moons"
    assert said["config"] == preset.snapshot.config.as_dict()
    assert said["metrics"] == dict(preset.snapshot.metrics)
    assert said["parameters"] == sum(w.size for w in preset.snapshot.weights.values())
    assert (said["step"], said["dim"]) == (TRAINED_STEPS, 2)
    done = run("info", trained)
    assert done.status == 0
    for words in (
        f"{TRAINED_STEPS} steps",
        "--hidden-dim",
        "8 units",
        "sliced_w2_1",
        "--lr",
        "semigroup",
    ):
        assert words in done.out


def test_info_shows_a_strangers_words_as_plain_text(
    run: Run, trained: Path, tmp_path: Path
) -> None:
    from dataclasses import replace

    from flowmap_studio.core.presets import write_preset

    path = tmp_path / "a.flowmap"
    write_preset(path, replace(read_preset(trained), title="[red]x[/red] \x1b[31m :smile:"))
    done = run("info", path)
    assert "[red]x[/red] [31m :smile:" in done.out
    assert "\x1b" not in done.out


def test_evaluate(run: Run, trained: Path) -> None:
    said = answer(run("evaluate", trained, "--steps", "4,1", "--json"))
    assert list(said["steps"]) == ["1", "4"]
    assert said["judged_by"] == "named"
    names = {"sliced_w2", "w2", "energy_distance", "coverage", "spread_ratio"}
    for figures in (*said["steps"].values(), said["floor"]):
        assert set(figures) == names
        assert all(math.isfinite(value) for value in figures.values())
    # What training measured and stored is what evaluation finds again.
    stored = read_preset(trained).snapshot.metrics
    assert said["steps"]["1"]["sliced_w2"] == pytest.approx(stored["sliced_w2_1"], rel=1e-4)
    assert said["floor"]["sliced_w2"] == pytest.approx(stored["sliced_w2_floor"], rel=1e-6)
    assert said["floor"]["sliced_w2"] < said["steps"]["1"]["sliced_w2"]
    assert run("evaluate", trained, "--steps", "4,1", "--json").out == json_text(said)


def json_text(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def test_evaluate_sees_detail_on_the_board(
    run: Run, one_time: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "Referee", functools.partial(metrics.Referee, count=2000))
    said = answer(run("evaluate", one_time, "--steps", "1", "--json"))
    assert 0.2 < said["steps"]["1"]["forbidden_mass"] < 1
    assert said["floor"]["forbidden_mass"] == 0
    assert said["steps"]["1"]["histogram_kl"] > said["floor"]["histogram_kl"] > 0
    done = run("evaluate", one_time, "--steps", "1,2")
    assert "Forbidden mass" in done.out
    assert [line.split()[0] for line in done.out.splitlines()] == ["Steps", "1", "2", "data"]


def test_samples_are_the_windows_points(run: Run, trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.npy"
    said = answer(run("sample", trained, "--steps", 3, "--out", out, "--json"))
    assert (said["num"], said["dim"], said["steps"], said["seed"]) == (
        STAGE_POINTS,
        2,
        3,
        STAGE_SEED,
    )
    points = np.load(out)
    assert points.dtype == np.float32
    loaded = LoadedMap(read_preset(trained).snapshot)
    stage = loaded.at(source_noise(STAGE_POINTS, 2, STAGE_SEED), 1.0, 3)
    np.testing.assert_array_equal(points, stage)
    first = out.read_bytes()
    assert run("sample", trained, "--steps", 3, "--out", out).status == 0
    assert out.read_bytes() == first
    assert run("sample", trained, "--steps", 3, "--seed", 1, "--out", out).status == 0
    assert out.read_bytes() != first


def test_samples_as_text_and_picture(run: Run, trained: Path, tmp_path: Path) -> None:
    array, text, picture = (tmp_path / name for name in ("a.npy", "a.csv", "A.PNG"))
    for out in (array, text, picture):
        done = run("sample", trained, "--num", 50, "--seed", 9, "--out", out)
        assert done.status == 0
        assert done.out == f"50 samples of 1 step saved as {out}.\n"
    lines = text.read_text().splitlines()
    assert lines[0] == "x,y"
    read_back = np.array([line.split(",") for line in lines[1:]], np.float32)
    np.testing.assert_array_equal(read_back, np.load(array))
    with Image.open(picture) as image:
        assert image.size == (800, 800)
        lit = np.asarray(image.convert("L")) > 60
    assert 0 < lit.mean() < 0.2


def test_points_there_and_back(run: Run, trained: Path, tmp_path: Path) -> None:
    start = np.random.default_rng(3).normal(size=(40, 2)).astype(np.float32)
    given, there, back = (tmp_path / name for name in ("in.npy", "there.csv", "back.npy"))
    np.save(given, start)
    said = answer(
        run("map", trained, "--points", given, "--from", 0, "--to", 1, "--out", there, "--json")
    )
    assert (said["num"], said["from"], said["to"], said["steps"]) == (40, 0, 1, 1)
    loaded = LoadedMap(read_preset(trained).snapshot)
    moved = np.loadtxt(there, delimiter=",", skiprows=1, dtype=np.float32)
    np.testing.assert_array_equal(moved, loaded.carry(start, 0, 1, 1))
    forth = ["--from", 0, "--to", 0.7, "--steps", 64, "--out", there]
    home = ["--from", 0.7, "--to", 0, "--steps", 64, "--out", back]
    assert run("map", trained, "--points", given, *forth).status == 0
    assert run("map", trained, "--points", there, *home).status == 0
    assert np.abs(moved - start).max() > 0.1
    np.testing.assert_allclose(np.load(back), start, atol=0.02)


def test_a_single_point_can_be_carried(run: Run, one_time: Path, tmp_path: Path) -> None:
    given, out = tmp_path / "in.csv", tmp_path / "out.npy"
    given.write_text("x,y\n0.5,0.25\n")
    done = run("map", one_time, "--points", given, "--from", 0.25, "--to", 0.25, "--out", out)
    assert done.status == 0
    np.testing.assert_allclose(np.load(out), [[0.5, 0.25]], atol=1e-6)


@pytest.mark.parametrize("columns", [2, 3])
def test_the_users_own_points(
    run: Run, small: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.chdir(tmp_path)
    points = np.random.default_rng(0).normal(size=(500, columns)) * 3 + 100
    np.savetxt("mine.csv", points, delimiter=",", header="a,b,c", comments="")
    assert run("train", *small, "--target", "mine.csv", "--out", "m.flowmap").status == 0
    said = answer(run("evaluate", "m.flowmap", "--steps", "1", "--json"))
    assert (said["judged_by"], said["points"]) == ("file", 250)
    assert run("sample", "m.flowmap", "--out", "s.csv").status == 0
    header, *rows = Path("s.csv").read_text().splitlines()
    assert header == ("x,y" if columns == 2 else "x1,x2,x3")
    samples = np.array([row.split(",") for row in rows], float)
    assert np.abs(samples.mean(axis=0) - 100).max() < 3
    Path("mine.csv").unlink()
    assert answer(run("evaluate", "m.flowmap", "--steps", "1", "--json"))["judged_by"] == "embedded"
    np.save("mine.npy", np.ones((4, columns + 1)))
    Path("mine.npy").rename("mine.csv.npy")
    assert run("sample", "m.flowmap", "--num", 10, "--out", "s.png").status == 0


def test_another_file_of_the_same_name_is_not_taken_for_the_data(
    run: Run, small: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savetxt("mine.csv", np.random.default_rng(0).normal(size=(100, 2)), delimiter=",")
    assert run("train", *small, "--target", "mine.csv", "--out", "m.flowmap").status == 0
    np.savetxt("mine.csv", np.random.default_rng(0).normal(size=(100, 3)), delimiter=",")
    assert answer(run("evaluate", "m.flowmap", "--steps", "1", "--json"))["judged_by"] == "embedded"


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_handful_of_points(
    run: Run, small: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("few.csv").write_text("".join(f"{i},{i * i}\n" for i in range(count)))
    said = answer(run("train", *small, "--target", "few.csv", "--json", "--out", "m.flowmap"))
    assert bool(said["metrics"]) == (count >= 4)
    assert run("train", *small, "--target", "few.csv", "--out", "m.flowmap").status == 0
    judged = run("evaluate", "m.flowmap", "--json")
    assert judged.status == (0 if count >= 4 else 2)
    if count < 4:
        assert judged.err == (
            "flowmap-studio: few.csv holds too few points to judge by; at least 4 are needed.\n"
        )


def test_the_users_picture(run: Run, small: list[str], tmp_path: Path) -> None:
    picture = tmp_path / "bar.png"
    image = Image.new("L", (64, 64), 255)
    image.paste(0, (0, 28, 64, 36))  # a dark bar from left to right
    image.save(picture)
    out = tmp_path / "m.flowmap"
    said = answer(run("train", *small, "--target", picture, "--json", "--out", out))
    assert said["target"] == str(picture)
    data = read_preset(out).snapshot.data
    assert np.abs(data[:, 1]).max() <= 0.25 + 1e-6
    assert np.ptp(data[:, 0]) > 3.8
    assert str(tmp_path) not in run("info", out, "--json").out.replace(str(out), "")


def test_targets(run: Run) -> None:
    said = answer(run("targets", "--json"))
    lines = run("targets").out.splitlines()
    assert [line.split()[0] for line in lines] == [entry["name"] for entry in said["targets"]]
    assert "moons" in lines[0]
    assert all(len(entry["summary"]) > 5 for entry in said["targets"])
