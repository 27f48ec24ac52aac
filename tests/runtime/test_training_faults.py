"""A run whose memory runs out or whose device fails: what is told, kept and gone on with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from flowmap_studio.core import device_loss, gradients, trainer
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.presets import read_preset
from flowmap_studio.core.trainer import Trainer
from flowmap_studio.runtime import recovery
from flowmap_studio.runtime.recovery import RecoveryFolder
from flowmap_studio.runtime.session import Session, State
from flowmap_studio.runtime.workers import join

LOST = "CUDA error: unspecified launch failure\nSearch for it in the documentation."
SENTENCE = (
    "The training device failed at step {} (CUDA error: unspecified launch failure); what was "
    "learned before is kept."
)


class Device:
    """The device of trainings: from a step on, whatever uses it fails, until it is mended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.step: float = float("inf")
        self.uses = 0
        for name in ("_train_step", "_report", "snapshot", "state"):
            monkeypatch.setattr(Trainer, name, self._guarded(getattr(Trainer, name)))

    def _guarded(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(trainer: Trainer, *arguments: Any) -> Any:
            # What goes on afterwards is on the CPU.
            if trainer.step >= self.step and trainer.config.device != "cpu":
                self.uses += 1
                raise torch.AcceleratorError(LOST)
            return real(trainer, *arguments)

        return call


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    monkeypatch.setattr(device_loss, "_lost", threading.Event())
    monkeypatch.setattr(trainer, "REPORT_SECONDS", 0.0)
    return Device(monkeypatch)


@pytest.fixture
def config(small_config: RunConfig) -> RunConfig:
    """On whatever this machine has, which stands for a GPU."""
    return small_config.replace(device="auto", coupling="independent")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "recovery"


class Studio:
    """A session and what it has said."""

    def __init__(self, qtbot: Any, folder: Path) -> None:
        self.qtbot = qtbot
        self.session = Session(recovery=folder)
        self.lost: list[tuple[str, str]] = []
        self.failed: list[tuple[str, str]] = []
        self.said: list[tuple[str, str]] = []
        self.session.device_lost.connect(lambda *what: self.lost.append(what))
        self.session.failed.connect(lambda *what: self.failed.append(what))
        self.session.message.connect(lambda *what: self.said.append(what))
        self.session.begin()

    def train(self, config: RunConfig) -> None:
        self.session.set_config(config)
        self.session.start()
        self.ends()

    def ends(self) -> None:
        done = (State.IDLE, State.FAILED)
        self.qtbot.waitUntil(lambda: self.session.state in done)


@pytest.fixture
def studio(qtbot: Any, folder: Path) -> Iterator[Studio]:
    made = Studio(qtbot, folder)
    yield made
    made.session.shutdown()
    session = made.session
    assert join([*session._control.workers(), session._evaluator], 10)


def copies(folder: Path) -> list[Path]:
    return sorted(folder.glob("run-*.flowmap"))


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy at every report."""
    monkeypatch.setattr(recovery, "AUTOSAVE_SECONDS", 0.0)


@pytest.mark.usefixtures("often")
def test_a_lost_device_ends_the_run_once_and_keeps_what_there_is(
    studio: Studio, device: Device, config: RunConfig, folder: Path
) -> None:
    device.step = 21
    studio.train(config)
    session = studio.session
    assert session.state is State.FAILED
    assert [sentence for sentence, _ in studio.lost] == [SENTENCE.format(22)]
    assert studio.lost[0][1].startswith("Traceback")
    assert "unspecified launch failure" in studio.lost[0][1]
    assert studio.failed == []
    assert device.uses == 1  # nothing touches it afterwards
    assert len(session.losses) == 20
    assert session.snapshot is not None
    assert session.unsaved
    (copy,) = copies(folder)
    assert read_preset(copy).snapshot.step == 20


@pytest.mark.usefixtures("often")
def test_it_goes_on_from_its_copy_on_the_cpu(
    studio: Studio, device: Device, config: RunConfig, folder: Path, train: Any, same: Any
) -> None:
    expected = train(config)
    device.step = 21
    studio.train(config)
    studio.session.go_on_on_cpu()
    assert studio.session.state is State.RUNNING
    assert studio.session.config == config.replace(device="cpu")
    studio.ends()
    session = studio.session
    assert session.state is State.IDLE
    assert session.snapshot is not None
    assert (session.snapshot.step, len(session.losses)) == (60, 60)
    # This machine's device was the CPU all along; another one's last bits would differ.
    assert same(session.snapshot, expected)
    assert len(copies(folder)) == 1


def test_without_a_copy_it_begins_again_from_its_weights(
    studio: Studio, device: Device, config: RunConfig
) -> None:
    device.step = 21
    studio.train(config)
    kept = studio.session.snapshot
    assert kept is not None
    studio.session.go_on_on_cpu()
    first = studio.session.snapshots
    studio.qtbot.waitUntil(lambda: studio.session.snapshots is not first)
    begun = studio.session.snapshots[0]
    for name, array in kept.weights.items():
        assert begun.weights[name].tobytes() == array.tobytes()
    studio.ends()
    assert studio.session.state is State.IDLE
    assert studio.session.snapshot is not None
    assert (studio.session.snapshot.step, studio.session.config.device) == (60, "cpu")


@pytest.mark.usefixtures("often")
def test_a_device_that_fails_before_the_first_map_is_no_loss_of_the_former_run(
    studio: Studio, device: Device, config: RunConfig, folder: Path
) -> None:
    studio.train(config)
    (before,) = copies(folder)
    device.step = 0
    studio.train(config.replace(seed=1))
    assert studio.session.state is State.FAILED
    assert len(studio.lost) == 1
    assert copies(folder) == [before]
    studio.session.go_on_on_cpu()
    studio.ends()
    assert studio.session.state is State.IDLE
    assert studio.session.snapshot is not None
    assert studio.session.snapshot.config == config.replace(seed=1, device="cpu")


@pytest.mark.usefixtures("often")
def test_closing_leaves_the_copy_to_the_next_start(
    studio: Studio, device: Device, config: RunConfig, folder: Path
) -> None:
    device.step = 21
    studio.train(config)
    studio.session.shutdown()
    left = RecoveryFolder(folder).left_over()
    assert left is not None
    assert read_preset(left.path).snapshot.step == 20
    left.discard()


@pytest.mark.usefixtures("often")
def test_another_run_gives_the_lost_one_up(
    studio: Studio, device: Device, config: RunConfig, folder: Path
) -> None:
    device.step = 21
    studio.train(config)
    studio.train(config.replace(device="cpu", seed=1))
    assert studio.session.state is State.IDLE
    assert studio.session.snapshot is not None
    assert studio.session.snapshot.step == 60
    studio.session.go_on_on_cpu()  # a late click
    assert studio.session.state is State.IDLE
    assert len(copies(folder)) == 1
    studio.session.shutdown()
    assert copies(folder) == []


def test_the_window_evaluates_on_the_cpu_afterwards(
    studio: Studio, device: Device, config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowmap_studio.core import devices

    device.step = 21
    studio.train(config)
    evaluator, snapshot = studio.session._evaluator, studio.session.snapshot
    assert snapshot is not None
    held = evaluator._maps.load(snapshot)
    assert evaluator._maps.load(snapshot) is held
    monkeypatch.setattr(devices, "usable_yet", lambda device: False)
    assert evaluator._maps.load(snapshot) is not held


def test_memory_that_suffices_for_parts_is_told_once(
    studio: Studio, small_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = gradients.add_gradient

    def short(*arguments: Any, most: int | None = None) -> Any:
        if most is None:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return real(*arguments, most=most)

    monkeypatch.setattr(gradients, "add_gradient", short)
    studio.train(small_config)
    studio.qtbot.waitUntil(lambda: bool(studio.said))
    assert studio.session.state is State.IDLE
    assert len(studio.session.losses) == 60
    assert studio.said == [
        (
            "warning",
            "Memory ran out; the gradient of a batch is now taken in parts of 16 rows, which is "
            "slower and changes nothing else.",
        )
    ]


def test_memory_that_never_suffices_ends_the_run_and_another_may_follow(
    studio: Studio, small_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    with monkeypatch.context() as patch:
        patch.setattr(gradients, "add_gradient", full)
        studio.train(small_config)
    assert studio.session.state is State.FAILED
    ((sentence, details),) = studio.failed
    assert sentence == "Not enough memory at step 1; choose a smaller batch or width."
    assert "CUDA out of memory" in details
    studio.train(small_config.replace(batch_size=16))
    assert studio.session.state is State.IDLE
    assert studio.session.snapshot is not None
    assert studio.session.snapshot.step == 60
