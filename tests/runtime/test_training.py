"""The training thread: any order of start, pause, resume and stop; every kind of end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.targets import SHAPES, Unlabelled
from flowmap_studio.core.trainer import Trainer
from flowmap_studio.runtime.mailbox import Mailbox
from flowmap_studio.runtime.training import Outcome, TrainingThread
from flowmap_studio.runtime.workers import join

NUMBER = 7


class Run:
    """A thread with its mailbox and its ends."""

    def __init__(self, config: RunConfig, embedded: Any = None) -> None:
        self.mailbox = Mailbox()
        self.thread = TrainingThread(NUMBER, config, self.mailbox, embedded)
        self.ends: list[Outcome] = []
        self.devices: list[tuple[int, str]] = []
        self.losses: list[Any] = []
        self.snapshot: Any = None
        self.thread.ended.connect(self.ends.append)
        self.thread.device_found.connect(lambda *found: self.devices.append(found))

    def look(self) -> Run:
        news = self.mailbox.drain()
        self.losses += news.losses
        self.snapshot = news.snapshot or self.snapshot
        return self

    @property
    def steps(self) -> int:
        return sum(len(rows) for rows in self.losses)


@pytest.fixture
def start(qtbot: Any) -> Iterator[Callable[..., Run]]:
    runs = []

    def start(config: RunConfig, embedded: Any = None) -> Run:
        run = Run(config, embedded)
        runs.append(run)
        run.thread.begin()
        return run

    yield start
    assert join([run.thread for run in runs], 10)


def ended(qtbot: Any, run: Run) -> Outcome:
    """How it ended: exactly once."""
    qtbot.waitUntil(lambda: bool(run.ends))
    assert run.thread.wait(10_000)
    qtbot.wait(0)
    (outcome,) = run.ends
    assert outcome.run == NUMBER
    run.look()
    return outcome


def test_a_run_ends_by_itself_with_all_losses_and_the_last_weights(
    qtbot: Any, start: Any, small_config: RunConfig
) -> None:
    run = start(small_config)
    assert ended(qtbot, run).error is None
    assert run.steps == small_config.steps
    assert run.snapshot.step == small_config.steps
    assert run.devices == [(NUMBER, "CPU")]


@pytest.mark.parametrize("coupling", ["ot", "independent"])
def test_the_thread_trains_exactly_as_the_core_does(
    qtbot: Any, start: Any, train: Any, same: Any, small_config: RunConfig, coupling: str
) -> None:
    config = small_config.replace(coupling=coupling)
    run = start(config)
    ended(qtbot, run)
    assert same(run.snapshot, train(config))


ORDERS = [
    "",
    "p",
    "pr",
    "prp",
    "ppp",
    "rrr",
    "rp",
    "prprpr",
    "s",
    "ps",
    "prs",
    "sp",
    "sr",
    "ss",
]


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "while it trains"])
@pytest.mark.parametrize("order", ORDERS)
def test_any_order_of_calls_ends_once_when_stopped(
    qtbot: Any, start: Any, endless: RunConfig, order: str, at_once: bool
) -> None:
    run = start(endless.replace(coupling="independent"))
    calls = {"p": run.thread.pause, "r": run.thread.resume, "s": run.thread.request_stop}
    if not at_once:
        qtbot.waitUntil(lambda: run.look().steps > 0)
    for call in order:
        calls[call]()
    run.thread.request_stop()
    assert ended(qtbot, run) == Outcome(NUMBER)
    assert run.snapshot.step == run.steps


def test_stopped_before_it_began_it_leaves_the_untrained_map(
    qtbot: Any, start: Any, endless: RunConfig
) -> None:
    run = Run(endless)
    run.thread.request_stop()
    run.thread.begin()
    assert ended(qtbot, run).error is None
    assert (run.snapshot.step, run.steps) == (0, 0)


class Gate(threading.Event):
    """Says when somebody is held at it."""

    def __init__(self) -> None:
        super().__init__()
        self.held = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        if not self.is_set():
            self.held.set()
        return super().wait(timeout)


def test_a_pause_holds_with_the_newest_weights_delivered(
    qtbot: Any, start: Any, endless: RunConfig
) -> None:
    run = Run(endless)
    gate = run.thread._go = Gate()
    run.thread.resume()
    run.thread.begin()
    qtbot.waitUntil(lambda: run.look().steps > 0)
    run.thread.pause()
    qtbot.waitUntil(gate.held.is_set)
    held = run.look().steps
    assert run.snapshot.step == held
    assert run.thread.isRunning()
    run.thread.resume()
    qtbot.waitUntil(lambda: run.look().steps > held)
    run.thread.request_stop()
    assert ended(qtbot, run).error is None


def test_pauses_do_not_change_the_result(
    qtbot: Any, start: Any, train: Any, same: Any, small_config: RunConfig
) -> None:
    config = small_config.replace(steps=400)
    run = start(config)
    run.thread.pause()
    qtbot.waitUntil(lambda: run.look().steps > 0)
    assert run.steps < config.steps
    run.thread.resume()
    ended(qtbot, run)
    assert same(run.snapshot, train(config))


def test_a_stop_does_not_wait_for_pairs_that_take_long(
    qtbot: Any, start: Any, endless: RunConfig
) -> None:
    # A chunk of these is 512 transport problems of half a second and more each.
    run = start(endless.replace(batch_size=65_536, ot_batch=2048))
    qtbot.waitUntil(lambda: run.look().snapshot is not None)
    run.thread.request_stop()
    assert ended(qtbot, run).error is None
    assert run.steps == 0


# Threads of torch


def test_torchs_thread_count_is_set_inside_the_worker(
    qtbot: Any, start: Any, endless: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    class Looking(Unlabelled):
        name, dim = "looking", 2

        def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
            seen.append(torch.get_num_threads())
            return torch.randn(count, 2, generator=generator)

    monkeypatch.setitem(SHAPES, "looking", Looking())
    torch.set_num_threads(3)  # the main thread's
    run = start(endless.replace(target="looking", coupling="independent", steps=40, threads=2))
    assert ended(qtbot, run).error is None
    assert seen[-3:] == [2, 2, 2]
    assert torch.get_num_threads() == 3


# Errors


def refused(qtbot: Any, run: Run) -> str:
    outcome = ended(qtbot, run)
    assert outcome.error is not None
    assert outcome.details == ""
    assert "\n" not in outcome.error
    return outcome.error


def test_an_unknown_target_is_told(qtbot: Any, start: Any, small_config: RunConfig) -> None:
    sentence = refused(qtbot, start(small_config.replace(target="mons")))
    assert sentence == "Unknown target 'mons'; did you mean moons?"


def test_a_missing_file_is_told(qtbot: Any, start: Any, small_config: RunConfig) -> None:
    run = start(small_config.replace(target="gone.csv"))
    assert "There is no file 'gone.csv'" in refused(qtbot, run)
    assert run.snapshot is None


def test_a_missing_device_is_told(
    qtbot: Any, start: Any, small_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "CUDA" in refused(qtbot, start(small_config.replace(device="cuda")))


def test_a_preset_trains_on_its_own_sample_where_the_file_is_gone(
    qtbot: Any, start: Any, train: Any, same: Any, csv: Path, small_config: RunConfig
) -> None:
    config = small_config.replace(target=str(csv))
    expected = train(config)
    csv.unlink()
    run = start(config, embedded=expected)
    assert ended(qtbot, run).error is None
    assert run.steps == config.steps
    assert sorted(map(tuple, run.snapshot.data)) == sorted(map(tuple, expected.data))


def test_divergence_keeps_the_last_good_weights_and_says_so(
    qtbot: Any, start: Any, endless: RunConfig, tmp_path: Path
) -> None:
    far = tmp_path / "far.csv"
    far.write_text("0,0\n1e18,1e18\n")
    wild = endless.replace(
        learning_rate=1.0,
        clip_norm=0,
        warmup_steps=0,
        normalisation="none",
        target=str(far),
        coupling="independent",
    )
    run = start(wild)
    sentence = refused(qtbot, run)
    assert sentence.startswith("Training diverged: ")
    assert "lower the learning rate" in sentence
    assert all(np.isfinite(array).all() for array in run.snapshot.weights.values())


def test_weights_that_turn_infinite_behind_a_finite_loss_are_never_shown(
    qtbot: Any, start: Any, small_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Trainer._train_step

    def spoiling(self: Trainer, *arguments: Any) -> torch.Tensor:
        row = step(self, *arguments)
        if self.step == 20:
            with torch.no_grad():
                self._plain.flat.vector[0] = torch.inf
        return row

    monkeypatch.setattr(Trainer, "_train_step", spoiling)
    run = start(small_config.replace(steps=20))
    assert "diverged" in refused(qtbot, run)
    assert run.snapshot.step < 20
    assert all(np.isfinite(array).all() for array in run.snapshot.weights.values())


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "smaller batch"),
        (MemoryError(), "Not enough memory"),
        (ZeroDivisionError("division by zero"), "unexpected error: division by zero"),
        (SystemExit(3), "unexpected error: 3"),
        (RuntimeError("first line\nsecond line"), "unexpected error: first line"),
        (AssertionError(), "unexpected error: AssertionError"),
    ],
)
def test_whatever_is_raised_ends_in_one_sentence(
    qtbot: Any,
    start: Any,
    small_config: RunConfig,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    words: str,
) -> None:
    def raising(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(Trainer, "_train_step", raising)
    outcome = ended(qtbot, start(small_config))
    assert outcome.error is not None
    assert words in outcome.error
    assert "\n" not in outcome.error
    assert outcome.details.startswith("Traceback")
