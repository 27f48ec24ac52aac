"""The command line as a user has it: arguments in; status, stdout and stderr out."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import flowmap_studio
from flowmap_studio.cli import main

ROOT = Path(flowmap_studio.__file__).parents[1]
SMALL = [
    *("--hidden-dim", "8", "--time-embed-dim", "4", "--depth", "1", "--steps", "20"),
    *("--batch-size", "32", "--ot-batch", "32", "--warmup-steps", "5", "--device", "cpu"),
]
"""Settings of a run that takes a fraction of a second."""


@pytest.fixture
def small() -> list[str]:
    return SMALL


@pytest.fixture(autouse=True)
def _small_referee(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of single tests are judged by 500 points; `trained` and `one_time` by all."""
    from flowmap_studio.cli import measuring

    monkeypatch.setattr(measuring, "Referee", functools.partial(measuring.Referee, count=500))


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command line in this process."""

    def run(*arguments: object) -> Done:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Done(status, captured.out, captured.err)

    return run


@pytest.fixture
def environment() -> dict[str, str]:
    """Of a process that finds the package wherever it runs, and leaves cores to others."""
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def shell(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Runs the command line in a process of its own."""

    def shell(*arguments: object) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "flowmap_studio", *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return shell


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small two-time map of moons."""
    path = tmp_path_factory.mktemp("trained") / "moons.flowmap"
    learning = ["--steps", "200", "--lr", "0.02"]
    assert main(["train", *SMALL, *learning, "--json", "--out", str(path)]) == 0
    return path


@pytest.fixture(scope="session")
def one_time(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small one-time map of checkerboard."""
    path = tmp_path_factory.mktemp("trained") / "board.flowmap"
    target = ["--target", "checkerboard", "--method", "article"]
    assert main(["train", *SMALL, *target, "--json", "--out", str(path)]) == 0
    return path
