"""`train` where memory runs out or the device fails: one line, what was learned, and a way on."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from flowmap_studio.cli import measuring, resuming
from flowmap_studio.cli.resuming import way_on
from flowmap_studio.core import device_loss, gradients, trainer
from flowmap_studio.core.presets import read_preset
from flowmap_studio.core.trainer import Trainer

Run = Callable[..., Any]
LOST = "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be async."
FULL = "CUDA out of memory. Tried to allocate 2.00 GiB."


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(trainer, "REPORT_SECONDS", 0.0)
    monkeypatch.setattr(device_loss, "_lost", threading.Event())


def files() -> set[str]:
    return {path.name for path in Path.cwd().iterdir()}


class Device:
    """The device of all trainings, which may fail after a step; whatever uses it then fails too."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error: BaseException | None = None
        self.step = 0
        self.dead = False
        for name in ("_train_step", "_report", "snapshot", "state"):
            monkeypatch.setattr(Trainer, name, self._guarded(getattr(Trainer, name)))

    def fails(self, step: int, error: BaseException) -> None:
        self.step, self.error = step, error

    def in_another_process(self) -> None:
        self.error, self.dead = None, False
        device_loss._lost.clear()

    def _guarded(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def call(trainer: Trainer, *arguments: Any) -> Any:
            self.dead |= self.error is not None and trainer.step >= self.step
            if self.dead:
                raise self.error
            return real(trainer, *arguments)

        return call


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    return Device(monkeypatch)


@pytest.mark.parametrize("extra", [[], ["--method", "rectified-flow"]], ids=["plain", "staged"])
def test_a_lost_device_leaves_the_copy_and_says_how_to_go_on(
    run: Run, small: list[str], device: Device, monkeypatch: pytest.MonkeyPatch, extra: list[str]
) -> None:
    monkeypatch.setattr(resuming, "AUTOSAVE_SECONDS", 0.0)
    assert run("train", *small, *extra, "--out", "whole.flowmap").status == 0
    device.fails(5, torch.AcceleratorError(LOST))
    done = run("train", *small, *extra, "--json", "--out", "a.flowmap")
    assert (done.status, done.out) == (1, "")
    assert done.err == (
        "flowmap-studio: The training device failed at step 6 (CUDA error: an illegal memory "
        "access was encountered); what was learned before is kept. What was learned up to step 4 "
        "is saved as a.autosave.flowmap. To go on: flowmap-studio train --resume "
        "a.autosave.flowmap\n"
    )
    assert files() == {"whole.flowmap", "a.autosave.flowmap"}
    device.in_another_process()
    done = run("train", "--resume", "a.autosave.flowmap", "--device", "cpu")
    assert (done.status, done.err) == (0, "")
    assert files() == {"whole.flowmap", "a.flowmap"}
    one, other = (read_preset(Path(f"{name}.flowmap")).snapshot for name in ("a", "whole"))
    assert one.step == other.step == 20
    for name, array in one.weights.items():
        assert array.tobytes() == other.weights[name].tobytes()


def test_before_the_first_copy_the_map_is_saved(
    run: Run, small: list[str], device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowmap_studio.cli.training.KEEP_SECONDS", 0.0)
    device.fails(13, torch.AcceleratorError(LOST))
    done = run("train", *small, "--out", "a.flowmap")
    assert done.status == 1
    assert done.err.count("\n") == 1
    assert "What was learned up to step 12 is saved as a.stopped.flowmap." in done.err
    assert files() == {"a.stopped.flowmap"}
    saved = read_preset(Path("a.stopped.flowmap"))
    assert (saved.snapshot.step, saved.training) == (12, None)
    device.in_another_process()
    anew = ["--start-from", "a.stopped.flowmap", "--out", "b.flowmap"]
    assert run("train", *small, *anew).status == 0


def test_a_resumed_run_that_fails_at_once_leaves_its_file(
    run: Run, small: list[str], device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resuming, "AUTOSAVE_SECONDS", 0.0)
    device.fails(13, torch.AcceleratorError(LOST))
    assert run("train", *small, "--out", "a.flowmap").status == 1
    before = Path("a.autosave.flowmap").read_bytes()
    device.fails(0, torch.AcceleratorError(LOST))
    done = run("train", "--resume", "a.autosave.flowmap")
    assert done.status == 1
    assert done.err.startswith("flowmap-studio: The device failed (CUDA error: an illegal memory ")
    assert Path("a.autosave.flowmap").read_bytes() == before


def test_memory_that_never_suffices_ends_the_training_likewise(
    run: Run, small: list[str], device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resuming, "AUTOSAVE_SECONDS", 0.0)
    device.fails(13, torch.OutOfMemoryError(FULL))
    done = run("train", *small, "--out", "a.flowmap")
    assert done.status == 1
    assert done.err == (
        "flowmap-studio: Not enough memory at step 14; choose a smaller batch or width. What was "
        "learned up to step 12 is saved as a.autosave.flowmap. To go on: flowmap-studio train "
        "--resume a.autosave.flowmap\n"
    )


def test_memory_that_suffices_for_parts_is_told_once(
    run: Run, small: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = gradients.add_gradient

    def short(*arguments: Any, most: int | None = None) -> Any:
        if most is None:
            raise torch.OutOfMemoryError(FULL)
        return real(*arguments, most=most)

    monkeypatch.setattr(gradients, "add_gradient", short)
    done = run("train", *small, "--out", "a.flowmap")
    assert done.status == 0
    assert done.err == (
        "Warning: Memory ran out; the gradient of a batch is now taken in parts of 16 rows, which "
        "is slower and changes nothing else.\n"
    )
    assert files() == {"a.flowmap"}


@pytest.mark.parametrize("error", [torch.AcceleratorError(LOST), torch.OutOfMemoryError(FULL)])
def test_a_map_that_cannot_be_measured_is_saved_all_the_same(
    run: Run, small: list[str], monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fails(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(measuring, "preset_metrics", fails)
    done = run("train", *small, "--out", "a.flowmap")
    assert done.status == 0
    assert done.err.startswith("Warning: The map could not be measured on the CPU: CUDA ")
    assert done.err.count("\n") == 1
    assert read_preset(Path("a.flowmap")).snapshot.step == 20


def test_where_the_device_has_failed_the_way_on_is_another(
    run: Run, small: list[str], device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resuming, "AUTOSAVE_SECONDS", 0.0)
    device.fails(13, torch.AcceleratorError(LOST))
    assert run("train", *small, "--out", "a.flowmap").status == 1
    state = read_preset(Path("a.autosave.flowmap")).training
    assert state is not None
    saved, out = Path("a.autosave.flowmap"), Path("a.flowmap")
    told = "flowmap-studio train --resume a.autosave.flowmap"
    assert way_on(saved, out, state) == told
    assert way_on(saved, out, state, "cpu") == f"{told} --device cpu"


def test_a_device_that_fails_elsewhere_is_told(
    run: Run, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> Any:
        raise torch.AcceleratorError(LOST)

    monkeypatch.setattr("flowmap_studio.core.loaded_map.LoadedMap.sample", fails)
    done = run("sample", trained, "--num", 10, "--out", "a.npy")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("flowmap-studio: The device failed (CUDA error: an illegal memory ")
    assert done.err.count("\n") == 1
