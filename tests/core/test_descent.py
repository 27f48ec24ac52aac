"""The compiled library's steps of all weights are those of torch's optimisers."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flat import FlatWeights
from flowmap_studio.core.flow_map import build_flow_map
from flowmap_studio.core.native import descent as native
from flowmap_studio.core.optimisers import (
    MATRIX_STEP,
    build_optimiser,
    compiled_descent,
    polar_factors,
    restore_adam,
)
from flowmap_studio.core.training_step import TrainingStep

OPTIMISERS = ["adam", "adamw", "muon"]
SHAPES = [(5,), (256, 194), (3,), (100, 64), (64, 70), (16, 300), (7,)]
STEPS = 4


class Weights(nn.Module):
    """Matrices of all kinds among other weights, so that vectors end in the midst of them."""

    def __init__(self, draw: torch.Generator) -> None:
        super().__init__()
        starts = [nn.Parameter(torch.randn(shape, generator=draw)) for shape in SHAPES]
        self.parts = nn.ParameterList(starts)


def gradient(count: int, draw: torch.Generator, flat: FlatWeights, step: int) -> torch.Tensor:
    """A random one, which leaves a matrix nothing to follow at first."""
    found = torch.randn(count, generator=draw)
    found[flat.matrices[1][0]] *= step > 1
    return found


def take_steps(config: RunConfig, start: dict[str, torch.Tensor] | None) -> list[torch.Tensor]:
    """All that some steps change."""
    draw = torch.Generator().manual_seed(0)
    flat = FlatWeights(Weights(draw))
    vector = flat.vector
    assert vector.grad is not None
    average = vector.detach().clone()
    optimiser = build_optimiser(config, vector, flat.matrices)
    if start is not None:
        restore_adam(optimiser, vector, start["first"].numpy(), start["second"].numpy(), 30)
    compiled = native.suits(vector)
    of_average = average if config.ema_decay else None
    descent = compiled_descent(config, optimiser, flat, of_average) if compiled else None
    for step in range(STEPS):
        vector.grad.copy_(gradient(vector.numel(), draw, flat, step))
        rate = config.learning_rate / (step + 1)
        if descent is not None:
            descent.take(rate, 0.1)
            continue
        if config.clip_norm:
            flat.clip(config.clip_norm)
        optimiser.param_groups[0]["lr"] = rate
        optimiser.step()
        if config.ema_decay:
            average.lerp_(vector.detach(), 0.1)
    memory = optimiser.state[vector]
    kept = [memory[name] for name in ("step", "exp_avg", "exp_avg_sq")]
    return [vector.detach(), vector.grad, average, *kept]


@pytest.mark.parametrize(
    "case",
    [
        {"weight_decay": 0.1},
        {"clip_norm": 0.0, "ema_decay": 0.0},
        {"clip_norm": 1e6, "goes on": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", OPTIMISERS)
def test_steps_are_torchs(name: str, case: dict[str, Any], use: Callable[[bool], None]) -> None:
    changes = {key: value for key, value in case.items() if key != "goes on"}
    config = RunConfig(optimiser=name, learning_rate=0.01).replace(**changes)
    start = None
    if "goes on" in case:
        draw, count = torch.Generator().manual_seed(1), sum(math.prod(one) for one in SHAPES)
        first = torch.randn(count, generator=draw)
        start = {"first": first, "second": torch.rand(count, generator=draw)}
    found = []
    for yes in (True, False):
        use(yes)
        found.append(take_steps(config, start))
    for one, other in zip(*found, strict=True):
        # Of matrices the sums of the polynomials are rounded in another order.
        assert float((one - other).norm() / other.norm()) < (2e-5 if name == "muon" else 1e-6)


@pytest.mark.parametrize("columns", [16, 33, 256])
@pytest.mark.parametrize("rank", [1, 2, 8, 64])
def test_matrices_of_low_rank_go_by_their_polar_factors(
    rank: int, columns: int, use: Callable[[bool], None]
) -> None:
    """What such a one lacks the polynomials enlarge; rounding errors must not get there."""
    draw = torch.Generator().manual_seed(rank)
    network = nn.Linear(columns, 64, bias=False)
    flat = FlatWeights(network)
    config = RunConfig(optimiser="muon", clip_norm=0.0)
    optimiser = build_optimiser(config, flat.vector, flat.matrices)
    left = torch.randn(64, rank, generator=draw, dtype=torch.float64)
    slope = left @ torch.randn(rank, columns, generator=draw, dtype=torch.float64)
    assert flat.vector.grad is not None
    flat.vector.grad.copy_(slope.reshape(-1))
    before = flat.vector.detach().double()
    compiled_descent(config, optimiser, flat, None).take(0.01, 0.0)
    moved = (before - flat.vector.detach().double()).view(64, columns)
    exact = 0.01 * MATRIX_STEP * columns**0.5 * polar_factors([slope[None]])[0][0]
    assert float((moved - exact).norm() / exact.norm()) < 2e-3


def test_it_goes_on_from_what_is_put_back(use: Callable[[bool], None]) -> None:
    """As from torch's own steps in between: all share the optimiser's memory."""
    found = []
    for library in ((True, True, True), (False, False, False), (True, False, True)):
        step, slope = make_step(clip_norm=0.0)
        step.gradient.take = lambda _: (None, None)  # type: ignore[method-assign]
        vector = step.flat.vector
        draw = torch.Generator().manual_seed(2)
        for at, yes in enumerate(library):
            use(yes)
            if at == 2:
                moments = (torch.rand(vector.shape, generator=draw).numpy() for _ in range(2))
                restore_adam(step.optimiser, vector, *moments, 30)
            slope.copy_(torch.randn(vector.shape, generator=draw))
            step.tell(0.01, 0.5)
            step._descend() if yes else step._descend_by_torch()
        assert float(step.optimiser.state[vector]["step"]) == 31
        found.append(torch.cat([vector.detach(), step.average]))
    for other in found[1:]:
        assert float((other - found[0]).norm() / found[0].norm()) < 2e-5


def make_step(**changes: Any) -> tuple[TrainingStep, torch.Tensor]:
    """Of a small map, and its gradient."""
    config = RunConfig(hidden_dim=32, time_embed_dim=32).replace(**changes)
    step = TrainingStep(build_flow_map(config, 2), config, 0.0, told_on_device=False)
    assert step.flat.vector.grad is not None
    return step, step.flat.vector.grad


def test_a_training_step_takes_them_all_at_once(
    use: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    step, slope = make_step(optimiser="adam", clip_norm=1.0, ema_decay=0.9)
    monkeypatch.setattr(step.gradient, "take", lambda _: (SimpleNamespace(), torch.zeros(())))
    monkeypatch.setattr("flowmap_studio.core.training_step.loss_row", lambda *_: torch.zeros(()))
    before = step.flat.vector.detach().clone()
    slope.fill_(3.0)
    step.tell(0.01, 0.75)
    step.take(None)  # type: ignore[arg-type]
    torch.testing.assert_close(slope.norm(), torch.tensor(1.0))
    # Adam's first step is the rate in each weight, whatever the gradient.
    moved = before - 0.01
    torch.testing.assert_close(step.flat.vector.detach(), moved, rtol=0, atol=1e-5)
    torch.testing.assert_close(step.average, before - 0.0025, rtol=0, atol=1e-5)


def test_no_number_stays_none(use: Callable[[bool], None]) -> None:
    step, slope = make_step()
    slope.zero_()[17] = math.inf
    average = step.average
    descent = compiled_descent(RunConfig(), step.optimiser, step.flat, average)
    descent.take(0.01, 0.5)
    assert step.flat.vector.isnan().any()
    assert average.isnan().any()


def test_memory_that_runs_out_changes_nothing(use: Callable[[bool], None]) -> None:
    step, slope = make_step()
    vector, average, slope = step.flat.vector, step.average, slope.fill_(1.0)
    memory = {name: torch.full_like(vector.detach(), 0.5) for name in ("exp_avg", "exp_avg_sq")}
    memory["step"] = torch.tensor(3.0)
    changed = [vector.detach(), slope, average, *memory.values()]
    before = [one.clone() for one in changed]
    descent = native.Descent(
        vector,
        memory,
        average,
        adam=native.Adam((0.9, 0.999), 1e-8, 0.0, decoupled=True),
        clip=0.1,
        matrices=step.flat.matrices,
        # More than there are addresses.
        orthogonal=native.Orthogonal(((1.0, 0.0, 0.0),), 2**22, 1.0, 0.9, 1.0),
    )
    with pytest.raises(MemoryError):
        descent.take(0.01, 0.5)
    for one, other in zip(changed, before, strict=True):
        assert torch.equal(one, other)


def make_descent(vector: nn.Parameter, **changes: Any) -> native.Descent:
    """Of AdamW, with the memory that is wanted but for some changes."""
    memory = {name: torch.zeros_like(vector.detach()) for name in ("exp_avg", "exp_avg_sq")}
    memory["step"] = torch.zeros(())
    average = changes.pop("average", None)
    orthogonal = changes.pop("orthogonal", None)
    adam = native.Adam((0.9, 0.999), 1e-8, 0.0, decoupled=True)
    return native.Descent(
        vector, memory | changes, average, adam=adam, clip=0.0, orthogonal=orthogonal
    )


def test_what_the_library_would_write_behind_is_refused(use: Callable[[bool], None]) -> None:
    step, _ = make_step()
    vector = step.flat.vector
    make_descent(vector)
    for changes in (
        {"exp_avg": torch.zeros(3)},
        {"exp_avg_sq": torch.zeros(vector.numel(), dtype=torch.float64)},
        {"step": torch.zeros((), dtype=torch.float64)},
        {"average": torch.zeros(5)},
        {"average": torch.zeros(2 * vector.numel())[::2]},
    ):
        with pytest.raises(ValueError, match="float32 are wanted"):
            make_descent(vector, **changes)
    with pytest.raises(ValueError, match="take a multiple of"):
        make_descent(vector, orthogonal=native.Orthogonal(((1.0, 0.0, 0.0),), 60, 1.0, 0.9, 1.0))
    vector.grad = None
    with pytest.raises(ValueError, match="float32 are wanted"):
        make_descent(vector)
