"""The compiled library's pairs are those of least cost: SciPy's, which takes no short cuts."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from flowmap_studio.core import couplings
from flowmap_studio.core.couplings import optimal_assignment
from flowmap_studio.core.native import assignment, loading
from flowmap_studio.core.native.assignment import can_assign, least_assignment


@pytest.fixture(autouse=True)
def library(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each that this processor can run."""
    found = loading.load(compiled)
    monkeypatch.setattr(assignment, "compiled", lambda: found)


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
    monkeypatch.setattr(assignment, "compiled", lambda: None)
    for most in (couplings.LARGEST_FOR_SCIPY, 0):
        monkeypatch.setattr(couplings, "LARGEST_FOR_SCIPY", most)
        again = [optimal_assignment(x0, x1), optimal_assignment(wide, x1)]
        assert all(torch.equal(one, other) for one, other in zip(found, again, strict=True))


def test_what_it_does_not_take_is_refused() -> None:
    x0, x1 = normal(20, 2)
    broken = x1.clone()
    broken[3, 1] = torch.nan
    endless = x1.clone()
    endless[3, 1] = torch.inf
    for other in (x1[:-1], x1[:, :1], x1.double(), broken, endless):
        assert not can_assign(x0, other)
        with pytest.raises(ValueError, match="finite float32"):
            least_assignment(x0, other)
    assert not can_assign(x0[:0], x1[:0])
    with pytest.raises(ValueError, match="numeric"):  # SciPy's word
        optimal_assignment(x0, broken)
