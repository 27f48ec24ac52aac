"""Gradients that are written down by hand are those that torch takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from flowmap_studio.core import gradients
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flat import FlatWeights
from flowmap_studio.core.flow_map import build_flow_map
from flowmap_studio.core.gradients import Gradient, add_gradient, loss_row
from flowmap_studio.core.methods import METHODS
from flowmap_studio.core.native import library
from flowmap_studio.core.objectives import by_hand, objective
from flowmap_studio.core.objectives.base import Batch, Passage, mean_square
from flowmap_studio.core.passes import Passes

BY_HAND = [method for method in METHODS if by_hand(method)]
ROWS = 120
CASES: list[dict[str, Any]] = [
    {},
    {"position_features": 0, "lambda_cons": 0.1},
    {"time_rule": "clamp", "midpoint": "uniform"},
    {"time_rule": "modulo", "diagonal_share": 1.0},
    {"labels": "on", "batch_size": 70},
    {"parametrisation": "free"},
    {"time_embed_dim": 8},  # which the library can't embed
    {"position_features": 20},  # which it can't make
]


def draw_batch(classes: int) -> Batch:
    draw = torch.Generator().manual_seed(5)
    x0, x1 = (torch.randn(ROWS, 2, generator=draw) for _ in range(2))
    cond = torch.eye(classes)[torch.arange(ROWS) % classes] if classes else None
    uniforms = torch.rand(ROWS, 3, generator=draw)
    s, t = uniforms[:, :2].sort(dim=1).values.split(1, dim=1)
    passage = Passage(s, t, torch.lerp(x0, x1, s), torch.lerp(x0, x1, t))  # a teacher's
    return Batch(x0, x1, uniforms, passage, cond=cond)


def gradient(
    config: RunConfig, most: int | None = None, threads: int = 1
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """The gradient, the loss terms, and of how many rows the network was asked."""
    classes = 3 if config.labels == "on" else 0
    flow_map, asked = build_flow_map(config, 2, classes), [0]
    with torch.no_grad():  # away from the start, where the last layer is next to nothing
        for parameter in flow_map.parameters():
            parameter.add_(0.1 * torch.sin(torch.arange(parameter.numel()).view_as(parameter)))
    flat = FlatWeights(flow_map.network)
    flow_map.work_in(threads)
    flow_map.watchers.append(lambda rows: asked.append(rows))
    batch = draw_batch(classes)
    terms, total = add_gradient(flow_map, batch, config, objective(config.method), most)
    assert flat.vector.grad is not None
    return flat.vector.grad.clone(), loss_row(terms, total, 0.0), sum(asked)


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> list[Passes]:
    """Whose gradient was taken by hand."""
    seen: list[Passes] = []

    def watched(method: str) -> Callable[..., Any] | None:
        found = by_hand(method)

        def told(passes: Passes, *rest: Any) -> Any:
            terms = found(passes, *rest) if found is not None else None
            seen.extend([passes] if terms is not None else [])
            return terms

        return told if found is not None else None

    monkeypatch.setattr(gradients, "by_hand", watched)
    return seen


def test_the_methods_that_are_compared_are_written_down() -> None:
    assert {"article", "semigroup", "trajectory", "flow-matching", "rectified-flow"} == set(BY_HAND)
    assert by_hand("lagrangian") is None


@pytest.mark.parametrize("most", [None, 32], ids=["whole", "in pieces"])
@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("method", BY_HAND)
def test_it_is_the_gradient_that_torch_takes(
    method: str,
    case: dict[str, Any],
    most: int | None,
    use: Callable[[bool], None],
    hands: list[Passes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if method != "article" and case.get("parametrisation") == "free":
        case = {"time_power": 2.0}
    torchs = case in CASES[-3:]
    sizes = {"hidden_dim": 32, "time_embed_dim": 32}
    config = RunConfig(method=method, coupling="independent", **sizes).replace(**case)
    found, row, asked = gradient(config, most)
    assert bool(hands) != torchs
    monkeypatch.setattr(gradients, "by_hand", lambda _: None)
    for compiled in (True, False):
        use(compiled)
        plain, plain_row, plain_asked = gradient(config, most)
        torch.testing.assert_close(found, plain, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(row, plain_row, rtol=1e-5, atol=1e-7, equal_nan=True)
        assert asked == plain_asked


@pytest.mark.parametrize("method", BY_HAND)
def test_in_several_threads_it_is_the_same(method: str, use: Callable[[bool], None]) -> None:
    config = RunConfig(method=method, coupling="independent", hidden_dim=32, time_embed_dim=32)
    found, row, _ = gradient(config)
    again, same, _ = gradient(config, threads=3)
    torch.testing.assert_close(again, found, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(same, row, rtol=1e-6, atol=0, equal_nan=True)


def test_times_of_all_points_are_those_of_each(use: Callable[[bool], None]) -> None:
    flow_map = build_flow_map(RunConfig(hidden_dim=32, time_embed_dim=32), 2)
    FlatWeights(flow_map.network)
    x, s, t = torch.randn(60, 2), torch.tensor([[0.2]]), torch.tensor([[0.7]])
    with flow_map.adding_gradients() as step:
        passes = Passes.of(flow_map, step, x)
        assert passes is not None
        found, _ = passes.raw(x, s, t)
    expected = flow_map.raw(x, s.expand(60, 1), t.expand(60, 1))
    torch.testing.assert_close(found, expected.detach())


@pytest.mark.parametrize("function", ["network_backward", "network_unfold"])
def test_memory_that_runs_out_is_gone_back_behind(
    function: str, use: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that fails on its way is taken in pieces, from a gradient of zero."""
    config = RunConfig(coupling="independent", hidden_dim=32, time_embed_dim=32)
    flow_map = build_flow_map(config, 2)
    flat, real, calls = FlatWeights(flow_map.network), library.ask, [0]

    def ask(name: str, *arguments: object) -> None:
        calls[0] += name == function
        if name == function and calls[0] == 1:
            raise MemoryError
        real(name, *arguments)

    whole = Gradient(flow_map, flat, config, objective(config.method))
    whole.take(draw_batch(0))
    assert flat.vector.grad is not None
    expected = flat.vector.grad.clone()
    monkeypatch.setattr(library, "ask", ask)
    cut = Gradient(flow_map, flat, config, objective(config.method))
    cut.take(draw_batch(0))
    assert "in parts of 60 rows" in cut.news
    torch.testing.assert_close(flat.vector.grad, expected, rtol=1e-4, atol=1e-6)


def test_without_the_library_torch_takes_it(
    use: Callable[[bool], None], hands: list[Passes]
) -> None:
    use(False)
    gradient(RunConfig(coupling="independent", hidden_dim=32))
    assert hands == []


def test_mean_square_and_its_derivative() -> None:
    difference = torch.randn(7, 2, dtype=torch.float64, requires_grad=True)
    value, slope = mean_square(difference.detach(), 0.3)
    expected = (difference**2).mean()
    assert float(value) == pytest.approx(float(expected.detach()))
    (0.3 * expected).backward()
    torch.testing.assert_close(slope, difference.grad)
