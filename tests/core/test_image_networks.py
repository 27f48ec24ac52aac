"""Networks for images: shapes, exact identity, derivatives, classes, flat weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import ConfigError
from flowmap_studio.core.flat import FlatWeights
from flowmap_studio.core.flow_map import build_flow_map
from flowmap_studio.core.guidance import Guide, GuidedMap
from flowmap_studio.core.images import ImageShape
from flowmap_studio.core.network_shapes import network_kind, unet_levels, weight_shapes
from flowmap_studio.core.networks import build_network

TINY = {"hidden_dim": 32, "depth": 1, "time_embed_dim": 8}
SHAPES = [ImageShape(8, 8), ImageShape(5, 6, 3), ImageShape(16, 8, 1)]
KINDS = ["resmlp", "unet"]


@pytest.mark.parametrize("kind", [*KINDS, "mlp"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("changes", "classes"),
    [
        ({}, 0),
        ({"method": "article"}, 3),
        ({"method": "flow-matching", "depth": 3}, 1),
        ({"method": "schrodinger-bridge", "hidden_dim": 1, "time_embed_dim": 1}, 2),
    ],
)
def test_shapes_are_known_in_advance(
    kind: str, shape: ImageShape, changes: dict[str, Any], classes: int
) -> None:
    config = RunConfig(network=kind, **{**TINY, **changes})
    network = build_network(config, shape.dim, classes, shape)
    real = {name: tuple(part.shape) for name, part in network.state_dict().items()}
    assert weight_shapes(config, shape.dim, classes, shape) == real
    flow_map = build_flow_map(config, shape.dim, classes, shape)
    x = torch.randn(3, shape.dim)
    assert flow_map(x, torch.zeros(3, 1), torch.ones(3, 1)).shape == x.shape


def test_auto_is_an_mlp_for_points_and_a_residual_one_for_images() -> None:
    assert network_kind(RunConfig(), None) == "mlp"
    assert network_kind(RunConfig(), SHAPES[0]) == "resmlp"
    with pytest.raises(ConfigError, match="needs images"):
        network_kind(RunConfig(network="unet"), None)
    with pytest.raises(ConfigError, match="goes with network mlp"):
        network_kind(RunConfig(density_head="on"), SHAPES[0])


@pytest.mark.parametrize(
    ("shape", "levels"),
    [((8, 8), 1), ((28, 28), 2), ((32, 32), 2), ((7, 8), 0), ((6, 6), 0), ((12, 12), 1)],
)
def test_even_sides_are_halved(shape: tuple[int, int], levels: int) -> None:
    assert unet_levels(ImageShape(*shape)) == levels


def _grown(kind: str, classes: int = 0, method: str = "semigroup") -> Any:
    """A map in float64 whose last layer is not nearly 0."""
    config = RunConfig(network=kind, method=method, **TINY)
    flow_map = build_flow_map(config, 64, classes, SHAPES[0]).double()
    with torch.no_grad():
        flow_map.network.last.weight.mul_(100)
        flow_map.network.last.bias.normal_()
    return flow_map


@pytest.mark.parametrize("kind", KINDS)
def test_the_identity_is_exact_and_the_start_near_it(kind: str) -> None:
    flow_map = build_flow_map(RunConfig(network=kind, **TINY), 64, 0, SHAPES[0])
    x, s = torch.randn(9, 64), torch.rand(9, 1)
    assert torch.equal(flow_map(x, s, s), x)
    moved = flow_map(x, torch.zeros(9, 1), torch.ones(9, 1))
    assert 0 < float((moved - x).detach().abs().max()) < 0.2


@pytest.mark.parametrize("kind", KINDS)
def test_forward_derivatives_are_those_of_differences(kind: str) -> None:
    flow_map = _grown(kind)
    draw = torch.Generator().manual_seed(5)
    x, v = (torch.randn(4, 64, generator=draw, dtype=torch.float64) for _ in range(2))
    s, t = torch.full((4, 1), 0.2).double(), torch.full((4, 1), 0.7).double()
    one = torch.ones_like(s)
    along = torch.func.jvp(lambda x, s, t: flow_map(x, s, t), (x, s, t), (v, one, -one))[1]
    h = 1e-5
    ahead = flow_map(x + h * v, s + h, t - h)
    behind = flow_map(x - h * v, s - h, t + h)
    torch.testing.assert_close(along, (ahead - behind) / (2 * h), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_stand_where_the_data_has_them(kind: str) -> None:
    """A U-Net sees neighbours only: a change in one corner can't move the far corner at once."""
    config = RunConfig(network=kind, hidden_dim=32, depth=1, time_embed_dim=8)
    shape = ImageShape(33, 33)  # odd: no coarser scale, which would see everything
    network = build_network(config, shape.dim, 0, shape).double()
    x = torch.zeros(1, shape.dim, dtype=torch.float64, requires_grad=True)
    out = network(x, torch.zeros(1, 2, dtype=torch.float64))
    (slope,) = torch.autograd.grad(out[0, 40], x)  # row 1, column 7
    seen = slope.reshape(33, 33) != 0
    assert bool(seen[1, 7])
    # Normalisation sees all of an image, faintly; the convolutions do by far the most nearby.
    near = slope.reshape(33, 33)[:8, :14].abs().max()
    far = slope.reshape(33, 33)[20:, 20:].abs().max()
    assert (float(far) < 0.05 * float(near)) == (kind == "unet")


@pytest.mark.parametrize("kind", KINDS)
def test_the_null_class_is_all_zeros_and_guidance_extrapolates(kind: str) -> None:
    flow_map = _grown(kind, classes=3)
    x, s = torch.randn(4, 64).double(), torch.zeros(4, 1).double()
    t = torch.ones_like(s)
    cond = torch.nn.functional.one_hot(torch.tensor([0, 1, 2, 2]), 3).double()
    null, told = flow_map(x, s, t), flow_map(x, s, t, cond)
    assert torch.equal(null, flow_map(x, s, t, torch.zeros(4, 3).double()))
    assert not torch.allclose(null, told)
    guided = GuidedMap(flow_map, Guide(cond, 2.5))(x, s, t)
    torch.testing.assert_close(guided, null + 2.5 * (told - null))


@pytest.mark.parametrize("kind", KINDS)
def test_flat_weights_are_the_networks_own(kind: str) -> None:
    flow_map = build_flow_map(RunConfig(network=kind, **TINY), 64, 0, SHAPES[0])
    x, s, t = torch.randn(4, 64), torch.zeros(4, 1), torch.ones(4, 1)
    before = flow_map(x, s, t).detach()
    flat = FlatWeights(flow_map.network)
    assert torch.equal(flow_map(x, s, t), before)
    flow_map(x, s, t).square().sum().backward()
    joined = torch.cat([p.grad.reshape(-1) for p in flow_map.network.parameters()])
    assert flat.vector.grad is not None
    assert torch.equal(flat.vector.grad, joined)
    assert float(joined.abs().sum()) > 0
    with torch.no_grad():
        flat.vector.zero_()
    assert torch.equal(flow_map(x, s, t), x)


@pytest.mark.parametrize("kind", KINDS)
def test_the_start_depends_on_the_seed_alone(kind: str) -> None:
    def made(seed: int) -> dict[str, torch.Tensor]:
        config = RunConfig(network=kind, seed=seed, **TINY)
        return build_network(config, 64, 2, SHAPES[0]).state_dict()

    torch.manual_seed(1)
    first = made(3)
    torch.manual_seed(2)
    assert all(torch.equal(part, first[name]) for name, part in made(3).items())
    assert not torch.equal(made(4)["first.weight"], first["first.weight"])
