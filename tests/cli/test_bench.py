"""`flowmap-studio bench`: options in; Markdown or JSON, README, status out."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from flowmap_studio import resources
from flowmap_studio.cli import bench, bench_parts
from flowmap_studio.core import image_classifier, image_metrics
from flowmap_studio.core.bench import exact, targets, training

Run = Callable[..., Any]
SMALL = {
    "hidden_dim": 8,
    "time_embed_dim": 4,
    "depth": 1,
    "position_features": 0,
    "batch_size": 32,
    "ot_batch": 32,
    "warmup_steps": 2,
}
QUALITY = ("bench", "quality", "--steps", 5, "--seeds", 1)


@pytest.fixture(autouse=True)
def _small_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small networks, judged by few points."""
    monkeypatch.setattr(bench, "BASE", bench.BASE.replace(**SMALL))
    cases = exact.CASES[:1]
    monkeypatch.setattr(exact, "CASES", cases)
    for module, name, fewer in (
        (targets, "target_rows", {}),
        (targets, "board_rows", {}),
        (exact, "exact_rows", {"cases": cases}),
    ):
        small = functools.partial(getattr(module, name), count=100, **fewer)
        monkeypatch.setattr(module, name, small)
    monkeypatch.setattr(image_classifier, "STEPS", 5)
    monkeypatch.setattr(image_metrics, "SAMPLES", 100)
    monkeypatch.setattr(image_metrics, "LOOKED_UP", 50)
    small_digits = {**bench_parts.DIGITS, **SMALL}
    part = dataclasses.replace(bench.PARTS["digits"], budget=small_digits)
    monkeypatch.setitem(bench.PARTS, "digits", part)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds this checkout's README; its path."""
    readme = resources.asset().parent / "README.md"
    copied = tmp_path / "README.md"
    copied.write_bytes(readme.read_bytes())
    (tmp_path / "assets").mkdir()
    monkeypatch.setattr(resources, "_PLACES", (tmp_path / "assets",))
    return copied


def test_tables_go_to_stdout_and_finished_rows_to_stderr(run: Run) -> None:
    done = run(*QUALITY, "--part", "targets", "--targets", "moons,rings", "--methods", "semigroup")
    assert done.status == 0
    assert "| target | trained |" in done.out
    assert "| target | sliced W2, 1 step |" in done.out
    assert "of 2 targets" in done.out
    assert "| one-step sliced W2 | moons | rings | mean |" in done.out
    assert "moons: semigroup × ot, seed 0: sliced_w2" in done.err
    assert done.err.count("5 steps in") == 6


def test_json_has_every_row_and_the_verdicts(run: Run) -> None:
    done = run(*QUALITY, "--methods", "lagrangian", "--targets", "moons", "--json")
    assert done.status == 0
    found = json.loads(done.out)
    assert [row["trained"] for row in found["targets"]][:2] == [
        "lagrangian × ot",
        "lagrangian × independent",
    ]
    assert set(found["targets"][0]["figures"]) == {"1", "2", "4", "8", "16"}
    assert found["targets"][0]["effort"]["steps"] == 5
    assert found["checkerboard"][0]["figures"]["16"]["forbidden_mass"] > 0
    (closed,) = found["closed_forms"]
    assert closed["figures"]["map"] > 0
    assert {one["name"] for one in found["verdicts"]} == {"sliced_w2", "w2"}
    assert found["interrupted"] is False


def test_a_part_without_the_method_is_left_out_unless_it_was_asked_for(run: Run) -> None:
    done = run(*QUALITY, "--methods", "article", "--targets", "moons", "--json")
    assert done.status == 0
    assert "checkerboard" not in json.loads(done.out)
    done = run(*QUALITY, "--methods", "article", "--part", "checkerboard")
    assert (done.status, done.out) == (2, "")
    assert "part checkerboard measures semigroup, lagrangian" in done.err


def test_the_readmes_tables_are_rewritten(run: Run, checkout: Path) -> None:
    before = checkout.read_text(encoding="utf-8")
    options = ("--part", "closed-forms", "--methods", "semigroup", "--readme")
    done = run(*QUALITY, *options)
    assert done.status == 0
    after = checkout.read_text(encoding="utf-8")
    begin, end = "<!-- bench quality: closed-forms -->", "<!-- end of bench quality: closed-forms"
    table = after.partition(begin)[2].partition(end)[0].strip()
    assert table == done.out.strip()
    assert after.partition(begin)[0] == before.partition(begin)[0]
    assert after.partition(end)[2] == before.partition(end)[2]


