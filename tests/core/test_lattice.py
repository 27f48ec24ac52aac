"""Cached steps: exact where interpolation is, of second order elsewhere, whole outside the grid."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from flowmap_studio.core.cached_steps import CHECKED, CachedMap, sample_cached
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import DataError
from flowmap_studio.core.lattice import Lattice
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.samplers import even_times
from flowmap_studio.core.targets import SHAPES
from flowmap_studio.core.trainer import Trainer

TIMES = even_times(0.0, 1.0, 4)


def cloud(count: int = 500, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(count, 2, generator=draw, dtype=torch.float64).float()


def affine(x: torch.Tensor, s: float, t: float) -> torch.Tensor:
    """Turns, stretches and shifts, each by an amount that depends on both times."""
    matrix = torch.tensor([[1.0, t - s], [-(t - s), 1 + s * t]])
    return x @ matrix + torch.tensor([t, -s])


def curved(x: torch.Tensor, s: float, t: float) -> torch.Tensor:
    return x + (t - s) * torch.sin(2 * x.flip(1) + s)


def composed(jump: Any, x: torch.Tensor, times: list[float]) -> torch.Tensor:
    for s, t in pairwise(times):
        x = jump(x, s, t)
    return x


def test_an_affine_map_is_looked_up_exactly() -> None:
    points = cloud()
    lattice = Lattice(affine, points, TIMES, resolution=3)
    assert torch.allclose(lattice.carry(points), composed(affine, points, TIMES), atol=2e-5)


def test_the_error_falls_with_the_square_of_the_resolution() -> None:
    points = cloud()
    truth = composed(curved, points, TIMES)
    errors = [
        float((Lattice(curved, points, TIMES, size).carry(points) - truth).square().mean().sqrt())
        for size in (17, 33, 65)
    ]
    assert errors[0] > 3.5 * errors[1] > 3.5 * 3.5 * errors[2] > 0


def test_points_outside_are_evaluated() -> None:
    lattice = Lattice(curved, cloud(), TIMES, resolution=5)
    far = torch.tensor([[50.0, -3.0], [0.0, 80.0], [-60.0, -60.0]])
    assert not lattice.grids[0].inside(far).any()
    assert torch.equal(lattice.carry(far), composed(curved, far, TIMES))


def test_nothing_inside_is_evaluated_once_the_lattice_stands() -> None:
    evaluated = []

    def counted(x: torch.Tensor, s: float, t: float) -> torch.Tensor:
        evaluated.append(len(x))
        return affine(x, s, t)

    points = cloud()
    lattice = Lattice(counted, points, TIMES, resolution=7)
    evaluated.clear()
    lattice.carry(points)
    assert not evaluated
    lattice.carry(torch.cat([points, points.new_full((2, 2), 1e3)]))
    assert evaluated == [2] * 4


@pytest.mark.parametrize("t", [0.0, 0.25, 0.3, 0.75, 1.0])
def test_between_cached_times_the_rest_is_evaluated(t: float) -> None:
    points = cloud()
    lattice = Lattice(affine, points, TIMES, resolution=3)
    times = [s for s in TIMES if s < t] + [t]
    assert torch.allclose(lattice.carry(points, t), composed(affine, points, times), atol=2e-5)


def test_nodes_are_the_map_itself() -> None:
    grid = Lattice(curved, cloud(), [0.0, 1.0], resolution=9).grids[0]
    corners = torch.stack([grid.low, grid.high, torch.stack([grid.high[0], grid.low[1]])])
    assert torch.allclose(grid.look_up(corners), curved(corners, 0.0, 1.0), atol=1e-5)


def test_only_maps_of_the_plane() -> None:
    with pytest.raises(DataError, match="3 axes"):
        Lattice(affine, torch.zeros(4, 3), TIMES, resolution=5)


def small_map(**changes: Any) -> LoadedMap:
    config = RunConfig(
        hidden_dim=8,
        time_embed_dim=4,
        depth=1,
        position_features=4,
        batch_size=64,
        ot_batch=32,
        steps=30,
        device="cpu",
        **changes,
    )
    trainer = Trainer(config, SHAPES["moons"])
    for _ in trainer.run():
        pass
    return LoadedMap(trainer.snapshot())


def test_a_maps_error_is_the_distance_from_its_composed_samples() -> None:
    loaded = small_map()
    noise = loaded.noise(1000, 3)
    cached = CachedMap(loaded, noise, 4, 9)
    truth = loaded.normalised(noise, TIMES).double()
    gap = (cached.carry(noise).double() - truth).norm(dim=1).numpy()
    found = cached.error(noise)
    assert found.rms == pytest.approx(float(np.sqrt((gap**2).mean())), rel=1e-6)
    assert found.largest == pytest.approx(gap.max(), rel=1e-6)
    assert 0 < CachedMap(loaded, noise, 4, 65).error(noise).rms < found.rms / 10
    assert cached.build_seconds > 0
    assert len(noise) < CHECKED


def test_each_class_has_its_own_lattice() -> None:
    loaded = small_map(labels="on", learning_rate=0.05)
    noise = loaded.noise(400, 3)
    guide = loaded.guide(400, 3, scale=1.5)
    cached = CachedMap(loaded, noise, 4, 129, guide)
    assert guide is not None
    assert cached.error(noise, guide).largest < 1e-2
    swapped = guide._replace(cond=guide.cond.flip(1))
    apart = (cached.carry(noise, guide=swapped) - cached.carry(noise, guide=guide)).abs().max()
    truth = loaded.normalised(noise, TIMES, swapped) - loaded.normalised(noise, TIMES, guide)
    assert float(apart) == pytest.approx(float(truth.abs().max()), abs=2e-2)
    assert float(apart) > 0.1  # the classes matter


def test_cached_samples_are_those_of_the_map_within_the_error_that_is_given() -> None:
    loaded = small_map(labels="on")
    count = CHECKED + 100
    points, cost = sample_cached(loaded, count, 4, 7, 65)
    truth = loaded.sample(count, 4, 7)
    scale = loaded.snapshot.normalisation.scale[0]
    gap = np.linalg.norm(points - truth, axis=1) / scale
    assert np.sqrt((gap[:CHECKED] ** 2).mean()) == pytest.approx(cost.rms_error, rel=1e-3)
    assert gap.max() < 10 * cost.largest_error
    assert 0 < cost.rms_error <= cost.largest_error < 0.1
