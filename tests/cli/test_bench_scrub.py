"""`flowmap-studio bench scrub` and `all`: what is measured, printed and written."""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowmap_studio import resources
from flowmap_studio.cli import bench, bench_speed
from flowmap_studio.core.bench import evaluating, growing, sharing, training
from flowmap_studio.core.bench.figures import Figure, figure_table, milliseconds
from flowmap_studio.core.native.library import library

Run = Callable[..., Any]
SMALL = {
    "hidden_dim": 8,
    "depth": 1,
    "position_features": 0,
    "batch_size": 32,
    "ot_batch": 32,
    "warmup_steps": 2,
}
QUICK = ("--repeats", 2, "--seconds", 1, "--memory-steps", 1000)


@pytest.fixture(autouse=True)
def _small_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "BASE", bench.BASE.replace(**SMALL))
    monkeypatch.setattr(bench_speed, "THREADS", 1)
    for module, name, fewer in (
        (evaluating, "evaluating_figures", {"many": 1000}),
        (evaluating, "matrix_rate", {"seconds": 0.01}),
    ):
        small = functools.partial(getattr(module, name), **fewer)
        monkeypatch.setattr(module, name, small)
    monkeypatch.setattr(evaluating, "SIDE", 32)
    monkeypatch.setattr(growing, "BATCHES", (16, 32))
    monkeypatch.setattr(growing, "WIDTHS", (8,))
    monkeypatch.setattr(growing, "POINTS", (100,))


def test_the_core_part_needs_no_qt(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PySide6", "pyqtgraph", "shiboken6"):
        monkeypatch.setitem(sys.modules, name, None)
    done = run("bench", "scrub", "--part", "evaluating", *QUICK, "--json")
    assert done.status == 0
    rate, full, *rounded, light, image = json.loads(done.out)["figures"]
    assert len(rounded) == (library() is not None)
    assert rate["unit"] == "GFLOP/s"
    assert rate["median"] > 0
    assert 0 < light["limit"] < full["limit"]
    assert "1,000 points" in image["name"]
    for figure in (full, *rounded, light, image):
        assert 0 < figure["median"] <= figure["p95"] <= figure["worst"]


def test_a_run_is_timed_beside_those_who_look_on(run: Run) -> None:
    done = run("bench", "scrub", "--part", "sharing", *QUICK, "--json")
    assert done.status == 0
    (figure,) = json.loads(done.out)["figures"]
    assert 0 < figure["median"] < 2
    found = re.fullmatch(
        r"training rate beside snapshots and (\S+) frames/s, of (\S+) steps/s \((.+)\)",
        figure["name"],
    )
    assert found
    assert 0 < float(found[1]) <= 1 / sharing.FRAME_SECONDS
    assert float(found[2].replace(",", "")) > 0
    assert figure["goal"] == (None if found[3] == "CPU" else 0.95)


def test_growth_is_measured(run: Run) -> None:
    done = run("bench", "scrub", "--part", "growing", *QUICK)
    assert done.status == 0
    for name in ("batch 16", "batch 32", "width 8", "100 points", "memory after 1,000 steps"):
        assert f"{name}" in done.out
        assert f"{name}" in done.err


def fake(_effort: Any, _watch: Any) -> Any:
    yield milliseconds("scrubbing", "one", [0.001, 0.002, 0.003], goal=2.5)
    yield Figure(part="scrubbing", name="two", unit="×", median=0.9, goal=0.85, more=True,
                 judged="median")  # fmt: skip


def test_the_readmes_table_is_rewritten(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (resources.asset().parent / "README.md").read_text(encoding="utf-8")
    copied = tmp_path / "README.md"
    copied.write_text(text, encoding="utf-8")
    (tmp_path / "assets").mkdir()
    monkeypatch.setattr(resources, "_PLACES", (tmp_path / "assets",))
    monkeypatch.setattr(bench_speed, "PARTS", {"scrubbing": fake})
    done = run("bench", "scrub", "--readme")
    assert done.status == 0
    after = copied.read_text(encoding="utf-8")
    assert done.out.strip() in after
    assert "| one | 2 ms | 2.9 | 3 |  | ≤ 2.5, p95 | no |" in after
    assert "| two | 0.9 × |  |  |  | ≥ 0.85 | yes |" in after
    copied.write_text("# Nothing here\n", encoding="utf-8")
    done = run("bench", "scrub", "--readme")
    assert (done.status, done.out) == (2, "")
    assert "put the markers back" in done.err


def test_all_is_training_and_scrubbing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_speed, "PARTS", {"scrubbing": fake})
    monkeypatch.setattr(training, "CASES", ())
    done = run("bench", "all", "--json")
    assert done.status == 0
    found = json.loads(done.out)
    assert found["training"] == []
    assert [figure["reached"] for figure in found["figures"]] == [False, True]
    assert "| two |" in run("bench", "all").out


def test_what_was_not_measured_reaches_no_goal() -> None:
    unknown = Figure(
        part="growing", name="memory", unit="×", median=float("nan"), goal=1.05, judged="median"
    )
    assert unknown.reached is None
    assert figure_table([unknown]).splitlines()[-1] == "| memory | – |  |  |  | ≤ 1.05 |  |"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--part scrub", "scrubbing"),
        ("--seconds 0", "--seconds must be a whole number from 1 to"),
        ("--memory-steps 3", "--memory-steps must be a whole number from 1,000 to"),
    ],
)
def test_bad_options_are_one_line(run: Run, arguments: str, sentence: str) -> None:
    done = run("bench", "scrub", *arguments.split())
    assert (done.status, done.out) == (2, "")
    assert sentence in done.err
    assert done.err.count("\n") == 1