def test_a_readme_without_markers_is_noticed_before_any_training(run: Run, checkout: Path) -> None:
    checkout.write_text("# Nothing here\n", encoding="utf-8")
    done = run(*QUALITY, "--readme")
    assert (done.status, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert "put the markers back" in done.err
    checkout.unlink()
    done = run(*QUALITY, "--readme")
    assert done.status == 2
    assert "run this from a checkout" in done.err


def test_ctrl_c_prints_the_finished_rows_and_leaves_the_readme(
    run: Run, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = checkout.read_bytes()
    real = targets.target_rows

    def interrupted_after_one(*given: Any, **named: Any) -> Any:
        import signal

        rows = real(*given, **named)
        yield next(rows)
        signal.raise_signal(signal.SIGINT)
        yield from rows

    monkeypatch.setattr(targets, "target_rows", interrupted_after_one)
    options = ("--targets", "moons", "--methods", "semigroup", "--readme")
    done = run(*QUALITY, *options)
    assert done.status == 130
    assert "| moons | semigroup × ot |" in done.out
    assert "independent" not in done.out
    assert done.err.splitlines()[-1].startswith("flowmap-studio: Interrupted")
    assert checkout.read_bytes() == before
    done = run(*QUALITY, *options[:-1], "--json")
    assert done.status == 130
    assert json.loads(done.out)["interrupted"] is True


def test_training_is_timed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    case = training.CASES[1]
    small = dataclasses.replace(case, config=case.config.replace(**SMALL))
    monkeypatch.setattr(training, "CASES", [small])
    done = run("bench", "training", "--rounds", 1, "--steps", 16)
    assert done.status == 0
    assert "| article's step | the article's loop | 32 |" in done.out
    done = run("bench", "training", "--rounds", 1, "--steps", 16, "--json")
    (row,) = json.loads(done.out)["training"]
    assert row["ratio"] == pytest.approx(row["other"]["median"] / row["ours"]["median"])
    assert row["goal"] == 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_said_before_anything_is_timed(run: Run) -> None:
    done = run("bench", "training", "--device", "cuda")
    assert (done.status, done.out) == (2, "")
    assert "no usable CUDA device" in done.err


def test_digits_are_judged_by_a_classifier_beside_velocities(run: Run) -> None:
    done = run(*QUALITY, "--part", "digits")
    assert done.status == 0, done.err
    lines = [line for line in done.out.splitlines() if line.startswith("| ")]
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| semigroup × independent",
        "| flow-matching × independent",
        "| rectified-flow × independent",
        "| training against held-out images",
    ]
    assert "times as far from held-out digits as flow matching at 100 Euler steps" in done.out
    done = run(*QUALITY, "--part", "digits", "--methods", "semigroup", "--json")
    (row,) = json.loads(done.out)["digits"]
    assert set(row["figures"]) == {"1", "4"}
    assert set(row["figures"]["1"]) == {"frechet", "accuracy", "copied", "sliced_w2"}
    assert row["figures"]["1"]["frechet"] > row["floor"]["frechet"] > 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("bench qualty", "quality"),
        ("bench quality --targets mons", "--targets: 'mons' is unknown; choose from moons"),
        ("bench quality --methods articel", "--methods: 'articel' is unknown; choose from semi"),
        ("bench quality --part target", "target"),
        ("bench quality --part closed-forms --targets moons", "--targets goes with --part targets"),
        ("bench quality --seeds 0", "--seeds must be a whole number from 1 to"),
        ("bench quality --steps 0", "--steps: Steps must lie between 1 and"),
        ("bench quality --steps many", "must be a number, not 'many'"),
        ("bench quality --seconds nan", "--seconds: Time limit must be a finite number"),
        ("bench quality --steps 5 --seconds 5", "Give either --steps or --seconds, not both."),
        ("bench training --steps 3", "--steps must be a whole number from 16 to"),
        ("bench training --rounds x", "--rounds must be a whole number"),
        ("bench training --device gpu", "cuda"),
    ],
)
def test_bad_input_is_one_sentence(run: Run, arguments: str, sentence: str) -> None:
    done = run(*arguments.split())
    assert (done.status, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert sentence in done.err
