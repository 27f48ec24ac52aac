"""Memory that runs out halves what a step takes at once; a lost device is told as such."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from flowmap_studio.core import device_loss, gradients, trainer, training_step
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.devices import find_device, usable_device, usable_yet
from flowmap_studio.core.errors import (
    DeviceError,
    DeviceLost,
    MemoryRanOut,
    device_failed,
    lacks_memory,
    unforeseen,
)
from flowmap_studio.core.flat import FlatWeights
from flowmap_studio.core.flow_map import build_flow_map
from flowmap_studio.core.gradients import add_gradient, loss_row
from flowmap_studio.core.objectives import objective
from flowmap_studio.core.objectives.base import Batch, Passage
from flowmap_studio.core.parts import LEAST_ROWS, cut, largest, smaller
from flowmap_studio.core.run import Run
from flowmap_studio.core.targets import open_for, open_target
from flowmap_studio.core.trainer import Trainer

METHODS = ["semigroup", "lagrangian", "eulerian", "trajectory", "article", "flow-matching"]
METHODS += ["schrodinger-bridge"]
GPU_FULL = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 8 GiB."
CPU_FULL = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you "
    "tried to allocate 4000000000 bytes. Error code 12 (Cannot allocate memory)"
)
LOST = "CUDA error: unspecified launch failure\nSearch for `cudaErrorLaunchFailure' in the docs."


@pytest.fixture(autouse=True)
def _devices_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_loss, "_lost", threading.Event())


# The pieces


@pytest.mark.parametrize("most", [16, 17, 31])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.75, 1.0])
@pytest.mark.parametrize("method", METHODS)
def test_each_row_is_taken_once_and_for_what_it_was(method: str, share: float, most: int) -> None:
    config = RunConfig(method=method, **extra(method), diagonal_share=share)
    count, size = 101, 60
    pieces, parts = cut(count, size, config, most), cut(count, size, config)
    rows = torch.cat([torch.arange(count)[piece.rows] for piece in pieces])
    assert sorted(rows.tolist()) == list(range(count))
    for name in ("match", "consistency"):
        assert sum(piece.share(name) for piece in pieces) == pytest.approx(1.0)
    if pieces[0].diagonal is not None:
        whole = [p.rows.start + k for p in parts for k in range(max(1, round(share * p.count)))]
        on = torch.cat([piece.rows[: piece.diagonal] for piece in pieces])
        assert sorted(on.tolist()) == whole
        assert min(piece.diagonal or 0 for piece in pieces) >= 1


def test_pieces_are_halved_down_to_the_least() -> None:
    config = RunConfig()
    seen, most = [], None
    while (most := smaller(300, 300, config, most)) is not None:
        seen.append(largest(cut(300, 300, config, most)))
    assert seen[0] in (150, 151)
    assert LEAST_ROWS - 2 <= seen[-1] <= LEAST_ROWS + 1
    assert seen == sorted(set(seen), reverse=True)
    assert smaller(LEAST_ROWS, LEAST_ROWS, config) is None
    assert smaller(1, 1, config) is None


# One step


def extra(method: str) -> dict[str, Any]:
    coupling = "sinkhorn" if method == "schrodinger-bridge" else "independent"
    return {"coupling": coupling, "hidden_dim": 32, "clip_norm": 0}


def batch_of(rows: int, method: str) -> Batch:
    draw = torch.Generator().manual_seed(5)
    x0, x1, bridge = (torch.randn(rows, 2, generator=draw) for _ in range(3))
    uniforms = torch.rand(rows, 3, generator=draw)
    passage = None
    if method == "trajectory":
        s, t = uniforms[:, :1].minimum(uniforms[:, 1:2]), uniforms[:, :1].maximum(uniforms[:, 1:2])
        passage = Passage(s, t, torch.lerp(x0, x1, s), torch.lerp(x0, x1, t))
    return Batch(x0, x1, uniforms, passage, bridge=bridge)


def gradient(config: RunConfig, rows: int, most: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    flow_map = build_flow_map(config, 2)
    with torch.no_grad():  # away from the start, where the last layer is next to nothing
        for parameter in flow_map.parameters():
            parameter.add_(0.1 * torch.sin(torch.arange(parameter.numel()).view_as(parameter)))
    flat = FlatWeights(flow_map.network)
    batch = batch_of(rows, config.method)
    terms, total = add_gradient(flow_map, batch, config, objective(config.method), most)
    return flat.vector.grad.clone(), loss_row(terms, total, 0.0)


@pytest.mark.parametrize("size", [90, 41])
@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize("method", METHODS)
def test_a_step_in_pieces_is_the_step(
    method: str, share: float, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to the order of summation: the same rows have the same part in the same terms."""
    monkeypatch.setattr(gradients, "PART_ROWS", size)
    monkeypatch.setattr(gradients, "COMPILED_ROWS", size)
    config = RunConfig(method=method, **extra(method), diagonal_share=share)
    whole, whole_row = gradient(config, 90, None)
    pieces, pieces_row = gradient(config, 90, 17)
    torch.testing.assert_close(pieces, whole, rtol=2e-5, atol=1e-6)
    torch.testing.assert_close(pieces_row, whole_row, rtol=1e-5, atol=1e-6, equal_nan=True)


