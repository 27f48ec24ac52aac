"""`flowmap-studio compare`: of files, and of methods trained alike."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowmap_studio.core.comparison import Comparison

Run = Callable[..., Any]
SMALL = [
    *("--steps", "20", "--hidden-dim", "8", "--time-embed-dim", "4", "--depth", "1"),
    *("--batch-size", "32", "--ot-batch", "32", "--position-features", "0"),
    *("--device", "cpu", "--points", "300"),
]


def test_methods_are_trained_and_compared(run: Run) -> None:
    done = run("compare", "--target", "rings", *SMALL, "--json")
    assert done.status == 0, done.err
    result = json.loads(done.out)
    assert (result["target"], result["points"], result["interrupted"]) == ("rings", 300, False)
    kinds = {(row["method"], row["solver"], row["steps"]) for row in result["rows"]}
    assert ("flow-matching", "euler", 100) in kinds
    assert ("flow-matching", "dopri5", 1) in kinds
    assert ("rectified-flow", "euler", 8) in kinds
    assert ("semigroup", None, 1) in kinds
    assert {row["step"] for row in result["rows"]} == {20}
    for row in result["rows"]:
        assert row["sliced_w2"] > 0
        assert row["peak_bytes"] > 0


def test_the_figures_of_a_file_are_those_of_evaluate(run: Run, trained: Path) -> None:
    judged = json.loads(run("evaluate", str(trained), "--json").out)
    points = str(judged["points"])
    compared = json.loads(run("compare", str(trained), "--points", points, "--json").out)
    assert compared["floor"] == judged["floor"]
    for row in compared["rows"]:
        for name, value in judged["steps"][str(row["steps"])].items():
            assert row[name] == pytest.approx(value, rel=1e-5), name


def test_people_get_a_table(run: Run, trained: Path) -> None:
    done = run("compare", str(trained), str(trained), "--points", "300")
    assert done.status == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].split()[:3] == ["Map", "Sampling", "Evaluations"]
    assert sum(line.startswith(trained.stem) for line in lines) == 8
    assert any(line.startswith("Data against data") for line in lines)
    assert "300 samples a row" in lines[-1]


def test_ctrl_c_keeps_what_was_measured(
    run: Run, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Comparison.run

    def interrupted(self: Comparison) -> Any:
        for update in usual(self):
            yield update
            if update.row is not None:
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Comparison, "run", interrupted)
    done = run("compare", str(trained), "--points", "300", "--json")
    assert done.status == 130
    assert done.err == "flowmap-studio: Interrupted; what was measured until then is above.\n"
    result = json.loads(done.out)
    assert result["interrupted"]
    assert [row["steps"] for row in result["rows"]] == [1]
