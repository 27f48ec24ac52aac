"""One long vector of weights trains exactly as the separate tensors do."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flat import FlatWeights
from flowmap_studio.core.flow_map import build_flow_map
from flowmap_studio.core.objectives import Batch, objective

CLIP = 0.2


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (torch.optim.Adam, {}),
        (torch.optim.Adam, {"weight_decay": 0.1}),
        (torch.optim.AdamW, {"weight_decay": 0.1}),
    ],
)
def test_steps_equal_those_on_separate_parameters(
    kind: type[torch.optim.Optimizer], options: dict[str, Any], small_config: RunConfig
) -> None:
    flat_map = build_flow_map(small_config, 2)
    plain_map = copy.deepcopy(flat_map)
    flat = FlatWeights(flat_map.network)
    plain = list(plain_map.network.parameters())
    one = kind([flat.vector], lr=1e-2, fused=True, **options)
    many = kind(plain, lr=1e-2, **options)
    clipped = 0
    for _ in range(12):
        batch = Batch(torch.randn(32, 2), 3 * torch.randn(32, 2), torch.rand(32, 3))
        flat.zero_grad()
        loss = objective("semigroup")(flat_map, batch, small_config).total(small_config)
        loss.backward()
        flat.clip(CLIP)
        one.step()

        many.zero_grad()
        loss = objective("semigroup")(plain_map, batch, small_config).total(small_config)
        loss.backward()
        clipped += float(torch.nn.utils.clip_grad_norm_(plain, max_norm=CLIP)) > CLIP
        many.step()
    assert clipped, "the clip was never needed, so it was not tested"
    for ours, theirs in zip(flat_map.network.parameters(), plain, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=2e-6)


def test_clip_leaves_short_gradients_alone_and_scales_long_ones(small_config: RunConfig) -> None:
    flat = FlatWeights(build_flow_map(small_config, 2).network)
    assert flat.vector.grad is not None
    direction = torch.nn.functional.normalize(torch.randn_like(flat.vector), dim=0)
    flat.vector.grad.copy_(2 * direction)
    flat.clip(3.0)
    torch.testing.assert_close(flat.vector.grad, 2 * direction)
    flat.vector.grad.copy_(50 * direction)
    flat.clip(3.0)
    torch.testing.assert_close(flat.vector.grad, 3 * direction)


def test_network_and_vector_are_one_memory(small_config: RunConfig) -> None:
    network = build_flow_map(small_config, 2).network
    before = torch.cat([p.detach().reshape(-1) for p in network.parameters()])
    flat = FlatWeights(network)
    assert torch.equal(flat.vector, before)
    with torch.no_grad():
        flat.vector.fill_(0.25)
    assert all(bool((p == 0.25).all()) for p in network.parameters())
    network(torch.randn(4, 2), torch.rand(4, 2)).sum().backward()
    assert flat.vector.grad is not None
    assert float(flat.vector.grad.abs().sum()) > 0
    flat.zero_grad()
    assert all(not p.grad.any() for p in network.parameters())