# A training


Loss = Callable[..., Any]


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Lets a loss fail; gives the rows of the attempts that did."""

    def spoil(error: Callable[[], BaseException], fails: Callable[[int, int], bool]) -> list[int]:
        real, calls, failed = objective, [0], []

        def spoiled(method: str) -> Loss:
            loss = real(method)

            def failing(flow_map: Any, batch: Batch, config: RunConfig) -> Any:
                terms = loss(flow_map, batch, config)
                calls[0] += 1
                if fails(calls[0], len(batch.x0)):
                    failed.append(len(batch.x0))
                    raise error()
                return terms

            return failing

        monkeypatch.setattr(training_step, "objective", spoiled)
        return failed

    return spoil


def steps(config: RunConfig, count: int) -> tuple[Trainer, list[str]]:
    made = Trainer(config.replace(steps=count), open_target("moons"))
    return made, [progress.news for progress in made.run() if progress.news]


ERRORS = {
    "gpu": lambda: torch.cuda.OutOfMemoryError(GPU_FULL),
    "device": lambda: torch.OutOfMemoryError(GPU_FULL),
    "cpu": lambda: RuntimeError(CPU_FULL),
    "python": MemoryError,
    "mps": lambda: RuntimeError("MPS backend out of memory (MPS allocated: 9.0 GB)."),
    "cublas": lambda: RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling create"),
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_a_step_that_does_not_fit_is_taken_in_halves(
    small_config: RunConfig, spoil: Any, error: Any
) -> None:
    """To a float tolerance the step that never failed: parts are summed in another order."""
    config = small_config.replace(batch_size=64)
    whole, _ = steps(config, 1)
    failed = spoil(error, lambda call, rows: rows > 20)
    parted, news = steps(config, 1)
    assert failed[0] == 64
    assert failed == sorted(failed, reverse=True)
    assert len(failed) in (2, 3)
    (sentence,) = news
    assert sentence.startswith("Memory ran out; the gradient of a batch is now taken in parts of ")
    torch.testing.assert_close(
        parted._plain.flat.vector.grad, whole._plain.flat.vector.grad, rtol=1e-5, atol=1e-7
    )
    torch.testing.assert_close(
        parted._plain.flat.vector.detach(), whole._plain.flat.vector.detach(), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("optimiser", ["adam", "muon"])
def test_a_failed_attempt_changes_nothing(
    small_config: RunConfig, spoil: Any, monkeypatch: pytest.MonkeyPatch, optimiser: str
) -> None:
    """To the bit: weights, average, the optimiser's memory and draws are as without it."""
    monkeypatch.setattr(gradients, "PART_ROWS", 32)
    monkeypatch.setattr(gradients, "COMPILED_ROWS", 32)
    config = small_config.replace(batch_size=64, optimiser=optimiser)
    expected, _ = steps(config, 40)
    # The second part of step 12 fails when the first one's gradient is there. It fits then, in
    # pieces of the same rows, so that nothing is summed in another order.
    failed = spoil(ERRORS["cpu"], lambda call, _: call == 24)
    monkeypatch.setattr(gradients, "smaller", lambda *_: 32)
    found, news = steps(config, 40)
    assert failed == [32]
    assert len(news) == 1
    assert found.step == expected.step == 40
    assert torch.equal(found._plain.average, expected._plain.average)
    for name in ("weights", "first", "second"):
        one, other = getattr(found.state(), name), getattr(expected.state(), name)
        assert one.tobytes() == other.tobytes()


def test_what_fits_no_more_stays_so_for_the_run(small_config: RunConfig, spoil: Any) -> None:
    failed = spoil(ERRORS["cpu"], lambda _, rows: rows > 40)
    made, news = steps(small_config.replace(batch_size=128), 40)
    assert made.step == 40
    assert failed == sorted(failed, reverse=True)
    assert len(failed) <= 3
    assert len(news) == 1


