"""The named targets are the distributions that their names promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import DataError
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.randomness import Stream, generator
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.target_names import TARGETS
from flowmap_studio.core.targets import SHAPES, PointTarget, open_or_embedded, open_target
from flowmap_studio.core.targets.shapes import GAUSSIAN_MEAN, GAUSSIAN_ROOT

COUNT = 40_000


def draw(name: str, count: int = COUNT, seed: int = 0) -> torch.Tensor:
    return open_target(name).sample(count, generator(seed, Stream.PAIRS))


@pytest.mark.parametrize("name", list(TARGETS))
def test_every_named_target(name: str) -> None:
    target = open_target(name)
    assert (target.name, target.dim) == (name, 2)
    points = draw(name)
    assert points.shape == (COUNT, 2)
    assert points.dtype == torch.float32
    assert bool(points.isfinite().all())
    assert torch.equal(points, draw(name))
    assert not torch.equal(points, draw(name, seed=1))
    one, other = target.split(100, generator(0, Stream.SPLIT))
    assert one.shape == other.shape == (100, 2)
    assert not torch.equal(one, other)
    # The window shows [−3, 3] or so before normalisation: no target leaves it.
    assert float(points.abs().max()) < 5.5
    assert float(points.std()) > 0.4


def test_checkerboard_fills_its_eight_squares_evenly() -> None:
    points = draw("checkerboard")
    assert float(points.min()) >= -2
    assert float(points.max()) <= 2
    cells = torch.floor(points.clamp(max=2 - 1e-6)).long() + 2
    counts = torch.bincount(4 * cells[:, 0] + cells[:, 1], minlength=16).view(4, 4) / COUNT
    for i in range(4):
        for j in range(4):
            expected = 1 / 8 if (i + j) % 2 == 0 else 0
            assert float(counts[i, j]) == pytest.approx(expected, abs=0.008), (i, j)


def test_gaussian_has_its_mean_and_covariance() -> None:
    points = draw("gaussian").double()
    root = torch.tensor(GAUSSIAN_ROOT, dtype=torch.float64)
    torch.testing.assert_close(
        points.mean(dim=0), torch.tensor(GAUSSIAN_MEAN).double(), atol=0.02, rtol=0
    )
    torch.testing.assert_close(torch.cov(points.T), root @ root.T, atol=0.03, rtol=0)


def test_eight_gaussians_has_eight_even_modes() -> None:
    points = draw("8gaussians")
    angle = torch.arange(8) * math.pi / 4
    centres = 2 * torch.stack([angle.cos(), angle.sin()], dim=1)
    distance, mode = torch.cdist(points, centres).min(dim=1)
    shares = torch.bincount(mode, minlength=8) / COUNT
    assert float((shares - 1 / 8).abs().max()) < 0.008
    assert float(distance.square().mean().sqrt()) == pytest.approx(0.15 * math.sqrt(2), rel=0.03)


def test_rings_have_their_radii() -> None:
    radius = draw("rings").norm(dim=1)
    ring = (radius / (2 / 3)).round().long()
    assert set(ring.unique().tolist()) == {1, 2, 3}
    shares = torch.bincount(ring, minlength=4)[1:] / COUNT
    assert float((shares - 1 / 3).abs().max()) < 0.012
    assert float((radius - ring * 2 / 3).abs().max()) < 0.3


def test_moons_lie_on_two_half_circles() -> None:
    points = draw("moons")
    upper = (points.norm(dim=1) - 1).abs()
    lower = ((points - torch.tensor([1.0, 0.5])).norm(dim=1) - 1).abs()
    assert float(torch.minimum(upper, lower).max()) < 0.06 * 5
    assert float((upper < lower).float().mean()) == pytest.approx(0.5, abs=0.05)


def test_s_curve_lies_on_two_half_circles() -> None:
    points = draw("s_curve")
    middle = torch.where(points[:, 1:] > 0, 1.0, -1.0) * torch.tensor([0.0, 1.0])
    off = ((points - middle).norm(dim=1) - 1).abs()
    assert float(off.max()) < 0.3


@pytest.mark.parametrize(("name", "first", "last"), [("spiral", 0, 2), ("swissroll", 2 / 3, 2)])
def test_spirals_stay_between_their_radii(name: str, first: float, last: float) -> None:
    radius = draw(name).norm(dim=1)
    assert float(radius.min()) > first - 0.3
    assert float(radius.max()) < last + 0.3
    # Radius and angle go together: along each arm one turn out is the arm's pitch.
    assert float(radius.std()) > 0.3


def test_pinwheel_has_five_blades() -> None:
    points = draw("pinwheel") / 2
    radius = points.norm(dim=1)
    angle = torch.atan2(points[:, 1], points[:, 0]) - 0.25 * radius.exp()
    fifth = (5 * angle).cos()
    assert float(fifth.mean()) > 0.8  # 0 if there were no blades, 1 if they had no width


# Finite clouds of points


def test_points_are_drawn_with_replacement_and_split_apart() -> None:
    points = np.arange(40.0).reshape(20, 2)
    target = PointTarget("mine.csv", points)
    assert (target.name, target.dim) == ("mine.csv", 2)
    rows = {tuple(row) for row in points.tolist()}
    drawn = target.sample(2000, generator(0, Stream.PAIRS))
    assert drawn.dtype == torch.float32
    assert {tuple(row) for row in drawn.tolist()} == rows
    one, other = target.split(1000, generator(0, Stream.SPLIT))
    assert len(one) == len(other) == 10
    assert {tuple(row) for row in torch.cat([one, other]).tolist()} == rows
    few, more = target.split(3, generator(0, Stream.SPLIT))
    assert len(few) == len(more) == 3


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (np.zeros(5), "shape"),
        (np.zeros((2, 2, 2)), "shape"),
        (np.zeros((0, 2)), "0 points"),
        (np.ones((1, 2)), "1 point;"),
        (np.arange(4.0)[:, None], "one column"),
        (np.random.default_rng(0).normal(size=(3, 4097)), "4,097 columns"),
        (np.array([[0, 1], [np.nan, 2]]), "point 2, column 1"),
        (np.array([[0, 1], [2, np.inf]]), "point 2, column 2"),
        (np.array([[0, 1], [2, 1e31]]), "1e30"),
        (np.ones((5, 2)), "the same"),
    ],
)
def test_points_that_nothing_can_be_learned_from(points: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words) as raised:
        PointTarget("mine.csv", points)
    assert "mine.csv" in str(raised.value)
    assert str(raised.value).endswith(".")


# Names


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("moon", "did you mean moons?"),
        ("chekerboard", "did you mean checkerboard?"),
        ("zzz", "choose from moons"),
        ("x" * 500, "…"),
        ("data.xlsx", "choose from"),
        ("nowhere.csv", "no file"),
        ("x" * 300 + ".csv", "Could not read"),
        ("~nobody-of-that-name/points.npy", "no file"),
        ("a\0b.npy", "no file"),
    ],
)
def test_unknown_names_are_answered_with_help(name: str, words: str) -> None:
    with pytest.raises(DataError) as raised:
        open_target(name)
    assert words in str(raised.value)
    assert len(str(raised.value)) < 250


def with_sample(points: np.ndarray) -> Snapshot:
    """A map that carries these points of its target."""
    dim = points.shape[1]
    plain = Normalisation((0.0,) * dim, (1.0,) * dim)
    return Snapshot(RunConfig(), 0, {}, plain, points)


def test_a_presets_points_stand_in_for_a_file_that_is_not_there(tmp_path: object) -> None:
    points = np.arange(8.0).reshape(4, 2)
    carried = with_sample(points)
    stand_in = open_or_embedded("gone/mine.csv", carried)
    assert stand_in.name == "mine.csv"
    assert isinstance(stand_in, PointTarget)
    np.testing.assert_array_equal(stand_in.points, points)
    assert open_or_embedded("moons", carried) is SHAPES["moons"]
    with pytest.raises(DataError):
        open_or_embedded("gone/mine.csv", None)


def test_a_file_that_is_there_wins_over_a_presets_points(tmp_path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("1,2\n3,4\n5,6\n")
    found = open_or_embedded(str(path), with_sample(np.zeros((9, 2))))
    assert isinstance(found, PointTarget)
    assert len(found.points) == 3
