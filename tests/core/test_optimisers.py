"""The optimisers against singular value decompositions and against torch's own AdamW."""

from __future__ import annotations

import pytest
import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flat import FlatWeights
from flowmap_studio.core.flow_map import build_flow_map
from flowmap_studio.core.images import ImageShape
from flowmap_studio.core.networks import build_network
from flowmap_studio.core.optimisers import MATRIX_STEP, Muon, build_optimiser, polar_factors

SETTINGS = {"lr": 1e-2, "weight_decay": 0.1, "fused": True}


def polar_factor(blocks: torch.Tensor) -> torch.Tensor:
    return polar_factors([blocks])[0]


@pytest.fixture
def draw() -> torch.Generator:
    return torch.Generator().manual_seed(3)


@pytest.mark.parametrize("shape", [(1, 64, 256), (3, 64, 64), (2, 64, 24)])
def test_polar_factor_has_the_directions_of_the_svd_and_singular_values_near_one(
    shape: tuple[int, int, int], draw: torch.Generator
) -> None:
    blocks = torch.randn(shape, generator=draw, dtype=torch.float64)
    found = polar_factor(blocks)
    left, sizes, right = torch.linalg.svd(blocks, full_matrices=False)
    values = left.mT @ found @ right.mT
    on = torch.diagonal(values, dim1=-2, dim2=-1)
    assert on.min() > 0
    assert on.max() < 1.15
    # Singular values of next to nothing grow, but five polynomials do not bring them to 1.
    assert on[sizes > 1e-3 * sizes.norm(dim=-1, keepdim=True)].min() > 0.85
    assert (values - torch.diag_embed(on)).abs().max() < 1e-6


def test_polar_factor_does_not_mind_the_size_of_what_it_is_given(draw: torch.Generator) -> None:
    blocks = torch.randn(2, 64, 128, generator=draw)
    torch.testing.assert_close(polar_factor(1e-6 * blocks), polar_factor(blocks), atol=1e-4, rtol=0)


def test_polar_factors_of_several_stacks_are_each_their_own(draw: torch.Generator) -> None:
    stacks = [torch.randn(shape, generator=draw) for shape in ((2, 64, 80), (1, 64, 64))]
    for found, blocks in zip(polar_factors(stacks), stacks, strict=True):
        torch.testing.assert_close(found, polar_factor(blocks), atol=1e-5, rtol=0)


def test_polar_factor_of_nothing_is_nothing() -> None:
    assert polar_factors([]) == []
    assert torch.equal(polar_factor(torch.zeros(1, 64, 80)), torch.zeros(1, 64, 80))


def test_muon_steps_along_polar_factors_and_all_else_goes_by_adamw(draw: torch.Generator) -> None:
    rows, columns, rest = 100, 40, 7  # 100 rows are a block of 64 and one of 36
    start = torch.randn(rows * columns + rest, generator=draw)
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    span = slice(0, rows * columns)
    muon = Muon(ours, [(span, (rows, columns))], **SETTINGS)
    adamw = torch.optim.AdamW([theirs], betas=(0.9, 0.999), **SETTINGS)
    momentum = torch.zeros(rows, columns)
    for _ in range(3):
        before = ours.detach()[span].view(rows, columns).clone()
        gradient = torch.randn(start.shape, generator=draw)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        muon.step()
        adamw.step()
        of_matrix = gradient[span].view(rows, columns)
        momentum = 0.9 * momentum + 0.1 * of_matrix
        ahead = 0.9 * momentum + 0.1 * of_matrix
        parts = [polar_factor(part[None])[0] for part in (ahead[:64], ahead[64:])]
        size = 1e-2 * MATRIX_STEP * columns**0.5
        expected = before * (1 - 1e-3) - size * torch.cat(parts)
        found = ours.detach()[span].view(rows, columns)
        torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)
        torch.testing.assert_close(ours.detach()[span.stop :], theirs.detach()[span.stop :])


def test_matrices_of_layers_are_found_and_the_last_one_is_not() -> None:
    config = RunConfig(hidden_dim=48, depth=2, time_embed_dim=32, position_features=10)
    flat = FlatWeights(build_flow_map(config, 20).network)
    # The time's second layer, and two hidden ones of which the first sees x, 20 features, times.
    assert [shape for _, shape in flat.matrices] == [(32, 32), (48, 72), (48, 48)]


def test_convolutions_are_matrices_of_all_that_a_kernel_sees() -> None:
    config = RunConfig(network="unet", hidden_dim=128, depth=1, target="digits")
    network = build_network(config, 64, image=ImageShape(8, 8, 1))
    flat = FlatWeights(network)
    sizes = {shape for _, shape in flat.matrices}
    assert (16, 16 * 9) in sizes
    last = network.last.weight
    start = flat.vector.data_ptr()
    ends = {start + 4 * span.start for span, _ in flat.matrices}
    assert last.data_ptr() not in ends


@pytest.mark.parametrize("name", ["muon", "adam", "adamw"])
def test_every_optimiser_goes_downhill(name: str) -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(32, 32), torch.nn.Linear(32, 1))
    flat = FlatWeights(network)
    optimiser = build_optimiser(
        RunConfig(optimiser=name, learning_rate=1e-2), flat.vector, flat.matrices
    )
    x = torch.randn(64, 32)
    losses = []
    for _ in range(40):
        flat.zero_grad()
        loss = (network(x) - x[:, :1]).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
