"""A recorded step does what a plain one does, and gives way to it where it doesn't."""

from __future__ import annotations

import contextlib
import gc
import math
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from flowmap_studio.core import gradients, recorded_step, trainer
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.methods import METHODS
from flowmap_studio.core.native import library
from flowmap_studio.core.recorded_step import WARM_UP, CudaRecorder, RecordedStep
from flowmap_studio.core.run import Run
from flowmap_studio.core.targets import open_target
from flowmap_studio.core.trainer import Trainer
from flowmap_studio.core.training_step import TrainingStep
from tests.core.tape import Tape

NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
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
    news: str


@pytest.fixture(autouse=True)
def torch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tape sees torch's operations: to the bit the same are those of steps without a library."""
    monkeypatch.setattr(library, "usable", lambda: False)


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    """Python collects garbage at first, though a window of an earlier test may do it itself."""
    before = gc.isenabled()
    gc.enable()
    yield
    if not before:
        gc.disable()


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
        reports = list(run.run())
        losses = np.concatenate([progress.losses for progress in reports])
        news = "".join(progress.news for progress in reports)
        return Trained(dict(run.snapshot().weights), losses, made, news)

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


class Crowded(Tape):
    """Memory runs out while it records."""

    def record(self, work: Callable[[], torch.Tensor]) -> Any:
        real = gradients.add_gradient

        def full(*_: Any, **__: Any) -> Any:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

        gradients.add_gradient = full
        try:
            return super().record(work)
        finally:
            gradients.add_gradient = real


class Broken(Tape):
    """Another release of torch."""

    def record(self, work: Callable[[], torch.Tensor]) -> Any:
        raise AttributeError("no such thing")


@pytest.mark.parametrize("kind", [Crowded, Broken])
def test_what_happens_to_a_recording_leaves_plain_steps_as_they_are(
    kind: type[Tape], small_config: RunConfig, train: Any
) -> None:
    found = train(small_config, kind)
    assert found.news == ""
    assert_same(found, train(small_config, Refusal))


@pytest.mark.parametrize(
    "work",
    [
        lambda x: x.sum().item(),
        lambda x: x[x > 0],
        lambda x: torch.masked_select(x, x > 0),
        lambda x: torch.linalg.inv(x),
        lambda x: x + torch.tensor(2.0),
        lambda x: torch.unique(x),
        lambda x: bool((x > 0).any()),
    ],
)
def test_what_a_graph_cannot_do_is_not_recorded(work: Callable[[torch.Tensor], Any]) -> None:
    x = torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    with pytest.raises(RuntimeError, match="not permitted"):
        Tape().record(lambda: work(x))


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


