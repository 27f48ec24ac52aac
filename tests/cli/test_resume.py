"""`train --resume`: the map of an uninterrupted run, and nothing lost on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from flowmap_studio.cli import resuming
from flowmap_studio.core import trainer
from flowmap_studio.core.errors import PresetError
from flowmap_studio.core.presets import Preset, read_preset
from flowmap_studio.core.trainer import Trainer

Run = Callable[..., Any]
INTERRUPTED = 130


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(trainer, "REPORT_SECONDS", 0.0)


@pytest.fixture
def happens(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], None]], None]:
    """Lets something happen once, after a step of the training."""

    def happens(step: int, what: Callable[[], None]) -> None:
        real, left = Trainer._train_step, [what]

        def spoiled(trainer: Trainer, *arguments: Any) -> Any:
            row = real(trainer, *arguments)
            if trainer.step == step and left:
                left.pop()()
            return row

        monkeypatch.setattr(Trainer, "_train_step", spoiled)

    return happens


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


class Killed(BaseException):
    """Ends a command as `kill -9` would: nothing is saved any more."""


def kill() -> None:
    raise Killed


def same_map(one: str, other: str) -> bool:
    first, second = read_preset(Path(one)).snapshot, read_preset(Path(other)).snapshot
    assert first.config == second.config
    assert (first.step, set(first.weights)) == (second.step, set(second.weights))
    return all(first.weights[n].tobytes() == second.weights[n].tobytes() for n in first.weights)


def files() -> set[str]:
    return {path.name for path in Path.cwd().iterdir()}


@pytest.mark.parametrize(
    ("extra", "step"),
    [([], 13), (["--method", "trajectory"], 7)],
    ids=["plain", "in its teacher"],
)
def test_an_interrupted_run_goes_on_to_the_same_map(
    run: Run, small: list[str], happens: Any, extra: list[str], step: int
) -> None:
    log = ["--log", "log.jsonl"]
    assert run("train", *small, *extra, *log, "--out", "whole.flowmap").status == 0
    expected = Path("log.jsonl").read_text()
    happens(step, interrupt)
    done = run("train", *small, *extra, *log, "--out", "a.flowmap")
    assert done.status == INTERRUPTED
    assert done.err.endswith("To go on: flowmap-studio train --resume a.interrupted.flowmap\n")
    assert files() == {"whole.flowmap", "a.interrupted.flowmap", "log.jsonl"}
    done = run("train", "--resume", "a.interrupted.flowmap", *log, "--json")
    assert (done.status, done.err) == (0, "")
    told = json.loads(done.out)
    assert (told["out"], told["step"], told["interrupted"]) == ("a.flowmap", 20, False)
    assert same_map("a.flowmap", "whole.flowmap")
    assert Path("log.jsonl").read_text() == expected
    last = [json.loads(line)["total"] for line in expected.splitlines()]
    assert told["losses"]["total"] == pytest.approx(np.mean(last), rel=1e-6)
    assert read_preset(Path("a.flowmap")).training is None


def test_a_resumed_run_may_be_interrupted_again(run: Run, small: list[str], happens: Any) -> None:
    assert run("train", *small, "--out", "whole.flowmap").status == 0
    happens(5, interrupt)
    assert run("train", *small, "--out", "a.flowmap").status == INTERRUPTED
    happens(9, interrupt)
    done = run("train", "--resume", "a.interrupted.flowmap")
    assert done.status == INTERRUPTED
    assert "Interrupted at step 9." in done.err
    assert run("train", "--resume", "a.interrupted.flowmap", "--out", "b.flowmap").status == 0
    assert same_map("b.flowmap", "whole.flowmap")


def test_a_file_of_another_name_is_finished_in_its_place(
    run: Run, small: list[str], happens: Any
) -> None:
    happens(5, interrupt)
    assert run("train", *small, "--out", "a.flowmap").status == INTERRUPTED
    Path("a.interrupted.flowmap").rename("mine.flowmap")
    assert run("train", "--resume", "mine.flowmap").status == 0
    assert files() == {"mine.flowmap"}
    assert read_preset(Path("mine.flowmap")).snapshot.step == 20
    done = run("train", "--resume", "mine.flowmap")
    assert done.status == 2
    assert "holds a map but no unfinished run" in done.err


# A copy is saved while the run goes on


def test_a_killed_run_goes_on_from_its_copy(
    run: Run, small: list[str], happens: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resuming, "AUTOSAVE_SECONDS", 0.0)
    log = ["--log", "log.jsonl"]
    assert run("train", *small, *log, "--out", "whole.flowmap").status == 0
    assert files() == {"whole.flowmap", "log.jsonl"}
    expected = Path("log.jsonl").read_text()
    happens(13, kill)
    with pytest.raises(Killed):
        run("train", *small, *log, "--out", "a.flowmap")
    assert files() == {"whole.flowmap", "a.autosave.flowmap", "log.jsonl"}
    assert read_preset(Path("a.autosave.flowmap")).snapshot.step == 12
    with Path("log.jsonl").open("a") as file:
        file.write('{"step": 13, "match": 0.1}\n{"step": 14, "ma')  # what it wrote after its copy
    assert run("train", "--resume", "a.autosave.flowmap", *log).status == 0
    assert same_map("a.flowmap", "whole.flowmap")
    assert files() == {"a.flowmap", "whole.flowmap", "log.jsonl"}
    assert Path("log.jsonl").read_text() == expected


def test_a_later_run_leaves_the_copy_of_a_killed_one(
    run: Run, small: list[str], happens: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resuming, "AUTOSAVE_SECONDS", 0.0)
    happens(13, kill)
    with pytest.raises(Killed):
        run("train", *small, "--out", "a.flowmap")
    before = Path("a.autosave.flowmap").read_bytes()
    happens(7, kill)
    with pytest.raises(Killed):
        run("train", *small, "--out", "a.flowmap")
    assert files() == {"a.autosave.flowmap", "a.autosave-2.flowmap"}
    done = run("train", *small, "--out", "a.flowmap")
    assert done.status == 0
    assert done.err.count("\n") == 1
    assert "flowmap-studio train --resume a.autosave.flowmap" in done.err
    assert Path("a.autosave.flowmap").read_bytes() == before
    assert files() == {"a.flowmap", "a.autosave.flowmap", "a.autosave-2.flowmap"}
    assert run("train", "--resume", "a.autosave-2.flowmap").status == 0
    assert files() == {"a.flowmap", "a.autosave.flowmap"}


def test_a_full_disk_is_told_once_and_ends_no_training(
    run: Run, small: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resuming, "AUTOSAVE_SECONDS", 0.0)

    def full(path: Path, preset: Preset) -> None:
        raise PresetError(f"Could not save {path.name}: the disk is full. Nothing was changed.")

    monkeypatch.setattr(resuming, "write_preset", full)
    done = run("train", *small, "--out", "a.flowmap")
    assert done.status == 0
    assert done.err == (
        "Warning: Could not save a.autosave.flowmap: the disk is full. Nothing was changed. "
        "Training goes on without that copy.\n"
    )
    assert files() == {"a.flowmap"}


def test_a_run_too_large_for_a_file_leaves_its_map(
    run: Run, small: list[str], happens: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = [*small, "--hidden-dim", "256", "--depth", "2"]
    assert run("train", *wide, "--out", "whole.flowmap").status == 0
    limit = 2 * Path("whole.flowmap").stat().st_size
    monkeypatch.setattr("flowmap_studio.core.presets.files.FILE_LIMIT", limit)
    happens(13, interrupt)
    done = run("train", *wide, "--out", "a.flowmap")
    assert done.status == INTERRUPTED
    assert done.err.endswith("is saved as a.interrupted.flowmap.\n")
    saved = read_preset(Path("a.interrupted.flowmap"))
    assert (saved.snapshot.step, saved.training) == (13, None)


# What is learned from


def test_own_points_need_not_be_at_hand(run: Run, small: list[str], happens: Any) -> None:
    Path("data").mkdir()
    np.savetxt("data/mine.csv", np.random.default_rng(2).normal(size=(70, 2)), delimiter=",")
    own = ["--target", "data/mine.csv"]
    assert run("train", *small, *own, "--out", "whole.flowmap").status == 0
    happens(13, interrupt)
    done = run("train", *small, *own, "--out", "a.flowmap")
    assert done.err.endswith("To go on: flowmap-studio train --resume a.interrupted.flowmap\n")
    Path("data/mine.csv").unlink()
    assert run("train", "--resume", "a.interrupted.flowmap").status == 0
    assert same_map("a.flowmap", "whole.flowmap")


def test_a_picture_has_to_be_told_again(run: Run, small: list[str], happens: Any) -> None:
    Path("data").mkdir()
    shades = np.random.default_rng(2).integers(0, 255, (20, 30)).astype(np.uint8)
    Image.fromarray(shades).save("data/my face.png")
    Image.fromarray(shades.T).save("other.png")
    own = ["--target", "data/my face.png"]
    assert run("train", *small, *own, "--out", "whole.flowmap").status == 0
    happens(13, interrupt)
    done = run("train", *small, *own, "--out", "a.flowmap")
    words = "flowmap-studio train --resume a.interrupted.flowmap --target 'data/my face.png'"
    assert done.err.endswith(f"To go on: {words}\n")
    resume = ["train", "--resume", "a.interrupted.flowmap"]
    for given, said in (
        ([], "There is no file 'my face.png'"),
        (["--target", "other.png"], "other.png is not what this run has learned from"),
        (["--target", "moons"], "moons is not what this run has learned from"),
    ):
        done = run(*resume, *given)
        assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
        assert said in done.err
    assert run(*resume, *own).status == 0
    assert same_map("a.flowmap", "whole.flowmap")


# As a process


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_process_that_is_killed_leaves_a_sound_copy(
    small: list[str], environment: dict[str, str]
) -> None:
    at = small.index("--steps")
    endless = [*small[:at], *small[at + 2 :], "--seconds", "600", "--coupling", "independent"]
    program = (
        "import sys\n"
        "from flowmap_studio.cli import main, resuming\n"
        "resuming.AUTOSAVE_SECONDS = 0.05\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, "train", *endless, "--out", "a.flowmap"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        give_up = time.monotonic() + 60
        while not Path("a.autosave.flowmap").exists():
            assert process.poll() is None
            assert time.monotonic() < give_up
            time.sleep(0.02)
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    state = read_preset(Path("a.autosave.flowmap")).training
    assert state is not None
    assert 0 < state.step == state.history.steps
    assert 0 < state.current.seconds < 600
