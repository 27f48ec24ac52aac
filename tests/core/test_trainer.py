"""The training loop: reproducible to the bit, stoppable anywhere, honest about its budget."""

from __future__ import annotations

import gc
import itertools
import math
import threading
import weakref
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from flowmap_studio.core import trainer as trainer_module
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.devices import describe, find_device
from flowmap_studio.core.errors import DataError, DeviceError, TrainingDiverged
from flowmap_studio.core.history import TERMS
from flowmap_studio.core.methods import METHODS, term_states
from flowmap_studio.core.pairs import CHUNK_STEPS
from flowmap_studio.core.progress import Progress
from flowmap_studio.core.run import Run
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.targets import PointTarget, Unlabelled, open_target
from flowmap_studio.core.trainer import Trainer


@pytest.fixture
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Report after each step, so that runs can be stopped at each."""
    monkeypatch.setattr(trainer_module, "REPORT_SECONDS", 0)


def new_trainer(config: RunConfig) -> Trainer:
    return Trainer(config, open_target(config.target))


def finished(config: RunConfig) -> Snapshot:
    trainer = new_trainer(config)
    for _ in trainer.run():
        pass
    return trainer.snapshot()


def same(one: Snapshot, other: Snapshot) -> bool:
    assert list(one.weights) == list(other.weights)
    return all(np.array_equal(one.weights[name], other.weights[name]) for name in one.weights)


KINDS: list[dict[str, Any]] = [
    {},
    {"coupling": "independent"},
    {"method": "article"},
    {"method": "article", "parametrisation": "free", "coupling": "independent"},
    {"optimiser": "adamw", "weight_decay": 0.1, "ema_decay": 0, "schedule": "constant"},
    {"position_features": 4, "clip_norm": 0},
]


@pytest.mark.parametrize("changes", KINDS)
def test_same_config_and_seed_give_the_same_map(
    changes: dict[str, Any], small_config: RunConfig
) -> None:
    config = small_config.replace(**changes)
    torch.manual_seed(1)
    first = finished(config)
    torch.manual_seed(2)
    again = finished(config)
    assert first.step == config.steps
    assert same(first, again)
    assert np.array_equal(first.data, again.data)
    assert not same(first, finished(config.replace(seed=1)))


@pytest.mark.usefixtures("every_step")
@pytest.mark.parametrize("changes", KINDS)
def test_a_stopped_run_goes_on_as_if_it_had_not_been(
    changes: dict[str, Any], small_config: RunConfig
) -> None:
    config = small_config.replace(**changes)
    trainer = new_trainer(config)
    for stop in (5, CHUNK_STEPS, CHUNK_STEPS + 1, 37):
        steps = trainer.run()
        while trainer.step < stop:
            next(steps)
        trainer.snapshot()
        steps.close()
        assert trainer.step == stop
        assert not [t for t in threading.enumerate() if t.name == "pair-prefetcher"]
    rest = [p.step for p in trainer.run()]
    assert rest == [38, 39, 40]
    assert same(trainer.snapshot(), finished(config))


@pytest.mark.parametrize("coupling", ["ot", "independent"])
def test_reports_hold_every_step_once(coupling: str, small_config: RunConfig) -> None:
    config = small_config.replace(coupling=coupling)
    reports = list(new_trainer(config).run())
    assert all(isinstance(report, Progress) for report in reports)
    assert sum(len(report.losses) for report in reports) == config.steps
    seen = list(itertools.accumulate(len(report.losses) for report in reports))
    assert [report.step for report in reports] == seen
    assert [report.fraction for report in reports] == [step / config.steps for step in seen]
    seconds = [report.seconds for report in reports]
    assert seconds == sorted(seconds)
    assert reports[-1].fraction == 1
    assert all(report.losses.shape[1] == len(TERMS) for report in reports)


FORMS = [(m, f) for m in METHODS for f in ("residual", "free") if f == "residual" or m == "article"]


@pytest.mark.parametrize(("method", "form"), FORMS)
def test_loss_columns(method: str, form: str, small_config: RunConfig) -> None:
    config = small_config.replace(method=method, parametrisation=form, lambda_cons=0.5, lambda_id=2)
    run = Run(config, open_target(config.target))
    rows = np.concatenate([report.losses for report in run.run()])[-config.steps // 2 :]
    match, consistency, identity, total, score = rows.T[:5]
    expected = match + 0.5 * np.nan_to_num(consistency) + 2 * np.nan_to_num(identity)
    expected += np.nan_to_num(score)
    np.testing.assert_allclose(total, expected, rtol=1e-5)
    assert (match > 0).all()
    states = term_states(method, form)
    assert np.isnan(consistency).all() == (states["consistency"] == "absent")
    assert np.isnan(identity).all() == (states["identity"] == "absent")
    assert np.isnan(score).all() == (states["score"] == "absent")
    assert (np.nan_to_num(identity) > 0).any() == (states["identity"] == "live")


def test_an_absent_term_is_nan_and_counts_nothing(small_config: RunConfig) -> None:
    config = small_config.replace(diagonal_share=1.0)
    rows = np.concatenate([report.losses for report in new_trainer(config).run()])
    assert np.isnan(rows[:, 1]).all()
    np.testing.assert_array_equal(rows[:, 3], rows[:, 0])


# Learning rate and budget


def rates(config: RunConfig) -> list[float]:
    trainer = new_trainer(config)
    found = []
    for trainer.step in range(config.steps):
        found.append(trainer._learning_rate())
    return found


def test_learning_rate_warms_up_and_decays(small_config: RunConfig) -> None:
    config = small_config.replace(learning_rate=0.01, warmup_steps=9, steps=100)
    cosine = [0.005 * (1 + math.cos(math.pi * k / 100)) for k in range(100)]
    warm = [min(1, (k + 1) / 10) for k in range(100)]
    expected = [c * w for c, w in zip(cosine, warm, strict=True)]
    assert rates(config) == pytest.approx(expected, rel=1e-12)
    constant = rates(config.replace(schedule="constant"))
    assert constant == pytest.approx([0.01 * w for w in warm], rel=1e-12)
    assert rates(config.replace(schedule="constant", warmup_steps=0)) == [0.01] * 100


@pytest.mark.usefixtures("every_step")
def test_the_rate_is_what_the_optimiser_uses(small_config: RunConfig) -> None:
    trainer = new_trainer(small_config)
    expected = rates(small_config)
    for step, _ in enumerate(trainer.run()):
        assert trainer._plain.optimiser.param_groups[0]["lr"] == expected[step]


def test_a_budget_of_seconds_ends_the_run(
    small_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = itertools.count()
    clock = SimpleNamespace(perf_counter=lambda: 0.25 * next(ticks))
    monkeypatch.setattr(trainer_module, "time", clock)
    config = small_config.replace(seconds=5.0, steps=1)
    trainer = new_trainer(config)
    reports = list(trainer.run())
    # Each step and each reading of losses take a quarter of a second, and all steps are read.
    assert reports[-1].fraction == 1
    assert trainer.finished
    assert trainer.step == 10
    assert trainer.seconds == pytest.approx(5.0)
    assert not list(trainer.run())


def test_a_pause_is_not_training_time(
    small_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.125
        return now[0]

    monkeypatch.setattr(trainer_module, "time", SimpleNamespace(perf_counter=clock))
    trainer = new_trainer(small_config)
    for _ in trainer.run():
        now[0] += 1000  # the consumer takes its time
    # Each step and the reading of its losses, which a device's steps are waited for in.
    assert trainer.seconds == pytest.approx(2 * 0.125 * small_config.steps)


# Snapshots


@pytest.mark.usefixtures("every_step")
def test_snapshots_are_copies_that_nobody_can_change(small_config: RunConfig) -> None:
    trainer = new_trainer(small_config)
    steps = trainer.run()
    next(steps)
    early = trainer.snapshot()
    kept = {name: array.copy() for name, array in early.weights.items()}
    for _ in steps:
        pass
    assert early.step == 1
    assert all(np.array_equal(early.weights[name], kept[name]) for name in kept)
    assert not same(early, trainer.snapshot())
    with pytest.raises(ValueError, match="read-only"):
        early.weights["net.0.bias"][:] = 0
    with pytest.raises(ValueError, match="read-only"):
        early.data[:] = 0
    with pytest.raises(TypeError):
        early.weights["more"] = early.data  # type: ignore[index]
    assert early.with_metrics({"a": 1.0}).with_metrics({"b": 2.0}).metrics == {"a": 1.0, "b": 2.0}
    assert not early.metrics


@pytest.mark.usefixtures("every_step")
def test_snapshots_hold_the_moving_average(small_config: RunConfig) -> None:
    trainer = new_trainer(small_config.replace(ema_decay=0.9))
    average = {n: p.detach().double() for n, p in trainer.flow_map.network.named_parameters()}
    for report in trainer.run():
        decay = min(0.9, (1 + report.step) / (10 + report.step))
        for name, parameter in trainer.flow_map.network.named_parameters():
            average[name] = decay * average[name] + (1 - decay) * parameter.detach().double()
    for name, expected in average.items():
        found = trainer.snapshot().weights[name]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("ema", [0.0, 0.99])
def test_training_can_start_from_a_snapshot(ema: float, small_config: RunConfig) -> None:
    config = small_config.replace(ema_decay=ema)
    before = finished(config)
    trainer = Trainer(config, open_target(config.target), start_from=before)
    assert same(trainer.snapshot(), before)
    assert trainer.step == 0
    list(trainer.run())
    assert not same(trainer.snapshot(), before)


def test_a_small_file_is_shown_whole(small_config: RunConfig) -> None:
    points = np.random.default_rng(0).normal(3, 2, (60, 3)).astype(np.float32)
    trainer = Trainer(small_config, PointTarget("mine.csv", points))
    shown = trainer.snapshot()
    assert shown.dim == 3
    assert {tuple(row) for row in shown.data.tolist()} == {tuple(row) for row in points.tolist()}
    assert shown.normalisation.shift == pytest.approx(points.mean(axis=0), rel=1e-5)


# Failure


class Spoiled(Unlabelled):
    """A target that turns infinite at one chunk of the run."""

    name, dim = "spoiled", 2

    def __init__(self, good_draws: int) -> None:
        self._left = good_draws

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        self._left -= 1
        scale = 1.0 if self._left >= 0 else math.inf
        return torch.randn(count, 2, generator=generator).abs() * scale

    def split(self, count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        return self.sample(count, generator), self.sample(count, generator)


def test_divergence_is_told_with_its_step(small_config: RunConfig) -> None:
    config = small_config.replace(coupling="independent")
    trainer = Trainer(config, Spoiled(good_draws=2))  # the shown sample and the first chunk
    reports = []
    with pytest.raises(TrainingDiverged) as raised:
        reports.extend(trainer.run())
    assert trainer.step > CHUNK_STEPS
    assert raised.value.step == CHUNK_STEPS + 1
    assert f"step {CHUNK_STEPS + 1};" in str(raised.value)
    assert "learning rate" in str(raised.value)


def test_a_loss_that_overflows_counts_as_diverged(small_config: RunConfig) -> None:
    points = np.array([[0, 0], [1e20, 1e20]])
    config = small_config.replace(normalisation="none")
    with pytest.raises(TrainingDiverged) as raised:
        list(Trainer(config, PointTarget("far.csv", points)).run())
    assert raised.value.step == 1


def test_an_error_while_preparing_pairs_reaches_the_consumer(small_config: RunConfig) -> None:
    class Broken(Spoiled):
        def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
            if self._left <= 0:
                raise OSError("the disk is gone")
            return super().sample(count, generator)

    trainer = Trainer(small_config, Broken(good_draws=2))
    with pytest.raises(OSError, match="the disk is gone"):
        list(trainer.run())
    assert not [t for t in threading.enumerate() if t.name == "pair-prefetcher"]


def test_no_spread_is_refused_before_training(small_config: RunConfig) -> None:
    with pytest.raises(DataError, match="the same"):
        Trainer(small_config, Constant(0))


class Constant(Spoiled):
    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        return torch.ones(count, 2)


# Devices


def test_devices() -> None:
    assert find_device("cpu").type == "cpu"
    assert find_device("auto").type in ("cpu", "cuda", "mps")
    assert describe(torch.device("cpu")) == "CPU"


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_missing_device_is_told(
    name: str, monkeypatch: pytest.MonkeyPatch, small_config: RunConfig
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert find_device("auto").type == "cpu"
    with pytest.raises(DeviceError, match=name.upper()):
        Trainer(small_config.replace(device=name), open_target("moons"))


def test_an_interrupted_trainer_is_let_go_at_once(small_config: RunConfig) -> None:
    """And with it, on a GPU, the memory of its recording."""
    trainer = new_trainer(small_config.replace(steps=10**6))
    events = trainer.run()
    next(events)
    trainer.interrupt()
    list(events)
    gone = weakref.ref(trainer)
    gc.disable()
    try:
        del trainer, events
        assert gone() is None
    finally:
        gc.enable()
