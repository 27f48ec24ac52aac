"""Points that share their times are evaluated in another order, with the same result."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flow_map import FlowMap, build_flow_map
from flowmap_studio.core.guidance import Guide, GuidedMap
from flowmap_studio.core.samplers import composed, even_times, jump

ROWS = 70


def grown(dim: int = 2, classes: int = 0, **changes: Any) -> FlowMap:
    """A map whose outputs are as large as a trained one's."""
    flow_map = build_flow_map(RunConfig(**{"hidden_dim": 24, **changes}), dim, classes)
    flow_map.requires_grad_(requires_grad=False)
    flow_map.network.last.weight.mul_(100)
    flow_map.network.last.bias.normal_(generator=torch.Generator().manual_seed(3))
    return flow_map


def columns(s: float, t: float, rows: int = ROWS) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.full((rows, 1), s), torch.full((rows, 1), t)


@pytest.mark.parametrize("dim", [2, 40])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"method": "article", "position_features": 0},
        {"method": "article", "parametrisation": "free", "depth": 1},
        {"depth": 4, "position_features": 5},
        {"method": "flow-matching"},
        {"method": "schrodinger-bridge", "coupling": "sinkhorn"},
    ],
)
def test_sharing_times_changes_rounding_alone(changes: dict[str, Any], dim: int) -> None:
    flow_map = grown(dim, **changes)
    x = torch.randn(ROWS, dim, generator=torch.Generator().manual_seed(1))
    plain = flow_map(x, *columns(0.2, 0.7))
    with torch.inference_mode():
        moved = jump(flow_map, x, 0.2, 0.7)
    assert float((plain - x).abs().max()) > 0.1
    torch.testing.assert_close(moved, plain, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(jump(flow_map, x, 0.2, 0.7), plain, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scale", [0.0, 1.0, 2.5])
def test_classes_are_told_with_shared_times_too(scale: float) -> None:
    flow_map = grown(classes=3)
    x = torch.randn(ROWS, 2)
    cond = torch.nn.functional.one_hot(torch.arange(ROWS) % 3, 3).float()
    guided = GuidedMap(flow_map, Guide(cond, scale))
    plain = guided(x, *columns(0.0, 0.5))
    with torch.inference_mode():
        torch.testing.assert_close(guided.jump(x, 0.0, 0.5), plain, rtol=1e-5, atol=1e-5)


def test_results_outlive_what_is_evaluated_next() -> None:
    flow_map = grown()
    with torch.inference_mode():
        first = flow_map.jump(torch.ones(ROWS, 2), 0.0, 0.5)
        before = first.clone()
        flow_map.jump(torch.zeros(ROWS, 2), 0.0, 0.9)
        flow_map.jump(torch.zeros(3 * ROWS, 2), 0.0, 0.9)
    assert torch.equal(first, before)


def test_threads_evaluate_at_the_same_time() -> None:
    flow_map = grown(hidden_dim=64)
    starts = [torch.randn(ROWS, 2) for _ in range(4)]
    times = even_times(0.0, 1.0, 20)
    with torch.inference_mode():
        alone = [composed(flow_map, x, times) for x in starts]
    together: list[torch.Tensor | None] = [None] * len(starts)

    def work(place: int) -> None:
        with torch.inference_mode():
            together[place] = composed(flow_map, starts[place], times)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(starts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(one, other)


def test_double_precision_stays_double() -> None:
    flow_map = grown().double()
    x = torch.randn(ROWS, 2, dtype=torch.float64)
    with torch.inference_mode():
        moved = flow_map.jump(x, 0.1, 0.4)
    s, t = (column.double() for column in columns(0.1, 0.4))
    torch.testing.assert_close(moved, flow_map(x, s, t))