def run_of(config: RunConfig) -> Run:
    return Run(config, *open_for(config))


def test_a_step_that_fits_in_no_way_ends_the_run(
    small_config: RunConfig, spoil: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "REPORT_SECONDS", 0.0)
    small_config = small_config.replace(schedule="constant")
    expected = run_of(small_config.replace(steps=12))
    for _ in expected.run():
        pass
    spoil(ERRORS["gpu"], lambda call, _: call > 12)
    run = run_of(small_config)
    with pytest.raises(MemoryRanOut) as raised:
        for _ in run.run():
            pass
    assert str(raised.value) == "Not enough memory at step 13; choose a smaller batch or width."
    assert raised.value.step == 13
    assert isinstance(raised.value.__cause__, torch.OutOfMemoryError)
    left, whole = run.checkpoint().state.current, expected.checkpoint().state.current
    assert left.step == whole.step == 12
    for name in ("weights", "first", "second"):
        assert getattr(left, name).tobytes() == getattr(whole, name).tobytes()


def test_pairs_that_do_not_fit_end_the_run(
    small_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise RuntimeError(CPU_FULL)

    monkeypatch.setattr("flowmap_studio.core.pairs.pair", full)
    with pytest.raises(MemoryRanOut, match="at step 1;"):
        list(run_of(small_config).run())


def test_cached_memory_is_given_back_before_the_next_attempt(
    small_config: RunConfig, spoil: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    failed = spoil(ERRORS["gpu"], lambda _, rows: order.append(str(rows)) or rows > 16)
    monkeypatch.setattr(gradients, "free_cached", lambda device: order.append(device.type))
    steps(small_config, 1)
    assert failed == [32]
    assert order == ["32", "cpu", "16", "16"]


# A lost device


FAILED = {
    "launch": torch.AcceleratorError(LOST) if hasattr(torch, "AcceleratorError") else None,
    "older": RuntimeError(LOST),
    "assert": RuntimeError("CUDA error: device-side assert triggered"),
    "cublas": RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`"),
    "cudnn": RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    "mps": RuntimeError("command buffer exited with error status."),
}


@pytest.mark.parametrize("error", list(filter(None, FAILED.values())))
def test_errors_of_devices_are_known(error: RuntimeError) -> None:
    assert device_failed(error)
    assert not lacks_memory(error)
    assert unforeseen("Could not evaluate the map", error).startswith(
        f"Could not evaluate the map: the device failed ({str(error).splitlines()[0]}); "
    )
    assert device_loss.devices_lost()


@pytest.mark.parametrize("error", [RuntimeError("shapes"), OSError("CUDA error"), KeyError()])
def test_other_errors_are_none_of_a_device(error: Exception) -> None:
    assert not device_failed(error)


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_full_memory_is_no_lost_device(error: Any) -> None:
    assert lacks_memory(error())
    assert not device_failed(error())


@pytest.mark.parametrize("where", ["_train_step", "_report", "snapshot", "state"])
def test_a_lost_device_is_told_with_its_step(
    small_config: RunConfig, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(trainer, "REPORT_SECONDS", 0.0)
    run = run_of(small_config)

    def fail(*_: Any) -> Any:
        raise RuntimeError(LOST)

    def watch() -> None:
        for progress in run.run():
            if progress.step == 5:
                monkeypatch.setattr(Trainer, where, fail)
            run.checkpoint()

    with pytest.raises(DeviceLost) as raised:
        watch()
    step = raised.value.step
    assert step in (6, 7)  # it may be noticed after the step
    assert str(raised.value) == (
        f"The training device failed at step {step} (CUDA error: unspecified launch failure); "
        "what was learned before is kept."
    )


def test_a_lost_device_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert find_device("auto").type == "cuda"
    assert usable_yet(torch.device("cuda"))
    device_loss.lose_devices()
    assert find_device("auto").type == usable_device("cuda").type == "cpu"
    assert not usable_yet(torch.device("cuda"))
    assert usable_yet(torch.device("cpu"))
    with pytest.raises(DeviceError, match="CUDA device failed before"):
        find_device("cuda")


def test_losses_until_then_are_kept(
    small_config: RunConfig, spoil: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "REPORT_SECONDS", 0.0)
    spoil(lambda: RuntimeError(LOST), lambda call, _: call > 12)
    run = run_of(small_config)
    with pytest.raises(DeviceLost):
        for _ in run.run():
            pass
    assert len(run.history) == 12
    assert np.isfinite(run.history.view().mean[:, 0]).all()
