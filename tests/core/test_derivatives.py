"""Derivatives of maps by automatic differentiation against finite differences, in float64."""

from __future__ import annotations

import pytest
import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flow_map import FlowMap, build_flow_map

# torch 2.13 warns of itself when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
STEP = 1e-5


def smooth_map(method: str, features: int, dim: int) -> FlowMap:
    config = RunConfig(method=method, hidden_dim=24, time_embed_dim=8, position_features=features)
    flow_map = build_flow_map(config, dim).double()
    with torch.no_grad():  # away from the near-identity start
        flow_map.network.net[-1].weight.mul_(100)
    return flow_map


@pytest.mark.parametrize("method", ["semigroup", "article"])
@pytest.mark.parametrize("features", [0, 6])
@pytest.mark.parametrize("dim", [2, 3])
def test_time_derivative_and_jacobian(method: str, features: int, dim: int) -> None:
    flow_map = smooth_map(method, features, dim)
    draw = torch.Generator().manual_seed(8)
    x = torch.randn(40, dim, generator=draw, dtype=torch.float64)
    s, t = torch.rand(2, 40, 1, generator=draw, dtype=torch.float64) * 0.9 + 0.05

    def of_t(time: torch.Tensor) -> torch.Tensor:
        return flow_map(x, s, time)

    with torch.no_grad():
        slope = (of_t(t + STEP) - of_t(t - STEP)) / (2 * STEP)
    found = torch.func.jvp(of_t, (t,), (torch.ones_like(t),))[1].detach()
    torch.testing.assert_close(found, slope, rtol=1e-6, atol=1e-7)

    for axis in range(dim):
        way = torch.zeros_like(x)
        way[:, axis] = 1
        with torch.no_grad():
            ahead, behind = flow_map(x + STEP * way, s, t), flow_map(x - STEP * way, s, t)
        column = torch.func.jvp(lambda p: flow_map(p, s, t), (x,), (way,))[1].detach()
        torch.testing.assert_close(column, (ahead - behind) / (2 * STEP), rtol=1e-6, atol=1e-7)


def test_on_the_diagonal_the_network_is_the_velocity() -> None:
    """∂_t X_{s,t}(x) at t = s is raw(x, s, s) of a two-time map."""
    flow_map = smooth_map("semigroup", 0, 2)
    x, s = torch.randn(20, 2, dtype=torch.float64), torch.rand(20, 1, dtype=torch.float64)
    slope = torch.func.jvp(lambda t: flow_map(x, s, t), (s,), (torch.ones_like(s),))[1]
    torch.testing.assert_close(slope, flow_map.raw(x, s, s))
