"""A gradient that is taken in parts is the gradient of the whole."""

from __future__ import annotations

import pytest
import torch

from flowmap_studio.core import gradients
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flat import FlatWeights
from flowmap_studio.core.flow_map import build_flow_map
from flowmap_studio.core.gradients import add_gradient, loss_row
from flowmap_studio.core.objectives import objective
from flowmap_studio.core.objectives.base import Batch

ROWS = 24
METHODS = ["article", "lagrangian", "eulerian", "semigroup", "flow-matching", "schrodinger-bridge"]


def _gradient(config: RunConfig, rows: int, order: torch.Tensor | None = None):
    flow_map = build_flow_map(config, 2)
    with torch.no_grad():  # away from the start, where the last layer is next to nothing
        for parameter in flow_map.parameters():
            parameter.add_(0.1 * torch.sin(torch.arange(parameter.numel()).view_as(parameter)))
    flat = FlatWeights(flow_map.network)
    draw = torch.Generator().manual_seed(5)
    x0, x1, bridge = (torch.randn(rows, 2, generator=draw) for _ in range(3))
    batch = Batch(x0, x1, torch.rand(rows, 3, generator=draw), bridge=bridge)
    batch = (
        batch
        if order is None
        else Batch(*(None if part is None else part[order] for part in batch))
    )
    terms, total = add_gradient(flow_map, batch, config, objective(config.method))
    return flat.vector.grad.clone(), loss_row(terms, total, 0.0)


@pytest.mark.parametrize("method", METHODS)
def test_parts_add_up_to_the_whole(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = RunConfig(method=method, coupling="independent", hidden_dim=32, diagonal_share=0.5)
    config = config.replace(coupling="sinkhorn") if method == "schrodinger-bridge" else config
    monkeypatch.setattr(gradients, "PART_ROWS", ROWS)
    monkeypatch.setattr(gradients, "COMPILED_ROWS", ROWS)
    # Every part has its own diagonal first: in the whole batch all the diagonals come first.
    halves = torch.arange(ROWS).view(2, 2, ROWS // 4).transpose(0, 1).reshape(-1)
    whole, whole_row = _gradient(config, ROWS, halves)
    monkeypatch.setattr(gradients, "PART_ROWS", ROWS // 2)
    monkeypatch.setattr(gradients, "COMPILED_ROWS", ROWS // 2)
    parts, parts_row = _gradient(config, ROWS)
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(parts_row, whole_row, rtol=1e-4, atol=1e-6, equal_nan=True)


def test_the_density_head_learns_once_from_a_batch_of_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = RunConfig(coupling="independent", hidden_dim=32, density_head="on", diagonal_share=1.0)
    monkeypatch.setattr(gradients, "PART_ROWS", ROWS)
    monkeypatch.setattr(gradients, "COMPILED_ROWS", ROWS)
    whole, whole_row = _gradient(config, ROWS)
    monkeypatch.setattr(gradients, "PART_ROWS", 7)
    monkeypatch.setattr(gradients, "COMPILED_ROWS", 7)
    parts, parts_row = _gradient(config, ROWS)
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(parts_row, whole_row, rtol=1e-4, atol=1e-6, equal_nan=True)
    assert torch.isfinite(whole_row[-1])
