"""A recorded step does what a plain one does, and gives way to it where it doesn't."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from flowmap_studio.core import trainer
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.methods import METHODS
from flowmap_studio.core.recorded_step import WARM_UP, CudaRecorder, RecordedStep
from flowmap_studio.core.run import Run
from flowmap_studio.core.targets import open_target
from flowmap_studio.core.trainer import Trainer
from tests.core.tape import Tape

KINDS: list[dict[str, Any]] = [
    {"method": method, "coupling": "sinkhorn" if METHODS[method].has_score else "ot"}
    for method in METHODS
]
KINDS += [
    {"optimiser": "adam", "clip_norm": 0},
    {"optimiser": "adamw", "weight_decay": 0.1, "ema_decay": 0},
    {"position_features": 4, "density_head": "on"},
    {"method": "article", "parametrisation": "free", "coupling": "independent"},
    {"target": "8gaussians", "labels": "on"},
    {"target": "digits", "network": "unet", "coupling": "independent", "steps": 12},
]


class Refusal(Tape):
    """Can't record."""

    def record(self, work: Callable[[], torch.Tensor]) -> Any:
        with self:
            work()
        raise RuntimeError("operation failed due to a previous error during capture")


class Blank(Tape):
    """A recording that does nothing."""

    def replay(self) -> None:
        self.replays += 1


class Trained(NamedTuple):
    weights: dict[str, np.ndarray]
    losses: np.ndarray
    recorders: list[Tape]


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch) -> Callable[[RunConfig, type[Tape] | None], Trained]:
    """Trains a config with a recorder of a kind, or as the CPU does."""

    def train(config: RunConfig, kind: type[Tape] | None) -> Trained:
        made: list[Tape] = []

        def recorder_of(_device: torch.device) -> Tape | None:
            if kind is not None:
                made.append(kind())
            return made[-1] if made else None

        monkeypatch.setattr(trainer, "recorder_of", recorder_of)
        run = Run(config, open_target(config.target))
        losses = np.concatenate([progress.losses for progress in run.run()])
        return Trained(dict(run.snapshot().weights), losses, made)

    return train


def assert_same(found: Trained, expected: Trained) -> None:
    np.testing.assert_array_equal(found.losses, expected.losses)
    for name, weights in expected.weights.items():
        np.testing.assert_array_equal(found.weights[name], weights, err_msg=name)


@pytest.mark.parametrize("changes", KINDS, ids=lambda changes: "-".join(map(str, changes.values())))
def test_recorded_steps_train_the_map_that_plain_ones_do(
    changes: dict[str, Any], small_config: RunConfig, train: Any
) -> None:
    config = small_config.replace(**{"warmup_steps": 9, "schedule": "cosine"} | changes)
    recorded, plain = train(config, Tape), train(config, Refusal)
    # All but the first steps of each stage; one was done once more, to be judged.
    stages = len(recorded.recorders)
    assert (
        sum(tape.replays for tape in recorded.recorders) == len(recorded.losses) - stages * WARM_UP
    )
    assert not any(tape.replays for tape in plain.recorders)
    assert_same(recorded, plain)
    on_cpu = train(config, None)
    np.testing.assert_allclose(recorded.losses, on_cpu.losses, rtol=0.02, atol=1e-3)


def test_a_recording_that_does_something_else_is_not_used(
    small_config: RunConfig, train: Any
) -> None:
    found = train(small_config, Blank)
    assert [tape.replays for tape in found.recorders] == [1]
    assert_same(found, train(small_config, Refusal))


def test_losses_are_read_over_the_ends_of_chunks_and_all_of_them(
    small_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "REPORT_SECONDS", math.inf)
    monkeypatch.setattr(trainer, "recorder_of", lambda _device: Tape())
    run = Trainer(small_config, open_target(small_config.target))
    assert [len(progress.losses) for progress in run.run()] == [small_config.steps]


def test_an_interrupted_run_reads_what_it_has_done(
    small_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "REPORT_SECONDS", math.inf)
    monkeypatch.setattr(trainer, "recorder_of", lambda _device: Tape())
    run = Trainer(small_config.replace(coupling="independent"), open_target("moons"))
    chunk, chunks = run._stream.chunk, []

    def interrupting(index: int, unwanted: Callable[[], bool]) -> Any:
        chunks.append(index)
        if index == 1:
            run.interrupt()
        return chunk(index, unwanted)

    monkeypatch.setattr(run._stream, "chunk", interrupting)
    assert [(progress.step, len(progress.losses)) for progress in run.run()] == [(32, 32)]
    assert chunks == [0, 1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("changes", KINDS, ids=lambda changes: "-".join(map(str, changes.values())))
def test_a_gpu_records_and_trains_the_map_that_plain_steps_do(
    changes: dict[str, Any], small_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config.replace(**{"warmup_steps": 9, "device": "cuda"} | changes)
    made: list[RecordedStep] = []
    real = RecordedStep.__init__

    def noted(self: RecordedStep, *args: Any) -> None:
        real(self, *args)
        made.append(self)

    monkeypatch.setattr(RecordedStep, "__init__", noted)
    losses = [train_on_gpu(config)]
    assert all(step.recorded for step in made)
    monkeypatch.setattr(CudaRecorder, "record", refuse)
    losses.append(train_on_gpu(config))
    assert not any(step.recorded for step in made[len(made) // 2 :])
    np.testing.assert_allclose(*losses, rtol=0.02, atol=1e-3)


def train_on_gpu(config: RunConfig) -> np.ndarray:
    run = Run(config, open_target(config.target))
    return np.concatenate([progress.losses for progress in run.run()])


def refuse(*_: Any) -> Any:
    raise RuntimeError("operation not permitted when stream is capturing")
