"""Couplings, the stream of training pairs, and the thread that prepares them."""

from __future__ import annotations

import itertools
import threading

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.couplings import nearly_reduced, optimal_assignment, pair
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.pairs import CHUNK_STEPS, Chunk, PairStream, Prefetcher
from flowmap_studio.core.targets import SHAPES

CPU = torch.device("cpu")


def clouds(count: int, dim: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(count, dim, generator=draw), 2 * torch.rand(count, dim, generator=draw)


def total_cost(x0: torch.Tensor, x1: torch.Tensor) -> float:
    return float((x0.double() - x1.double()).square().sum())


@pytest.mark.parametrize("seed", range(5))
def test_assignment_equals_brute_force(seed: int) -> None:
    x0, x1 = clouds(6, 2, seed)
    costs = {order: total_cost(x0, x1[list(order)]) for order in itertools.permutations(range(6))}
    assert tuple(optimal_assignment(x0, x1).tolist()) == min(costs, key=lambda order: costs[order])


def test_a_large_problem_is_a_permutation_of_least_cost() -> None:
    x0, x1 = clouds(600, 2)
    order = optimal_assignment(x0, x1)
    assert sorted(order.tolist()) == list(range(600))
    squared = torch.cdist(x0.double(), x1.double()).square().numpy()
    least = squared[linear_sum_assignment(squared)].sum()
    assert total_cost(x0, x1[order]) == pytest.approx(least, rel=1e-6)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=24))
def test_assignment_is_a_permutation_even_with_ties(points: list[tuple[int, int]]) -> None:
    x = torch.tensor(points, dtype=torch.float32)
    order = optimal_assignment(x, x.flip(0))
    assert sorted(order.tolist()) == list(range(len(points)))
    assert total_cost(x, x.flip(0)[order]) == 0


def test_assignment_on_a_line_is_the_order() -> None:
    x0, x1 = clouds(300, 1)
    paired = x1[optimal_assignment(x0, x1)]
    assert torch.equal(paired[x0[:, 0].argsort()], x1.sort(dim=0).values)


@pytest.mark.parametrize("scale", [0.0, 1e-12, 1.0, 1e6])
@pytest.mark.parametrize("far", [0.0, 40.0])
def test_reduced_costs_have_the_same_best_pairs(scale: float, far: float) -> None:
    """Also where all points are one, are tiny or huge, and where one lies far from all others."""
    draw = torch.Generator().manual_seed(3)
    x0, x1 = (scale * torch.randn(60, 2, generator=draw).double() for _ in range(2))
    x1[7] += scale * far
    cost = torch.cdist(x0, x1).square()
    reduced = nearly_reduced(cost)
    assert float(reduced.amin()) >= 0
    assert bool(torch.isfinite(reduced).all())
    best, ours = linear_sum_assignment(cost.numpy()), linear_sum_assignment(reduced.numpy())
    least = cost.numpy()[best].sum()
    assert cost.numpy()[ours].sum() == pytest.approx(least, rel=1e-12)
    # What is left of the cost says how far the solver still is from the best potentials.
    assert reduced.numpy()[best].sum() <= 0.5 * least


def test_ot_pairs_within_groups_and_keeps_the_source() -> None:
    x0, x1 = clouds(70, 2)
    partners = x1[pair(x0, x1, RunConfig(coupling="ot", ot_batch=32))]
    for group in (slice(0, 32), slice(32, 64), slice(64, 70)):
        expected = x1[group][optimal_assignment(x0[group], x1[group])]
        assert torch.equal(partners[group], expected)


@pytest.mark.parametrize("coupling", ["ot", "sinkhorn"])
def test_a_class_that_nobody_has_is_left_out(coupling: str) -> None:
    x0, x1 = clouds(6, 2)
    labels = torch.tensor([0, 0, 2, 2, 0, 2])
    config = RunConfig(coupling=coupling, ot_batch=32)
    partner = pair(x0, x1, config, torch.Generator().manual_seed(0), labels)
    assert torch.equal(labels[partner], labels)


def test_independent_keeps_the_rows() -> None:
    x0, x1 = clouds(50, 2)
    assert torch.equal(x1[pair(x0, x1, RunConfig(coupling="independent"))], x1)


def parts(chunk: Chunk) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return chunk.draws.x0, chunk.draws.x1, chunk.draws.uniforms


def make_stream(**changes: object) -> tuple[RunConfig, PairStream]:
    values = {"batch_size": 24, "ot_batch": 32, "target": "checkerboard", **changes}
    config = RunConfig(**values)
    units = Normalisation((1.0, -1.0), (2.0, 4.0))
    return config, PairStream(config, SHAPES["checkerboard"], units, CPU)


