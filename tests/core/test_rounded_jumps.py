"""Jumps in whole numbers of 16 bits end where those in floats do, to what nobody sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.networks import FlowMapNet
from flowmap_studio.core.presets import read_preset
from flowmap_studio.resources import asset
from tests.core.test_native import draws, make_network

TIMES = [0.0, 0.3, 0.7, 1.0]
SHAPES: list[dict[str, Any]] = [
    {"hidden_dim": 256},
    {"hidden_dim": 96, "depth": 4, "position_features": 48},
    {"hidden_dim": 160, "dim": 3, "position_features": 16, "depth": 3},
    {"hidden_dim": 32, "dim": 1, "position_features": 16, "times": 1},
    {"hidden_dim": 32, "depth": 1, "position_features": 0, "times": 1},
]


def jumps(network: FlowMapNet, x: torch.Tensor, *, rounded: bool, begun: bool = False) -> Any:
    clock = "both" if network.time_mlp[0].in_features == 2 else "elapsed"
    flow_map = FlowMap(network, clock=clock, residual=True)
    flow_map.round_off(rounded=rounded)
    with torch.inference_mode():
        return flow_map.jumps(x, TIMES, flow_map.begin(x) if begun else None)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("rows", [1, 91, 250])
@pytest.mark.parametrize("begun", [False, True])
def test_they_end_beside_those_in_floats(
    shape: dict[str, Any], rows: int, begun: bool, use: Callable[[bool], None]
) -> None:
    network, x = make_network(**shape), draws(rows, shape.get("dim", 2), 2, 0)[0]
    exact = jumps(network, x, rounded=False, begun=begun)
    found = jumps(network, x, rounded=True, begun=begun)
    moved = (exact - x).norm(dim=1).square().mean().sqrt()
    beside = (found - exact).norm(dim=1)
    assert beside.max() < 2e-3 * moved
    if shape.get("position_features") != 0 or shape.get("depth") != 1:
        assert beside.max() > 0  # they were rounded
    again = jumps(network, x, rounded=False, begun=begun)
    torch.testing.assert_close(again, exact, rtol=0, atol=0)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("rows", [95, 97, 410, 1000])
def test_ends_do_not_depend_on_who_makes_them(
    threads: int, rounded: bool, rows: int, use: Callable[[bool], None]
) -> None:
    network, x = make_network(hidden_dim=64, position_features=16), draws(rows, 2, 2, 0)[0]
    network.threads = 1
    alone = jumps(network, x, rounded=rounded)
    network.threads = threads
    for _ in range(5):
        torch.testing.assert_close(jumps(network, x, rounded=rounded), alone, rtol=0, atol=0)


def test_sums_of_one_sign_have_room(use: Callable[[bool], None]) -> None:
    """All activations as large as they can be, and weights that are all added up: were there no
    room for a sum it would come out with the other sign."""
    network = make_network(hidden_dim=256, position_features=64)
    signs = torch.ones(256)
    signs[::2] = -1
    with torch.no_grad():
        network.frequencies.zero_()  # all cosines are 1
        for layer, norm in zip(network.net[0:6:3], network.net[1:6:3], strict=True):
            layer.weight.copy_(signs[:, None].expand_as(layer.weight))
            layer.bias.zero_()
            norm.weight.zero_()
            norm.bias.fill_(3.0)
        network.net[4].weight.fill_(1.0)  # of the signs of the last sums
        network.net[4].bias.zero_()
    x = torch.full((12, 2), 0.5)
    exact, found = (jumps(network, x, rounded=rounded) for rounded in (False, True))
    assert (exact - x).abs().min() > 0.1
    torch.testing.assert_close(found, exact, rtol=1e-3, atol=0)


def test_what_is_no_number_stays_so(use: Callable[[bool], None]) -> None:
    network, x = make_network(hidden_dim=32, position_features=16), draws(24, 2, 2, 0)[0]
    x[3] = torch.nan
    lost = jumps(network, x, rounded=True).isnan()
    assert lost[3].all()
    assert not lost[torch.arange(24) != 3].any()
    with torch.no_grad():
        network.net[3].weight[5, 7] = torch.nan
    assert jumps(network, x, rounded=True).isnan().all()
    network = make_network(hidden_dim=32, position_features=16)
    with torch.no_grad():
        network.net[1].weight[3] = torch.nan  # of one activation of each row
    assert jumps(network, x, rounded=True).isnan().all()


@pytest.mark.parametrize("name", ["moons", "8gaussians", "mean-collapse"])
def test_a_trained_map_shows_the_same_picture(name: str, use: Callable[[bool], None]) -> None:
    snapshot = read_preset(asset("presets", f"{name}.flowmap")).snapshot
    loaded = LoadedMap(snapshot)
    noise = loaded.noise(1000, 0)
    exact = loaded.at(noise, 0.8, 8)
    loaded.round_off(rounded=True)
    beside = np.linalg.norm(loaded.at(noise, 0.8, 8) - exact, axis=1)
    wide = np.ptp(snapshot.data, axis=0).max()
    assert 0 < np.sqrt(np.mean(beside**2)) < 1e-4 * wide  # a tenth of a pixel of a large window
    assert beside.max() < 2e-3 * wide
    loaded.round_off(rounded=False)
    assert np.array_equal(loaded.at(noise, 0.8, 8), exact)
