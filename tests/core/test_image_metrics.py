"""What images are judged by: exact Fréchet distances, a classifier that is kept, copies noticed."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from flowmap_studio.core import image_classifier, image_metrics
from flowmap_studio.core.image_classifier import Classifier, classifier_of
from flowmap_studio.core.image_metrics import ImageJudge, frechet_distance
from flowmap_studio.core.images import ImageShape
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.targets import ImageTarget


def bars(count: int = 200, noise: int = 60) -> ImageTarget:
    """Images of 6 × 6 with a bright upper or left half: two classes that anyone can tell."""
    draw = np.random.default_rng(0)
    values = draw.integers(0, noise, (count, 6, 6))
    labels = np.arange(count) % 2
    values[labels == 0, :3] += 150
    values[labels == 1, :, :3] += 150
    return ImageTarget("bars", values, ImageShape(6, 6, 1, 256), labels, ("upper", "left"))


def unit(dim: int) -> Normalisation:
    return Normalisation((0.0,) * dim, (1.0,) * dim)


def white(count: int, dim: int, seed: int) -> torch.Tensor:
    """Points whose sample mean is 0 and whose sample covariance is the identity, exactly."""
    made = torch.randn(count, dim, generator=torch.Generator().manual_seed(seed)).double()
    made -= made.mean(dim=0)
    root = torch.linalg.cholesky(torch.cov(made.T))
    return torch.linalg.solve_triangular(root, made.T, upper=False).T


def test_frechet_distance_of_gaussians_is_the_closed_form() -> None:
    """|μ|² + Σ (σ − 1)² where the covariances commute; a rotation changes nothing."""
    first, second = white(400, 3, 1), white(300, 3, 2)
    turn = torch.linalg.qr(white(9, 3, 3).T @ white(9, 3, 4)).Q
    sigma, mean = torch.tensor([0.5, 1.0, 3.0]).double(), torch.tensor([1.0, -2.0, 0.5]).double()
    moved = (second * sigma) @ turn + mean
    expected = 1 + 4 + 0.25 + 0.25 + 0 + 4
    assert frechet_distance(first, moved) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-9)


def test_the_classifier_learns_is_kept_and_is_the_same_for_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_classifier, "STEPS", 60)
    target = bars()
    made = classifier_of(target, tmp_path)
    points, labels = target.held_out(torch.Generator().manual_seed(0), 99)
    assert torch.equal(made.guesses(points), labels)
    learned, _ = target.learned(torch.Generator().manual_seed(9), 999)
    assert float(made.features(learned).var(dim=0).mean()) == pytest.approx(1, rel=0.05)
    (kept,) = tmp_path.iterdir()
    content = kept.read_bytes()
    monkeypatch.setattr(image_classifier, "_train", None)  # it must not be called again
    assert torch.equal(classifier_of(bars(), tmp_path).features(points), made.features(points))
    monkeypatch.undo()
    monkeypatch.setattr(image_classifier, "STEPS", 60)
    kept.write_bytes(content[: len(content) // 2])  # damaged: trained anew, to the same bits
    torch.set_num_threads(2)
    assert torch.equal(classifier_of(bars(), tmp_path).features(points), made.features(points))
    assert torch.get_num_threads() == 2
    assert kept.read_bytes() == content


def test_other_images_get_another_classifier_and_no_disk_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_classifier, "STEPS", 1)
    classifier_of(bars(), tmp_path)
    classifier_of(bars(noise=61), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert isinstance(classifier_of(bars(), blocked / "below"), Classifier)


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ImageJudge:
    monkeypatch.setattr(image_classifier, "STEPS", 60)
    target = bars()
    return ImageJudge(target, unit(36), 0, classifier_of(target, tmp_path))


def test_accuracy_counts_what_was_asked_for(judge: ImageJudge) -> None:
    points, labels = bars().held_out(torch.Generator().manual_seed(5), 40)
    asked = labels.clone()
    asked[:10] = 1 - asked[:10]
    assert judge.compare(points, asked)["accuracy"] == pytest.approx(30 / 40)
    assert "accuracy" not in judge.compare(points)
    assert judge.floors()["accuracy"] == 1


def test_copies_of_training_images_are_noticed_and_fresh_ones_are_not(judge: ImageJudge) -> None:
    learned, _ = bars().learned(torch.Generator().manual_seed(6), 160)
    assert judge.compare(learned)["copied"] == 1
    fresh = bars(400).held_out(torch.Generator().manual_seed(7), 80)[0]
    assert judge.compare(torch.rand(200, 36))["copied"] == 0
    assert judge.compare(fresh)["copied"] < 0.5


def test_a_blurred_mean_is_far_and_data_is_near(judge: ImageJudge) -> None:
    floor = judge.floors()["frechet"]
    points, _ = bars().learned(torch.Generator().manual_seed(8), 160)
    mean = points.mean(dim=0) + 0.01 * torch.randn(160, 36)
    assert judge.compare(mean)["frechet"] > 10 * floor
    assert math.isfinite(floor)


def test_images_without_classes_are_judged_by_copies_alone() -> None:
    values = np.random.default_rng(0).integers(0, 256, (40, 3, 3))
    target = ImageTarget("plain", values, ImageShape(3, 3, 1, 256))
    assert ImageJudge(target, unit(9), 0).floors() == {"copied": image_metrics.NEAR_QUANTILE}