@pytest.mark.parametrize("coupling", ["ot", "independent"])
def test_chunk_is_the_same_whatever_was_drawn_before(coupling: str) -> None:
    _, stream = make_stream(coupling=coupling)
    _, again = make_stream(coupling=coupling)
    first = [stream.chunk(k) for k in range(4)]
    torch.rand(7)  # the global generator plays no part
    for k in (3, 1, 0):
        for old, new in zip(parts(first[k]), parts(again.chunk(k)), strict=True):
            assert torch.equal(old, new)
    assert not torch.equal(first[0].draws.x0, first[1].draws.x0)
    assert not torch.equal(first[0].draws.uniforms, first[1].draws.uniforms)


def test_chunks_depend_on_the_seed() -> None:
    one, other = make_stream(seed=0)[1].chunk(0), make_stream(seed=1)[1].chunk(0)
    assert all(not torch.equal(a, b) for a, b in zip(parts(one), parts(other), strict=True))


@pytest.mark.parametrize("coupling", ["ot", "independent"])
def test_chunk_holds_normalised_points_and_uniform_times(coupling: str) -> None:
    config, stream = make_stream(coupling=coupling, batch_size=500)
    chunk = stream.chunk(0)
    x0, x1, uniforms = parts(chunk)
    rows = CHUNK_STEPS * config.batch_size
    assert x0.shape == x1.shape == (rows, 2)
    assert uniforms.shape == (rows, 3)
    assert all(part.dtype == torch.float32 for part in parts(chunk))
    assert 0 <= float(uniforms.min()) <= float(uniforms.max()) < 1
    raw = x1 * torch.tensor([2.0, 4.0]) + torch.tensor([1.0, -1.0])
    assert float(raw.abs().max()) <= 2 + 1e-5
    assert bool((torch.floor(raw.clamp(-1.999, 1.999)).sum(dim=1) % 2 == 0).float().mean() > 0.99)
    torch.testing.assert_close(torch.cov(x0.T), torch.eye(2), atol=0.06, rtol=0)
    assert torch.equal(chunk.batch(5).x1, x1[5 * config.batch_size : 6 * config.batch_size])


@pytest.mark.parametrize(("reuse", "coupling", "expected"), [(1, "ot", 1), (3, "ot", 3)])
def test_pairs_are_reused_with_other_times(reuse: int, coupling: str, expected: int) -> None:
    _, stream = make_stream(coupling=coupling, pair_reuse=reuse)
    chunk = stream.chunk(2)
    x0, x1, uniforms = parts(chunk)
    rows = torch.cat([x0, x1], dim=1)
    _, counts = rows.unique(dim=0, return_counts=True)
    assert set(counts.tolist()) == {expected}
    assert len(uniforms.unique(dim=0)) == len(rows)


def test_independent_pairs_are_never_reused() -> None:
    _, stream = make_stream(coupling="independent", pair_reuse=8)
    rows = stream.chunk(0).draws.x0
    assert len(rows.unique(dim=0)) == len(rows)
    assert not stream.worth_preparing


# The helper thread


def helper_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "pair-prefetcher"]


def test_prefetcher_gives_results_in_order() -> None:
    prefetcher = Prefetcher(lambda k: k * k, start=5, depth=2)
    try:
        assert [prefetcher.get() for _ in range(20)] == [k * k for k in range(5, 25)]
    finally:
        prefetcher.close()
    assert not helper_threads()


def test_prefetcher_works_at_most_its_depth_ahead() -> None:
    made: list[int] = []
    full = threading.Event()

    def make(k: int) -> int:
        made.append(k)
        if k == 2:
            full.set()
        return k

    prefetcher = Prefetcher(make, start=0, depth=3)
    assert full.wait(10)
    prefetcher.close()
    assert made == [0, 1, 2]


def test_prefetcher_hands_an_error_over_after_the_good_results() -> None:
    def make(k: int) -> int:
        if k == 2:
            raise ValueError("no third chunk")
        return k

    prefetcher = Prefetcher(make, start=0)
    try:
        assert [prefetcher.get(), prefetcher.get()] == [0, 1]
        for _ in range(2):
            with pytest.raises(ValueError, match="no third chunk"):
                prefetcher.get()
    finally:
        prefetcher.close()
    assert not helper_threads()


def test_prefetcher_closes_while_it_is_making_one() -> None:
    started, finish = threading.Event(), threading.Event()

    def make(k: int) -> int:
        started.set()
        assert finish.wait(10)
        return k

    prefetcher = Prefetcher(make, start=0)
    assert started.wait(10)
    threading.Timer(0.01, finish.set).start()
    prefetcher.close()
    assert not helper_threads()
