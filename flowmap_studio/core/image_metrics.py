"""Figures that mean something for images: by a classifier's eyes, and against copying."""

from __future__ import annotations

import numpy as np
import torch

from flowmap_studio.core.image_classifier import Classifier, classifier_of
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.randomness import Stream, generator
from flowmap_studio.core.samplers import even_times
from flowmap_studio.core.targets import ImageTarget

SAMPLES = 4096
"""Samples of the Fréchet distance and the accuracy."""
MOST_DATA = 10_000
LOOKED_UP = 1000
"""Samples whose nearest training image is looked for."""
NEAR_QUANTILE = 0.05
"""Share of held-out images that would be called copies."""


def frechet_distance(x: torch.Tensor, y: torch.Tensor) -> float:
    """Squared Fréchet distance of the Gaussians fitted to two clouds.

    |μ₁ − μ₂|² + tr(C₁ + C₂ − 2 (C₁ C₂)^½), Dowson and Landau 1982; of features of images, Heusel
    et al. 2017.

    Args:
        x: (n, dim) points.
        y: (m, dim) points.
    """
    a, b = x.double().numpy(), y.double().numpy()
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    # The product of two covariances has eigenvalues ≥ 0; rounding may make them complex.
    shared = np.linalg.eigvals(first @ second).real.clip(min=0)
    apart = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    return float(apart + np.trace(first) + np.trace(second) - 2 * np.sqrt(shared).sum())


class ImageJudge:
    """Judges maps of images. The classifier is made at the first use.

    Args:
        target: What the maps should make.
        normalisation: The maps' own.
        seed: Of noise and dequantisation.
        classifier: Whose eyes; the target's own when None. Targets without classes have none.
    """

    def __init__(
        self,
        target: ImageTarget,
        normalisation: Normalisation,
        seed: int,
        classifier: Classifier | None = None,
    ) -> None:
        draw = generator(seed, Stream.JUDGES, 1)
        self._normalisation = normalisation
        self._seed = seed
        self._learned, _ = target.learned(draw, MOST_DATA)
        self._held_out, self._labels = target.held_out(draw, MOST_DATA)
        self._classifier = classifier
        if classifier is None and target.classes:
            self._classifier = classifier_of(target)
        if self._classifier is not None:
            self._features = self._classifier.features(self._held_out)
        usual = _nearest(self._held_out[:LOOKED_UP], self._learned)
        self._near = float(usual.quantile(NEAR_QUANTILE))

    def floors(self) -> dict[str, float]:
        """Training images judged as samples are; the accuracy is the classifier's on held-out."""
        figures = {}
        if self._classifier is not None:
            learned = self._classifier.features(self._learned)
            figures["frechet"] = frechet_distance(learned, self._features)
            right = self._classifier.guesses(self._held_out) == self._labels
            figures["accuracy"] = float(right.float().mean())
        return figures | {"copied": NEAR_QUANTILE}

    def judge(self, loaded: LoadedMap, steps: int, solver: str = "euler") -> dict[str, float]:
        """Figures of a map's samples of `steps` jumps, or steps of a velocity's solver.

        Returns:
            "frechet": squared Fréchet distance to held-out images in the classifier's 32 features,
            whose mean variance is 1. "accuracy", of conditional maps: share of samples that the
            classifier takes for the class they were asked to be. "copied": share of samples that
            lie nearer to a training image than 95 % of held-out images do; a map that has learned
            by heart has far more than 5 %. The first two are missing without classes.
        """
        guide = loaded.guide(SAMPLES, self._seed)
        noise = loaded.noise(SAMPLES, self._seed)
        cloud = loaded.normalised(noise, even_times(0.0, 1.0, steps), guide, solver)
        told = None if guide is None else guide.cond.argmax(dim=1)
        return self.compare(torch.from_numpy(self._normalisation.undo(cloud.numpy())), told)

    def compare(
        self, samples: torch.Tensor, labels: torch.Tensor | None = None
    ) -> dict[str, float]:
        """The same figures of samples (n, dim) in data units, asked to be of classes (n,)."""
        figures = {}
        if self._classifier is not None:
            found = self._classifier.features(samples)
            figures["frechet"] = frechet_distance(found, self._features)
            if labels is not None:
                right = self._classifier.guesses(samples) == labels
                figures["accuracy"] = float(right.float().mean())
        near = _nearest(samples[:LOOKED_UP], self._learned) < self._near
        return figures | {"copied": float(near.float().mean())}


def _nearest(points: torch.Tensor, among: torch.Tensor) -> torch.Tensor:
    """(n,) distance of each point to the nearest of others."""
    return torch.cdist(points, among).min(dim=1).values
