"""The program as a whole: help, start-up, interruption, where output goes."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

import flowmap_studio
from flowmap_studio.cli import config_options
from flowmap_studio.cli.program import program
from flowmap_studio.cli.train import train
from flowmap_studio.cli.window import DISPLAYS, show
from flowmap_studio.core.config import RunConfig, defaults, settings
from flowmap_studio.core.presets import read_preset
from flowmap_studio.core.setting import Setting
from flowmap_studio.core.trainer import Trainer

Run = Callable[..., Any]
COMMANDS = (
    *("train", "sample", "map", "logprob", "render", "evaluate", "compare", "info", "targets"),
)
GROUPS = {"bench": ("quality", "training")}
"""Commands that have commands of their own."""
PATIENCE = 120
"""Seconds within which a process must come to a point; on a busy machine it takes some."""


def test_help_names_every_command(run: Run) -> None:
    done = run("--help")
    assert done.status == 0
    assert done.err == ""
    assert "[FILE.flowmap | COMMAND [ARGS]...]" in done.out
    listed = done.out.partition("Commands:\n")[2].splitlines()
    names = {line.split()[0] for line in listed if line.startswith("  ") and line.strip()}
    assert names >= {*COMMANDS, *GROUPS}


@pytest.mark.parametrize(
    "command", [*COMMANDS, *(f"{group} {name}" for group, of in GROUPS.items() for name in of)]
)
def test_every_command_has_help(run: Run, command: str) -> None:
    done = run(*command.split(), "--help")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"Usage: flowmap-studio {command} ")
    assert "--json" in done.out


def test_version(run: Run) -> None:
    assert run("--version").out == f"flowmap-studio {flowmap_studio.__version__}\n"


@pytest.mark.parametrize("name", list(settings()))
def test_every_setting_is_an_option_that_teaches(name: str) -> None:
    option = next(p for p in train.params if p.name == name)
    assert isinstance(option, click.Option)
    setting, default = settings()[name], defaults()[name]
    assert f"--{name.replace('_', '-')}" in option.opts
    assert option.help is not None
    assert option.help.startswith(setting.help)
    assert str(default) in option.help or f"{default:,.10g}" in option.help
    assert option.metavar == ("|".join(setting.choices) or option.metavar)
    if math.isfinite(setting.maximum):
        assert f"to {setting.maximum:,.10g}" in option.help
        assert setting.unit in option.help


def test_the_contracts_spellings() -> None:
    spelled = {text for option in train.params for text in option.opts}
    assert spelled >= {
        *("--target", "--method", "--coupling", "--steps", "--seconds", "--batch-size"),
        *("--hidden-dim", "--lr", "--lambda-cons", "--lambda-id", "--device", "--seed"),
        *("--log", "--out", "--json"),
    }


def test_a_new_field_is_an_option_with_no_further_code(monkeypatch: pytest.MonkeyPatch) -> None:
    new = Setting("Run", "Loudness", "How loud it is", 0, 11, "dB")
    monkeypatch.setattr(config_options, "settings", lambda: {**settings(), "loudness": new})
    monkeypatch.setattr(config_options, "defaults", lambda: {**defaults(), "loudness": 3.5})

    @click.command(cls=config_options.ConfigCommand)
    @config_options.config_options
    def command(**options: Any) -> Any:
        return config_options.given_settings(options)

    given = command.main(["--loudness", "4", "--seed", "2"], standalone_mode=False)
    assert given == {"loudness": 4, "seed": 2}
    with click.Context(command) as context:
        assert "How loud it is. From 0 to 11 dB. Default: 3.5 dB." in " ".join(
            command.get_help(context).split()
        )


def test_every_field_of_the_config_can_be_given() -> None:
    named = {p.name for p in train.params}
    assert named == {*RunConfig().as_dict(), "out", "log", "start_from", "resume", "as_json"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        *([command, "--help"] for command in COMMANDS),
        ["--version"],
        ["targets"],
        ["targets", "--json"],
        ["info", "PRESET"],
        ["info", "PRESET", "--json"],
        ["trian"],
        ["train"],
        ["train", "--out", "a.flowmap", "--steps", "-1"],
        ["train", "--out", "nowhere/a.flowmap"],
        ["sample", "missing.flowmap", "--out", "a.npy"],
    ],
    ids=" ".join,
)
def test_what_computes_nothing_loads_neither_torch_nor_qt(
    arguments: list[str], trained: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    code = (
        "import sys\nfrom flowmap_studio.cli import main\nmain(sys.argv[1:])\n"
        "heavy = {'torch', 'scipy', 'ot', 'PySide6', 'pyqtgraph'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    given = [str(trained) if text == "PRESET" else text for text in arguments]
    done = subprocess.run(
        [sys.executable, "-c", code, *given],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("given", [True, False], ids=["file", "no file"])
def test_without_a_command_the_window_opens(
    run: Run, trained: Path, monkeypatch: pytest.MonkeyPatch, given: bool
) -> None:
    opened = []
    monkeypatch.setattr("flowmap_studio.app.main", lambda argv: opened.append(argv) or 0)
    arguments = [str(trained)] if given else []
    done = run(*arguments)
    assert (done.status, done.out, done.err) == (0, "", "")
    assert opened == [arguments]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
def test_without_a_display_it_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    done = run()
    assert done.status == 2
    assert done.err.startswith("flowmap-studio: There is no display to open the window on")
    assert done.err.count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
def test_the_window_by_itself_says_so_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in DISPLAYS:
        monkeypatch.delenv(name, raising=False)
    assert show() == 2
    said = capsys.readouterr().err
    assert said.startswith("flowmap-studio: There is no display to open the window on")
    assert said.count("\n") == 1


def test_results_and_remarks_are_kept_apart(shell: Run, small: list[str]) -> None:
    done = shell("train", *small, "--json", "--out", "a.flowmap")
    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out)["step"] == 20
    again = shell("sample", "a.flowmap", "--num", 5, "--out", "a.csv")
    assert (again.status, again.out, again.err) == (0, "5 samples of 1 step saved as a.csv.\n", "")


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_on_a_terminal_progress_is_shown(
    small: list[str], tmp_path: Path, environment: dict[str, str]
) -> None:
    ours, theirs = os.openpty()
    command = ["train", *small, "--seconds", "1.5", "--json", "--out", "a.flowmap"]
    at = command.index("--steps")
    del command[at : at + 2]
    with subprocess.Popen(
        [sys.executable, "-m", "flowmap_studio", *command],
        cwd=tmp_path,
        env=environment | {"TERM": "xterm", "COLUMNS": "140"},
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = read_all(ours)
        out = process.communicate()[0]
    assert process.returncode == 0
    assert json.loads(out)["step"] > 0
    for words in ("match", "consistency", "identity", "steps/s", "step "):
        assert words in shown


def read_all(descriptor: int) -> str:
    parts = []
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # how Linux says that the other side closed it
            break
        if not part:
            break
        parts.append(part)
    os.close(descriptor)
    return b"".join(parts).decode()


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_saves_what_was_learned(
    small: list[str], tmp_path: Path, environment: dict[str, str], number: signal.Signals
) -> None:
    at = small.index("--steps")
    settings_only = [*small[:at], *small[at + 2 :], "--seconds", "600"]
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "flowmap_studio", "train", *settings_only),
            *("--log", "log.jsonl", "--out", "moons.flowmap"),
        ],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        log = tmp_path / "log.jsonl"
        wait_until(lambda: process.poll() is not None or (log.exists() and log.stat().st_size > 0))
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, err
    assert {path.name for path in tmp_path.iterdir()} == {"moons.interrupted.flowmap", "log.jsonl"}
    preset = read_preset(tmp_path / "moons.interrupted.flowmap")
    steps = [json.loads(line)["step"] for line in log.read_text().splitlines()]
    assert steps == list(range(1, preset.snapshot.step + 1))
    assert preset.thumbnail is not None
    assert preset.training is not None
    assert err.count("\n") == 1
    assert err.endswith("To go on: flowmap-studio train --resume moons.interrupted.flowmap\n")
    assert f"up to step {preset.snapshot.step:,} is saved as moons.interrupted.flowmap." in err
    assert "Traceback" not in err
    assert "moons.interrupted.flowmap" in out


def wait_until(done: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def test_the_handlers_of_signals_are_given_back(run: Run, small: list[str], tmp_path: Path) -> None:
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    assert run("train", *small, "--out", tmp_path / "a.flowmap").status == 0
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


def test_divergence_saves_the_last_sound_map(
    run: Run, small: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Trainer._train_step

    def spoiled(trainer: Trainer, *arguments: Any) -> Any:
        row = real(trainer, *arguments)
        return row * math.nan if trainer.step >= 40 else row

    monkeypatch.setattr(Trainer, "_train_step", spoiled)
    out = tmp_path / "a.flowmap"
    done = run("train", *small, "--steps", 60, "--json", "--out", out)
    assert (done.status, done.out) == (1, "")
    assert done.err.count("\n") == 1
    assert "Training diverged" in done.err
    assert "at step 40;" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["a.diverged.flowmap"]
    saved = read_preset(tmp_path / "a.diverged.flowmap").snapshot
    assert 1 <= saved.step < 40
    assert f"up to step {saved.step:,} is saved as {tmp_path / 'a.diverged.flowmap'}." in done.err


def test_divergence_at_once_saves_nothing(run: Run, small: list[str], tmp_path: Path) -> None:
    huge = tmp_path / "huge.npy"
    np.save(huge, np.random.default_rng(0).normal(size=(50, 2)) * 1e25)
    unscaled = ["--target", huge, "--normalisation", "none"]
    done = run("train", *small, *unscaled, "--out", tmp_path / "a.flowmap")
    assert (done.status, done.out) == (1, "")
    assert done.err.count("\n") == 1
    assert "Training diverged" in done.err
    assert "Nothing was learned that could be saved." in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["huge.npy"]


@pytest.mark.skipif(os.name != "posix", reason="needs /dev/full")
def test_a_log_on_a_full_disk_does_not_end_the_training(
    run: Run, small: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    real = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda path, *rest, **named: real(
            Path("/dev/full") if path.suffix == ".jsonl" else path, *rest, **named
        ),
    )
    out = tmp_path / "a.flowmap"
    done = run("train", *small, "--log", tmp_path / "a.jsonl", "--out", out)
    assert done.status == 0
    assert done.err.startswith("Warning: The log ends at step 0: No space left on device")
    assert read_preset(out).snapshot.step == 20


@pytest.mark.skipif(os.name != "posix", reason="pipes")
@pytest.mark.parametrize("arguments", [["targets"], ["targets", "--json"], ["train", "--help"]])
def test_a_reader_that_goes_away_is_no_error_to_speak_of(
    arguments: list[str], environment: dict[str, str]
) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "flowmap_studio", *arguments],
        env=environment,
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert done.returncode == 1
    assert done.stderr == ""


def test_a_terminal_without_greek_is_survived(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flowmap_studio", "train", "--help"],
        env=environment | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert b"--lambda-id" in done.stdout


def test_the_hidden_command_of_the_window_is_no_command() -> None:
    assert set(program.list_commands(click.Context(program))) == {*COMMANDS, *GROUPS}