class FakeCuda:
    """As much of torch's CUDA as a recorder asks for; notes what is done in which order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self.spoiled = False
        fake = self

        class Graph:
            def capture_begin(self, pool: Any, capture_error_mode: str) -> None:
                fake.done.append(f"begin {pool} {capture_error_mode} gc {gc.isenabled()}")

            def capture_end(self) -> None:
                fake.done.append("end")
                if fake.spoiled:
                    raise RuntimeError("CUDA error: operation failed due to a previous error")

            def replay(self) -> None:
                fake.done.append("replay")

        class Event:
            def __init__(self, blocking: bool) -> None:
                assert blocking  # or the waiting thread keeps a core busy

            def record(self) -> None:
                fake.done.append("mark")

            def synchronize(self) -> None:
                fake.done.append("wait")

        monkeypatch.setattr(recorded_step, "_failed", threading.Event())
        for name, value in {
            "CUDAGraph": Graph,
            "Event": Event,
            "Stream": lambda _device: "stream",
            "graph_pool_handle": lambda: (0, 7),
            "synchronize": lambda _device: self.done.append("synchronize"),
            "stream": lambda _stream: contextlib.nullcontext(),
        }.items():
            monkeypatch.setattr(torch.cuda, name, value)
        for name in ("_cuda_endAllocateToPool", "_cuda_releasePool"):
            monkeypatch.setattr(
                torch._C,
                name,
                lambda index, pool, name=name: self.done.append(f"{name} {index} {pool}"),
                raising=False,
            )


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    return FakeCuda(monkeypatch)


def test_a_recording_is_made_between_its_begin_and_end_without_garbage_collection(
    cuda: FakeCuda,
) -> None:
    recorder, result = CudaRecorder(torch.device("cuda", 0)), torch.zeros(3)

    def work() -> torch.Tensor:
        cuda.done.append("work")
        return result

    replay, found = recorder.record(work)
    assert found is result
    assert gc.isenabled()
    replay()
    expected = ["synchronize", "begin (0, 7) thread_local gc False", "work", "end", "replay"]
    assert cuda.done == expected
    # No more than twice 16 steps ahead.
    cuda.done.clear()
    for _ in range(48):
        recorder.pace()
    assert cuda.done == ["mark", "wait", "mark", "wait", "mark"]


@pytest.mark.parametrize("spoiled", [False, True])
def test_a_recording_that_fails_is_tidied_up_and_the_last_one_tried(
    spoiled: bool, cuda: FakeCuda
) -> None:
    recorder = CudaRecorder(torch.device("cuda", 0))
    cuda.spoiled = spoiled

    def work() -> torch.Tensor:
        raise RuntimeError("operation not permitted when stream is capturing")

    with pytest.raises(RuntimeError):
        recorder.record(work)
    released = ["_cuda_endAllocateToPool 0 (0, 7)", "_cuda_releasePool 0 (0, 7)"]
    assert cuda.done[2:] == ["end", *released]
    assert gc.isenabled()
    with pytest.raises(RuntimeError, match="failed before"):
        CudaRecorder(torch.device("cuda", 0)).record(lambda: torch.zeros(1))
    assert len(cuda.done) == 5


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[RecordedStep]:
    """All recorded steps that are made."""
    made: list[RecordedStep] = []
    real = RecordedStep.__init__

    def noted(self: RecordedStep, *args: Any) -> None:
        real(self, *args)
        made.append(self)

    monkeypatch.setattr(RecordedStep, "__init__", noted)
    return made


def train_on_gpu(config: RunConfig) -> tuple[np.ndarray, list[np.ndarray]]:
    run = Run(config, open_target(config.target))
    losses = np.concatenate([progress.losses for progress in run.run()])
    return losses, list(run.snapshot().weights.values())


def refuse(*_: Any) -> Any:
    raise RuntimeError("operation not permitted when stream is capturing")


@NEEDS_GPU
@pytest.mark.parametrize("changes", KINDS, ids=lambda changes: "-".join(map(str, changes.values())))
def test_a_gpu_records_and_trains_the_map_that_plain_steps_do(
    changes: dict[str, Any],
    small_config: RunConfig,
    steps: list[RecordedStep],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = small_config.replace(**{"warmup_steps": 9, "device": "cuda"} | changes)
    losses, weights = train_on_gpu(config)
    assert steps
    assert all(step.recorded for step in steps)
    steps.clear()
    monkeypatch.setattr(CudaRecorder, "record", refuse)
    plain_losses, plain_weights = train_on_gpu(config)
    assert steps
    assert not any(step.recorded for step in steps)
    np.testing.assert_allclose(losses, plain_losses, rtol=0.02, atol=1e-3)
    for one, other in zip(weights, plain_weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=0.02, atol=1e-3)


@NEEDS_GPU
def test_a_recording_that_fails_on_a_gpu_leaves_plain_steps_and_their_device(
    small_config: RunConfig, steps: list[RecordedStep], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config.replace(device="cuda")
    monkeypatch.setattr(recorded_step, "_failed", threading.Event())
    real = TrainingStep.take

    def waiting(self: TrainingStep, batch: Any) -> torch.Tensor:
        found = real(self, batch)
        float(found[0])
        return found

    monkeypatch.setattr(TrainingStep, "take", waiting)
    losses, _ = train_on_gpu(config)
    assert recorded_step._failed.is_set()
    assert [step.recorded for step in steps] == [False]
    torch.cuda.empty_cache()
    monkeypatch.setattr(TrainingStep, "take", real)
    again, _ = train_on_gpu(config)
    assert [step.recorded for step in steps] == [False, False]
    np.testing.assert_allclose(losses, again, rtol=0.02, atol=1e-3)
