"""The network: the article's own at the defaults, its shapes known in advance, seeded starts."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flow_map import build_flow_map, load_weights
from flowmap_studio.core.network_shapes import weight_shapes
from flowmap_studio.core.networks import build_network


@pytest.mark.parametrize("dim", [2, 5])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"method": "article"},
        {"method": "article", "parametrisation": "free"},
        {"hidden_dim": 7, "depth": 1, "time_embed_dim": 3},
        {"hidden_dim": 16, "depth": 5, "position_features": 9},
        {"hidden_dim": 1, "depth": 1, "time_embed_dim": 1, "position_features": 1},
    ],
)
def test_shapes_are_known_in_advance(changes: dict[str, Any], dim: int) -> None:
    config = RunConfig(**changes)
    real = {k: tuple(v.shape) for k, v in build_network(config, dim).state_dict().items()}
    assert weight_shapes(config, dim) == real
    out = build_flow_map(config, dim)(torch.randn(6, dim), torch.zeros(6, 1), torch.ones(6, 1))
    assert out.shape == (6, dim)


def test_the_articles_network_is_the_one_time_map_without_position_features() -> None:
    """§6.1: 1 → 64 → 64 beside x, 256 wide with LayerNorm and SiLU, twice, then dim."""
    network = build_network(RunConfig(method="article", position_features=0), 2)
    kinds = [type(layer).__name__ for layer in network.net]
    assert kinds == ["Dense", "LayerNorm", "SiLU"] * 2 + ["Dense"]
    assert [type(layer).__name__ for layer in network.time_mlp] == ["Dense", "SiLU", "Dense"]
    count = sum(p.numel() for p in network.parameters())
    expected = (64 + 64) + (64 * 64 + 64) + (66 * 256 + 256) + (256 * 256 + 256) + 4 * 256 + 514
    assert count == expected


def test_the_map_starts_near_the_identity() -> None:
    network = build_network(RunConfig(), 2)
    last = network.net[-1]
    assert not last.bias.any()
    assert float(last.weight.detach().abs().max()) <= 0.01 / 256**0.5
    flow_map = build_flow_map(RunConfig(), 2)
    x = torch.randn(100, 2)
    moved = flow_map(x, torch.zeros(100, 1), torch.ones(100, 1))
    assert 0 < float((moved - x).detach().abs().max()) < 0.1


def test_the_start_depends_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = build_network(RunConfig(seed=3), 2).state_dict()
    torch.manual_seed(2)
    same = build_network(RunConfig(seed=3), 2).state_dict()
    other = build_network(RunConfig(seed=4), 2).state_dict()
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["net.0.weight"], other["net.0.weight"])


@pytest.mark.parametrize(("detail", "coarse"), [(4.0, 1.5), (16.0, 3.0)])
def test_position_frequencies_have_two_scales(detail: float, coarse: float) -> None:
    network = build_network(RunConfig(position_features=512, position_detail=detail), 4)
    low, high = network.frequencies[:, :256], network.frequencies[:, 256:]
    assert float(low.std()) == pytest.approx(coarse, rel=0.1)
    assert float(high.std()) == pytest.approx(detail, rel=0.1)
    assert "frequencies" not in dict(network.named_parameters())


def test_two_time_maps_see_both_times_and_one_time_maps_the_span_only() -> None:
    x = torch.randn(30, 2)
    early, late = torch.full((30, 1), 0.2), torch.full((30, 1), 0.6)
    shifted = (early + 0.3, late + 0.3)
    for method, same in (("article", True), ("semigroup", False)):
        flow_map = build_flow_map(RunConfig(method=method), 2)
        first, second = flow_map(x, early, late), flow_map(x, *shifted)
        assert torch.allclose(first, second, atol=1e-6, rtol=0) == same


@pytest.mark.parametrize("fault", ["missing", "unknown", "shape"])
def test_weights_that_do_not_fit_are_refused(fault: str, small_config: RunConfig) -> None:
    flow_map = build_flow_map(small_config, 2)
    weights = {k: v.numpy() for k, v in build_network(small_config, 2).state_dict().items()}
    if fault == "missing":
        del weights["net.0.bias"]
    elif fault == "unknown":
        weights["net.99.bias"] = weights["net.0.bias"]
    else:
        weights["net.0.bias"] = weights["net.0.bias"][:-1]
    with pytest.raises(RuntimeError):
        load_weights(flow_map, weights)
