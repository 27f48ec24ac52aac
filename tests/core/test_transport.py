"""The compiled library's couplings: SciPy's least cost, and the plan of steps in logarithms."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from flowmap_studio.core import couplings
from flowmap_studio.core.couplings import entropic_partners, optimal_assignment
from flowmap_studio.core.native import loading, transport
from flowmap_studio.core.native.transport import can_couple, entropic_plan, least_assignment


@pytest.fixture(autouse=True)
def library(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each that this processor can run."""
    found = loading.load(compiled)
    monkeypatch.setattr(transport, "compiled", lambda: found)


def costs(x0: torch.Tensor, x1: torch.Tensor) -> np.ndarray:
    return ((x0.double()[:, None] - x1.double()) ** 2).sum(2).numpy()


def normal(count: int, dim: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(count, dim, generator=draw), torch.rand(count, dim, generator=draw)


def assert_least(x0: torch.Tensor, x1: torch.Tensor) -> None:
    partner = least_assignment(x0, x1).numpy()
    assert sorted(partner.tolist()) == list(range(len(x0)))
    cost = costs(x0, x1)
    least = cost[linear_sum_assignment(cost)].sum()
    assert cost[np.arange(len(x0)), partner].sum() == pytest.approx(least, rel=1e-12)


@pytest.mark.parametrize("count", [1, 2, 3, 15, 16, 17, 31, 32, 33, 64, 257, 500])
@pytest.mark.parametrize("dim", [1, 2, 9])
def test_they_have_the_least_cost(count: int, dim: int) -> None:
    assert_least(*normal(count, dim, seed=count))


@pytest.mark.parametrize("seed", range(8))
def test_they_are_those_of_brute_force(seed: int) -> None:
    x0, x1 = normal(6, 2, seed)
    cost = costs(x0, x1)
    every = {order: cost[range(6), order].sum() for order in itertools.permutations(range(6))}
    assert tuple(least_assignment(x0, x1).tolist()) == min(every, key=lambda order: every[order])


def far_apart(x0: torch.Tensor, x1: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Two lumps each, of unequal sizes."""
    x0[:90] += 1e4
    x1[:50] += 1e4
    return x0, x1


def one_far(x0: torch.Tensor, x1: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    x0[7] = 1e8
    return x0, x1


ODD: dict[str, Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]] = {
    "one point": lambda x0, _: (torch.zeros_like(x0), torch.zeros_like(x0)),
    "one target": lambda x0, _: (x0, torch.ones_like(x0)),
    "whole numbers": lambda x0, x1: ((3 * x0).round(), (8 * x1).round()),
    "three targets": lambda x0, x1: (x0, (2 * x1).round()),
    "same cloud": lambda x0, _: (x0, x0.flip(0)),
    "huge": lambda x0, x1: (1e18 * x0, 1e18 * x1),
    "tiny": lambda x0, x1: (1e-30 * x0, 1e-30 * x1),
    "unlike": lambda x0, x1: (1e18 * x0, 1e-18 * x1),
    "lumps": far_apart,
    "one far": one_far,
}


@pytest.mark.parametrize("case", ODD)
def test_so_have_those_of_odd_clouds(case: str) -> None:
    assert_least(*ODD[case](*normal(150, 2)))


def test_a_permutation_of_the_points_permutes_the_pairs() -> None:
    x0, x1 = normal(300, 2)
    order = torch.randperm(300, generator=torch.Generator().manual_seed(1))
    partner = least_assignment(x0, x1)
    assert torch.equal(least_assignment(x0[order], x1), partner[order])
    assert torch.equal(order[least_assignment(x0, x1[order])], partner)


def test_without_it_they_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x0, x1 = normal(200, 2)
    wide = torch.cat([x0, x1], dim=1)[:, ::2]  # not in one piece of memory
    found = [optimal_assignment(x0, x1), optimal_assignment(wide, x1)]
    monkeypatch.setattr(transport, "compiled", lambda: None)
    for most in (couplings.LARGEST_FOR_SCIPY, 0):
        monkeypatch.setattr(couplings, "LARGEST_FOR_SCIPY", most)
        again = [optimal_assignment(x0, x1), optimal_assignment(wide, x1)]
        assert all(torch.equal(one, other) for one, other in zip(found, again, strict=True))


def known_plan(x0: torch.Tensor, x1: torch.Tensor, entropy: float) -> torch.Tensor:
    """n times the entropic plan, by Sinkhorn's steps in logarithms and double precision."""
    cost = torch.from_numpy(costs(x0, x1)) / entropy
    rows, columns = torch.zeros(len(x0)).double(), torch.zeros(len(x0)).double()
    for _ in range(20_000):
        before = rows
        rows = -torch.logsumexp(columns - cost, dim=1)
        columns = -torch.logsumexp(rows[:, None] - cost, dim=0)
        if (rows - before).abs().max() < 1e-10:
            break
    return torch.exp(rows[:, None] + columns - cost)


@pytest.mark.parametrize("count", [1, 2, 31, 33, 100])
@pytest.mark.parametrize("entropy", [0.02, 0.3, 5.0])
def test_the_entropic_plan_is_known(count: int, entropy: float) -> None:
    x0, x1 = normal(count, 2, seed=count)
    plan = entropic_plan(x0, x1, entropy, 20_000, 1e-7).double()
    torch.testing.assert_close(plan, known_plan(x0, x1, entropy), rtol=2e-3, atol=3e-5)


@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize("share", [1e-6, 1e-3, 1.0, 1e3])
def test_its_rows_and_columns_sum_up_to_one(case: str, share: float) -> None:
    """Entropies from a millionth of the mean cost on; without an end to the steps it is exact."""
    x0, x1 = ODD[case](*normal(150, 2))
    plan = entropic_plan(x0, x1, share * max(costs(x0, x1).mean(), 1e-30), 200, 1e-4).double()
    assert float(plan.amin()) >= 0
    torch.testing.assert_close(plan.sum(1), torch.ones(150).double(), rtol=1e-5, atol=0)
    off = float((plan.sum(0) - 1).square().sum().sqrt()) / 150
    assert off < (1e-4 if share >= 1 else 0.02)


def test_its_partners_are_drawn_from_it() -> None:
    x0, x1 = normal(12, 2)
    draw = torch.Generator().manual_seed(0)
    drawn = torch.stack([entropic_partners(x0, x1, 0.1, draw) for _ in range(4000)])
    share = torch.nn.functional.one_hot(drawn, 12).double().mean(0)
    plan = known_plan(x0, x1, 0.1)
    assert float((share - plan).abs().max()) < 5 * (0.25 / 4000) ** 0.5


@pytest.mark.parametrize("entropy", [0.02, 0.5])
def test_without_it_the_plan_is_the_same(entropy: float, monkeypatch: pytest.MonkeyPatch) -> None:
    x0, x1 = normal(80, 2)
    plan = entropic_plan(x0, x1, entropy, 2000, 1e-6).double()
    slow = 80 * couplings._plan_by_pot(x0, x1, entropy)
    assert float((plan - slow).abs().sum()) / 80 < 0.02  # at its own tolerance
    monkeypatch.setattr(transport, "compiled", lambda: None)
    partners = entropic_partners(x0, x1, entropy, torch.Generator().manual_seed(0))
    assert float(plan[range(80), partners].amin()) > 1e-6  # none is impossible


def test_what_it_does_not_take_is_refused() -> None:
    x0, x1 = normal(20, 2)
    broken = x1.clone()
    broken[3, 1] = torch.nan
    endless = x1.clone()
    endless[3, 1] = torch.inf
    for other in (x1[:-1], x1[:, :1], x1.double(), broken, endless):
        assert not can_couple(x0, other)
        with pytest.raises(ValueError, match="finite float32"):
            least_assignment(x0, other)
        with pytest.raises(ValueError, match="finite float32"):
            entropic_plan(x0, other, 0.1, 10, 1e-4)
    assert not can_couple(x0[:0], x1[:0])
    for entropy in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="positive"):
            entropic_plan(x0, x1, entropy, 10, 1e-4)
    with pytest.raises(ValueError, match="numeric"):  # SciPy's word
        optimal_assignment(x0, broken)
