"""The density head: what it is taught is exact, what it learns is near, the map is left alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.density_head import (
    MAX_DIM,
    check_head,
    exact_log_volume,
    head_loss,
    log_densities,
)
from flowmap_studio.core.errors import ConfigError, DataError
from flowmap_studio.core.flow_map import build_flow_map
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.objectives import Batch
from flowmap_studio.core.packing import pack
from flowmap_studio.core.presets import read_preset, write_preset
from flowmap_studio.core.run import Run
from flowmap_studio.core.stages import plan
from flowmap_studio.core.targets import SHAPES, PointTarget

TINY: dict[str, Any] = {
    "hidden_dim": 8,
    "time_embed_dim": 4,
    "depth": 1,
    "position_features": 4,
    "batch_size": 32,
    "ot_batch": 32,
    "steps": 12,
    "warmup_steps": 2,
    "device": "cpu",
}


def trained(target: Any = SHAPES["moons"], **changes: Any) -> tuple[LoadedMap, np.ndarray]:
    run = Run(RunConfig(**TINY | {"density_head": "on"} | changes), target)
    rows = np.concatenate([progress.losses for progress in run.run()])
    return LoadedMap(run.snapshot()), rows


def test_the_volume_of_an_affine_map_is_its_determinants() -> None:
    matrix = torch.tensor([[2.0, 1.0, 0.0], [0.5, -1.0, 3.0], [0.0, 1.0, 1.0]]).double()

    def affine(x: Any, _s: Any, t: torch.Tensor, _cond: Any) -> torch.Tensor:
        return t * (x @ matrix.T) + 1.0

    x = torch.randn(20, 3, generator=torch.Generator().manual_seed(0)).double()
    t = torch.linspace(0.1, 1, 20).double()[:, None]
    expected = math.log(abs(float(torch.linalg.det(matrix)))) + 3 * t.log()
    torch.testing.assert_close(exact_log_volume(affine, x, t), expected)


@pytest.mark.parametrize("method", ["semigroup", "article"])
def test_the_volume_of_a_network_agrees_with_finite_differences(method: str) -> None:
    config = RunConfig(**TINY | {"method": method})
    flow_map = build_flow_map(config, 2).double()
    with torch.no_grad():
        for weight in flow_map.parameters():
            weight.mul_(3)
    draw = torch.Generator().manual_seed(0)
    x, t = torch.randn(30, 2, generator=draw).double(), torch.rand(30, 1, generator=draw).double()
    step = 1e-5
    columns = [
        (flow_map(x + step * axis, 0 * t, t) - flow_map(x - step * axis, 0 * t, t)) / (2 * step)
        for axis in torch.eye(2).double()
    ]
    expected = torch.linalg.slogdet(torch.stack(columns, dim=-1)).logabsdet[:, None]
    assert float(expected.detach().abs().max()) > 0.05
    torch.testing.assert_close(
        exact_log_volume(flow_map, x, t), expected.detach(), atol=1e-7, rtol=1e-6
    )


def test_the_term_teaches_the_head_alone_and_is_zero_when_it_is_right() -> None:
    config = RunConfig(**TINY | {"density_head": "on"})
    flow_map = build_flow_map(config, 2)
    draw = torch.Generator().manual_seed(0)
    batch = Batch(
        torch.randn(32, 2, generator=draw), torch.zeros(32, 2), torch.rand(32, 3, generator=draw)
    )
    head_loss(flow_map, batch).backward()
    taught = {name for name, p in flow_map.network.named_parameters() if p.grad is not None}
    assert taught == {n for n, _ in flow_map.network.named_parameters() if n.startswith("density")}
    t = torch.full((32, 1), 0.5)
    assert torch.equal(flow_map.log_volume(batch.x0, 0 * t), 0 * t)

    def exactly(x: Any, t: Any, cond: Any) -> torch.Tensor:
        return exact_log_volume(flow_map, x, t, cond)

    flow_map.log_volume = exactly  # type: ignore[method-assign]
    assert float(head_loss(flow_map, batch)) == 0


def test_the_map_is_trained_as_without_the_head() -> None:
    without, rows = trained(density_head="off", clip_norm=0)
    beside, told = trained(clip_norm=0)
    for name, weights in without.snapshot.weights.items():
        np.testing.assert_allclose(beside.snapshot.weights[name], weights, atol=1e-6)
    assert np.isnan(rows[:, 5]).all()
    match, consistency, _, total, score, density = told.T
    assert np.isnan(score).all()
    np.testing.assert_allclose(total, match + consistency + 0.01 * density, rtol=1e-5)


def test_it_learns_the_density_of_a_gaussian(plane_gaussian: Any) -> None:
    loaded, _ = trained(
        plane_gaussian,
        normalisation="none",
        hidden_dim=64,
        time_embed_dim=32,
        position_features=0,
        batch_size=256,
        ot_batch=128,
        steps=500,
        learning_rate=3e-3,
        warmup_steps=50,
        ema_decay=0.98,
    )
    noise = loaded.noise(1000, 4)
    learned, exact = log_densities(loaded, noise)
    samples = loaded.normalised(noise, [0.0, 1.0]).double()
    truth = torch.distributions.MultivariateNormal(plane_gaussian.mean, plane_gaussian.covariance)
    nats = truth.log_prob(samples).numpy()
    assert np.sqrt(np.mean((exact - nats) ** 2)) < 0.3
    assert np.sqrt(np.mean((learned - exact) ** 2)) < 0.1
    found = check_head(loaded)
    assert 0 < found.median_nats < found.rms_nats < 0.1
    # At t = 0 both are the source's own density.
    for nats in log_densities(loaded, noise, 0.0):
        expected = -0.5 * noise.double().square().sum(dim=1) - math.log(2 * math.pi)
        np.testing.assert_allclose(nats, expected, atol=1e-5)


def test_densities_are_in_data_units() -> None:
    narrow, _ = trained(normalisation="none")
    wide = LoadedMap(narrow.snapshot)
    scaled = narrow.snapshot.normalisation.__class__((0.0, 0.0), (10.0, 0.5))
    object.__setattr__(wide.snapshot, "normalisation", scaled)
    noise = wide.noise(10, 0)
    after = log_densities(wide, noise)
    object.__setattr__(wide.snapshot, "normalisation", scaled.__class__((0.0, 0.0), (1.0, 1.0)))
    for one, other in zip(log_densities(wide, noise), after, strict=True):
        np.testing.assert_allclose(one - other, math.log(5.0), rtol=1e-6)


def test_conditional_maps_have_a_head_that_is_told_the_class() -> None:
    loaded, _ = trained(labels="on", learning_rate=0.05, steps=40)
    noise = loaded.noise(50, 0)
    one, other = (torch.eye(2)[[k]].expand(50, 2) for k in (0, 1))
    assert (
        np.abs(
            log_densities(loaded, noise, 1.0, one)[0] - log_densities(loaded, noise, 1.0, other)[0]
        ).max()
        > 0
    )
    assert check_head(loaded, 100).points == 100


def test_a_preset_keeps_the_head(tmp_path: Path) -> None:
    loaded, _ = trained()
    path = tmp_path / "head.flowmap"
    write_preset(path, pack(loaded.snapshot, "Head", {}))
    again = LoadedMap(read_preset(path).snapshot)
    noise = loaded.noise(20, 0)
    assert np.array_equal(log_densities(again, noise)[0], log_densities(loaded, noise)[0])


def test_what_has_no_density() -> None:
    with pytest.raises(ConfigError, match="a density head needs a map"):
        RunConfig(method="flow-matching", density_head="on")
    config = RunConfig(**TINY | {"density_head": "on", "method": "trajectory"})
    assert [stage.config.density_head for stage in plan(config)] == ["off", "on"]
    without, _ = trained(density_head="off")
    with pytest.raises(DataError, match="without a density head"):
        log_densities(without, without.noise(3, 0))


def test_too_many_axes_are_refused_before_the_run() -> None:
    wide = PointTarget("wide", np.random.default_rng(0).normal(size=(50, MAX_DIM + 1)))
    with pytest.raises(DataError, match=f"has {MAX_DIM + 1}"):
        Run(RunConfig(**TINY | {"density_head": "on"}), wide)
