"""Distances have their known values on clouds whose distance is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.loaded_map import ROWS_AT_ONCE, LoadedMap
from flowmap_studio.core.metrics import (
    Referee,
    checkerboard_detail,
    coverage,
    energy_distance,
    exact_w2,
    preset_metrics,
    sliced_w2,
    spread_ratio,
)
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.probes import fold_share
from flowmap_studio.core.randomness import Stream, generator, source_noise
from flowmap_studio.core.samplers import composed, even_times, jump
from flowmap_studio.core.targets import PointTarget, open_target
from flowmap_studio.core.trainer import Trainer


def cloud(count: int, dim: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dim", [2, 3, 8])
@pytest.mark.parametrize("length", [0.1, 3.0])
def test_a_shift_has_its_length(dim: int, length: float) -> None:
    x = cloud(800, dim)
    way = torch.nn.functional.normalize(cloud(1, dim, seed=9), dim=1) * length
    assert sliced_w2(x, x + way) == pytest.approx(length / dim**0.5, rel=0.12)
    assert exact_w2(x, x + way) == pytest.approx(length, rel=1e-4)


def test_a_cloud_is_at_no_distance_from_itself() -> None:
    x = cloud(700)
    shuffled = x[torch.randperm(700)]
    assert sliced_w2(x, shuffled) == 0
    assert exact_w2(x, shuffled) < 1e-6
    assert energy_distance(x, shuffled) < 0.1


def test_sliced_w2_of_a_stretch_is_exact() -> None:
    """Along each direction W2 between x and c·x is |c − 1| · rms, whatever the direction."""
    x = cloud(5000)
    rms = float((x.double().square().sum(dim=1).mean() / 2).sqrt())
    assert sliced_w2(x, 1.5 * x) == pytest.approx(0.5 * rms, rel=0.03)
    assert sliced_w2(x, 1.5 * x) == sliced_w2(1.5 * x, x)


def test_sliced_w2_is_repeatable_and_takes_one_shape() -> None:
    x, y = cloud(500), cloud(500, seed=1)
    assert sliced_w2(x, y) == sliced_w2(x, y)
    assert sliced_w2(x, y, generator(1, Stream.METRICS)) != sliced_w2(x, y)
    with pytest.raises(ValueError, match="shape"):
        sliced_w2(x, y[:-1])


def test_exact_w2_looks_at_as_many_points_as_it_is_told() -> None:
    x = cloud(50)
    y = x.clone()
    y[30:] += 100
    assert exact_w2(x, y, count=30) < 1e-6
    assert exact_w2(x, y) > 50


def test_energy_distance_equals_its_definition_and_sees_a_shift() -> None:
    x, y = cloud(60).double(), cloud(60, seed=1).double() + 1
    between = torch.tensor([[float((a - b).norm()) for b in y] for a in x]).mean()
    pairs = [(i, j) for i in range(60) for j in range(60) if i != j]
    within = sum(np.mean([float((z[i] - z[j]).norm()) for i, j in pairs]) for z in (x, y))
    assert energy_distance(x, y) == pytest.approx((2 * float(between) - within) ** 0.5, rel=1e-5)
    far = [energy_distance(cloud(400), cloud(400, seed=1) + shift) for shift in (0.0, 0.5, 2.0)]
    assert far == sorted(far)
    assert far[0] < 0.12


def test_coverage_sees_missing_modes_that_data_covers() -> None:
    left, right = cloud(2000) * 0.2, cloud(2000, seed=1) * 0.2 + 5
    data = torch.cat([left, right])[torch.randperm(4000)]
    fresh = torch.cat([cloud(2000, seed=2) * 0.2, cloud(2000, seed=3) * 0.2 + 5])
    assert coverage(fresh[torch.randperm(4000)], data) > 0.93
    assert coverage(cloud(4000, seed=4) * 0.2, data) == pytest.approx(0.5, abs=0.05)
    assert coverage(torch.full((4000, 2), 50.0), data) == 0


def test_spread_ratio() -> None:
    x = cloud(900, 3)
    assert spread_ratio(x * 0.25 + 7, x) == pytest.approx(0.25, rel=1e-5)
    assert spread_ratio(torch.ones(900, 3), x) == 0


def test_checkerboard_detail_of_exact_and_uniform_clouds() -> None:
    exact = open_target("checkerboard").sample(100_000, generator(0, Stream.SPLIT)).numpy()
    good = checkerboard_detail(exact)
    assert good["forbidden_mass"] == 0
    assert good["histogram_kl"] < 0.012
    uniform = np.random.default_rng(0).uniform(-2, 2, (100_000, 2))
    bad = checkerboard_detail(uniform)
    assert bad["forbidden_mass"] == pytest.approx(0.5, abs=0.01)
    assert bad["histogram_kl"] == pytest.approx(np.log(2), abs=0.02)
    outside = exact + 10
    assert checkerboard_detail(outside)["forbidden_mass"] == 1


# Samplers and the evaluator


def test_composed_sampling_hands_each_point_on() -> None:
    seen = []

    def flow_map(x: torch.Tensor, s: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        assert s.shape == t.shape == (len(x), 1)
        seen.append((float(s[0]), float(t[0])))
        return x * 10 + t

    x = torch.ones(3, 2)
    found = composed(flow_map, x, [0.0, 0.25, 1.0])  # type: ignore[arg-type]
    assert seen == [(0.0, 0.25), (0.25, 1.0)]
    assert torch.equal(found, torch.full((3, 2), (10 + 0.25) * 10 + 1))
    assert torch.equal(jump(flow_map, x, 0.5, 1.0), 10 * x + 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("steps", [1, 3, 7, 64])
def test_even_times_end_exactly(steps: int) -> None:
    times = even_times(0.1, 0.9, steps)
    assert len(times) == steps + 1
    assert (times[0], times[-1]) == (0.1, 0.9)
    assert np.diff(times) == pytest.approx(0.8 / steps)


@pytest.fixture
def loaded(small_config: RunConfig) -> LoadedMap:
    trainer = Trainer(small_config, open_target("checkerboard"))
    list(trainer.run())
    return LoadedMap(trainer.snapshot())


def test_loaded_map_works_in_data_units(loaded: LoadedMap) -> None:
    units = loaded.snapshot.normalisation
    noise = source_noise(ROWS_AT_ONCE + 10, 2, 3)  # more than one part
    np.testing.assert_array_equal(loaded.source(len(noise), 3), units.undo(noise.numpy()))
    once = loaded.sample(len(noise), 1, 3)
    with torch.no_grad():
        direct = jump(loaded.flow_map, noise, 0.0, 1.0)
    np.testing.assert_allclose(once, units.undo(direct.numpy()), atol=1e-5)
    np.testing.assert_array_equal(loaded.at(noise, 1.0, 1), once)
    np.testing.assert_allclose(
        loaded.carry(loaded.source(len(noise), 3), 0.0, 1.0, 4),
        loaded.sample(len(noise), 4, 3),
        atol=1e-5,
    )
    still = loaded.carry(loaded.snapshot.data, 0.4, 0.4, 1)
    np.testing.assert_allclose(still, loaded.snapshot.data, atol=1e-6)
    assert loaded.sample(0, 1, 3).shape == (0, 2)


def test_loaded_map_keeps_its_own_weights(loaded: LoadedMap) -> None:
    before = loaded.snapshot.weights["net.0.weight"].copy()
    with torch.no_grad():
        for parameter in loaded.flow_map.parameters():
            parameter.zero_()
    np.testing.assert_array_equal(loaded.snapshot.weights["net.0.weight"], before)


# The referee


def test_referee_compares_all_maps_with_the_same_held_out_data(loaded: LoadedMap) -> None:
    target = open_target("checkerboard")
    units = loaded.snapshot.normalisation
    referee, again = (Referee(target, units, count=2000) for _ in range(2))
    assert torch.equal(referee.data, again.data)
    assert referee.judge(loaded, 2) == again.judge(loaded, 2)
    figures, floors = referee.judge(loaded, 1), referee.floors()
    assert set(figures) == set(floors)
    assert {"sliced_w2", "w2", "coverage", "forbidden_mass", "histogram_kl"} <= set(figures)
    assert floors["sliced_w2"] == referee.floor < 0.1
    assert floors["sliced_w2"] < figures["sliced_w2"]
    assert floors["forbidden_mass"] == pytest.approx(0, abs=1e-3)
    assert figures["sliced_w2"] == referee.one_figure(loaded, 1)
    stored = preset_metrics(referee, loaded, (1, 4))
    assert set(stored) == {
        "sliced_w2_1",
        "sliced_w2_4",
        "sliced_w2_floor",
        "spread_ratio",
        "folded_share",
    }
    assert stored["folded_share"] == fold_share(loaded)
    assert stored["sliced_w2_4"] == referee.one_figure(loaded, 4)
    assert stored["spread_ratio"] == pytest.approx(figures["spread_ratio"])


def test_referee_of_a_file_judges_on_disjoint_halves() -> None:
    points = cloud(100).numpy()
    target = PointTarget("mine.csv", points)
    referee = Referee(target, Normalisation.fit(points, "none"), count=10_000)
    assert len(referee.data) == 50
    assert "forbidden_mass" not in referee.floors()
    rows = {tuple(row) for row in torch.cat([referee.data, referee._other]).tolist()}
    assert len(rows) == 100
