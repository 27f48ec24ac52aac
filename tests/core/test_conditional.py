"""Labels, sources and guidance: conditional maps, and maps from one target to another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.couplings import entropic_partners, pair
from flowmap_studio.core.errors import DataError
from flowmap_studio.core.flow_map import build_flow_map
from flowmap_studio.core.guidance import Guide, GuidedMap
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.presets import Preset, read_preset, write_preset
from flowmap_studio.core.run import Run
from flowmap_studio.core.targets import SHAPES, open_for, open_target

MODES = ["moons", "checkerboard", "8gaussians", "spiral", "rings", "pinwheel"]


def trained(**changes: Any) -> LoadedMap:
    values = {"hidden_dim": 64, "time_embed_dim": 16, "batch_size": 256, "learning_rate": 3e-3}
    config = RunConfig(**values | {"steps": 400, "ema_decay": 0.98, "device": "cpu"} | changes)
    run = Run(config, *open_for(config))
    for _ in run.run():
        pass
    return LoadedMap(run.snapshot())


# Labels of targets


@pytest.mark.parametrize("name", SHAPES)
def test_labels_come_with_the_very_points(name: str) -> None:
    shape = SHAPES[name]
    points, labels = shape.sample_labelled(500, torch.Generator().manual_seed(1))
    assert torch.equal(points, shape.sample(500, torch.Generator().manual_seed(1)))
    assert labels.dtype == torch.int64
    assert set(labels.tolist()) == set(range(max(1, len(shape.classes))))
    assert bool(shape.classes) == (name in MODES)


def test_labels_name_the_part_that_a_point_is_of() -> None:
    draw = torch.Generator().manual_seed(2)
    points, labels = SHAPES["8gaussians"].sample_labelled(2000, draw)
    nearest = torch.round(torch.atan2(points[:, 1], points[:, 0]) / (np.pi / 4)) % 8
    assert float((nearest == labels).float().mean()) > 0.99
    points, labels = SHAPES["rings"].sample_labelled(2000, draw)
    assert torch.equal(torch.round(points.norm(dim=1) * 1.5).long() - 1, labels)
    points, labels = SHAPES["checkerboard"].sample_labelled(2000, draw)
    cells = {tuple(torch.floor(p).tolist()) for p in points[labels == 3]}
    assert len(cells) == 1


def test_the_last_column_of_a_file_is_the_label_when_told_so(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    rows[:, 2] = np.arange(60) % 3 * 10
    path = tmp_path / "mine.csv"
    np.savetxt(path, rows, delimiter=",")
    assert open_target(str(path)).dim == 3
    labelled = open_target(str(path), labelled=True)
    assert labelled.dim == 2
    assert labelled.classes == ("0", "10", "20")
    points, labels = labelled.sample_labelled(100, torch.Generator().manual_seed(0))
    known = {tuple(np.float32(row[:2]).tolist()): int(row[2]) // 10 for row in rows}
    assert [known[tuple(p.tolist())] for p in points] == labels.tolist()


def test_labels_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="swissroll has no labels"):
        open_for(RunConfig(target="swissroll", labels="on"))
    path = tmp_path / "two.csv"
    np.savetxt(path, np.random.default_rng(0).normal(size=(20, 2)), delimiter=",")
    with pytest.raises(DataError, match="three columns"):
        open_for(RunConfig(target=str(path), labels="on"))
    np.savetxt(path, np.random.default_rng(0).normal(size=(200, 3)), delimiter=",")
    with pytest.raises(DataError, match="200 different values"):
        open_for(RunConfig(target=str(path), labels="on"))


# Couplings


def test_conditional_pairs_stay_within_their_class() -> None:
    draw = torch.Generator().manual_seed(0)
    x1, labels = SHAPES["8gaussians"].sample_labelled(300, draw)
    x0 = torch.randn(300, 2, generator=draw)
    partner = pair(x0, x1, RunConfig(coupling="ot", ot_batch=64), labels=labels)
    assert sorted(partner.tolist()) == list(range(300))
    assert torch.equal(labels[partner], labels)
    free = pair(x0, x1, RunConfig(coupling="ot", ot_batch=64))
    assert not torch.equal(labels[free], labels)


def test_entropic_plan_of_two_points_is_the_closed_form() -> None:
    """Two against two: P(kept) = 1 / (1 + exp(−(c_swapped − c_kept)/ε)) with c summed over both."""
    x0 = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    x1 = torch.tensor([[0.1, 0.0], [0.9, 0.0]])
    draw = torch.Generator().manual_seed(0)
    for entropy in (0.5, 2.0):
        kept = torch.stack([entropic_partners(x0, x1, entropy, draw) for _ in range(3000)])
        share = float((kept[:, 0] == 0).float().mean())
        # Two by two with even marginals: P00/P01 = exp((c01 + c10 − c00 − c11)/(2ε)).
        odds = np.exp((0.81 + 0.81 - 0.01 - 0.01) / (2 * entropy))
        assert share == pytest.approx(odds / (1 + odds), abs=0.03)


def test_small_entropy_is_the_assignment_and_large_is_independent() -> None:
    draw = torch.Generator().manual_seed(3)
    x0, x1 = torch.randn(64, 2, generator=draw), torch.randn(64, 2, generator=draw)
    cost = {}
    for entropy in (0.005, 100.0):
        partner = entropic_partners(x0, x1, entropy, draw)
        cost[entropy] = float((x0 - x1[partner]).square().sum(dim=1).mean())
    best = pair(x0, x1, RunConfig(coupling="ot"))
    least = float((x0 - x1[best]).square().sum(dim=1).mean())
    assert cost[0.005] == pytest.approx(least, rel=0.15)
    assert cost[100.0] == pytest.approx(float(torch.cdist(x0, x1).square().mean()), rel=0.3)


# Maps


def test_a_conditional_map_draws_the_class_it_is_told() -> None:
    loaded = trained(target="rings", labels="on", steps=600)
    for label, radius in (("inner", 2 / 3), ("outer", 2.0)):
        made = np.linalg.norm(loaded.sample(1000, 4, seed=1, label=label), axis=1)
        assert np.median(made) == pytest.approx(radius, rel=0.1)
    mixed = np.linalg.norm(loaded.sample(3000, 4, seed=1), axis=1)
    shares = np.histogram(mixed, bins=[0, 1, 5 / 3, 9])[0] / 3000
    np.testing.assert_allclose(shares, 1 / 3, atol=0.08)
    assert np.array_equal(
        loaded.sample(50, 1, seed=1, label="0"), loaded.sample(50, 1, seed=1, label="inner")
    )
    with pytest.raises(DataError, match="no class 'square'; choose from inner, middle, outer"):
        loaded.sample(5, 1, seed=0, label="square")


def test_labels_for_a_map_without_are_refused() -> None:
    loaded = trained(steps=1)
    with pytest.raises(DataError, match="without labels"):
        loaded.sample(5, 1, seed=0, label="upper")


def test_guidance_blends_the_null_class_and_the_class(small_config: RunConfig) -> None:
    flow_map = build_flow_map(small_config.replace(labels="on"), 2, classes=3)
    with torch.no_grad():
        flow_map.network.net[-1].weight.mul_(100)
    x, s = torch.randn(9, 2), torch.rand(9, 1) / 2
    t = s + 0.4
    cond = torch.eye(3).repeat(3, 1)
    null, told = flow_map(x, s, t), flow_map(x, s, t, cond)
    assert not torch.allclose(null, told)
    torch.testing.assert_close(GuidedMap(flow_map, Guide(cond, 1.0))(x, s, t), told)
    torch.testing.assert_close(GuidedMap(flow_map, Guide(cond, 0.0))(x, s, t), null)
    beyond = GuidedMap(flow_map, Guide(cond, 2.0))(x, s, t)
    torch.testing.assert_close(beyond, 2 * told - null, rtol=1e-4, atol=1e-5)


# Sources


def test_a_map_between_targets_starts_from_its_source(tmp_path: Path) -> None:
    loaded = trained(source="8gaussians", target="moons")
    start = loaded.source(2000, seed=0)
    assert np.linalg.norm(start, axis=1).mean() == pytest.approx(2.0, rel=0.05)
    path = tmp_path / "a.flowmap"
    write_preset(path, Preset(snapshot=loaded.snapshot, title="a"))
    again = LoadedMap(read_preset(path).snapshot)
    np.testing.assert_array_equal(again.source(2000, seed=0), start)
    np.testing.assert_array_equal(again.sample(100, 3, seed=5), loaded.sample(100, 3, seed=5))


def test_the_users_source_travels_with_the_preset(tmp_path: Path) -> None:
    cloud = np.random.default_rng(0).uniform(-1, 1, (400, 2))
    file = tmp_path / "cloud.npy"
    np.save(file, cloud)
    loaded = trained(source=str(file), target="moons", steps=5)
    path = tmp_path / "a.flowmap"
    write_preset(path, Preset(snapshot=loaded.snapshot, title="a"))
    file.unlink()
    read = read_preset(path).snapshot
    assert read.config.source == "cloud.npy"
    made = LoadedMap(read).source(300, seed=2)
    np.testing.assert_allclose(made, loaded.source(300, seed=2), atol=1e-5)
    gap = np.linalg.norm(made[:, None] - cloud[None], axis=2).min(axis=1)
    assert gap.max() < 1e-5


def test_source_and_target_must_have_one_dimension(tmp_path: Path) -> None:
    np.save(tmp_path / "deep.npy", np.random.default_rng(0).normal(size=(30, 3)))
    with pytest.raises(DataError, match="3 axes and the target moons 2"):
        open_for(RunConfig(source=str(tmp_path / "deep.npy")))
