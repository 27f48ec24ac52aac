"""The table of closed forms: trained maps X_{s,t} against the exact ones, over a grid of (s, t)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Protocol

import numpy as np
import torch

from flowmap_studio.core.bench.recipes import Recipe
from flowmap_studio.core.bench.rows import ExactRow, Figures
from flowmap_studio.core.bench.watch import Watch, train
from flowmap_studio.core.closed_forms import random_gaussian, random_mixture
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import TrainingDiverged
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.metrics import NOISE_SEED
from flowmap_studio.core.probes import invert, log_density
from flowmap_studio.core.randomness import Stream, generator, source_noise
from flowmap_studio.core.targets import Target

TIMES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""The grid: every s < t of these."""
POINTS = 4000
PROBED = 500
"""Points whose likelihood and inverse are looked at: each needs Jacobians."""
CONDITION = 20.0
"""Largest over smallest variance of the Gaussians."""


class ExactTarget(Target, Protocol):
    """A target whose flow map for independent pairs is known."""

    def path(self, x0: torch.Tensor, times: Sequence[float]) -> torch.Tensor:
        """(times, batch, dim) X_{0,t}(x0) at each time."""

    def log_density(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """(batch,) log p_t(x) in nats."""


@dataclass(frozen=True)
class Case:
    """One exact target.

    Attributes:
        name: In words.
        dim: Axes.
        components: Gaussians that it is mixed from.
    """

    name: str
    dim: int
    components: int = 1

    def target(self, seed: int) -> ExactTarget:
        """The target of a seed."""
        if self.components > 1:
            return random_mixture(self.dim, self.components, seed)
        return random_gaussian(self.dim, CONDITION, seed)


CASES = (
    Case("Gaussian, 2 axes", 2),
    Case("Gaussian, 4 axes", 4),
    Case("Gaussian, 8 axes", 8),
    Case("mixture of 4 Gaussians, 2 axes", 2, components=4),
)


def exact_rows(
    base: RunConfig,
    recipes: Sequence[Recipe],
    seeds: int,
    watch: Watch,
    cases: Sequence[Case] = CASES,
    count: int = POINTS,
) -> Iterator[ExactRow]:
    """Train every recipe on every case and compare its maps with the exact ones.

    Args:
        base: Settings of every run, its budget included. Data is not normalised, so that source,
            target and maps are those of the closed forms; a Gaussian's maps are linear, so that
            they are trained without position features.
        recipes: What to train, with independent pairs.
        seeds: How many of target and training, from the base's seed on.
        watch: Who looks on.
        cases: What to learn.
        count: Points that the errors are made from.

    Yields:
        A row for every training, when it is finished.

    Raises:
        Stopped: The watch wants no more.
    """
    plain = base.replace(normalisation="none")
    for case in cases:
        run = plain if case.components > 1 else plain.replace(position_features=0)
        for recipe in recipes:
            for seed in range(base.seed, base.seed + seeds):
                config = recipe.config(run, target=case.name, seed=seed)
                yield _row(case, config, recipe, watch, count)


def _row(case: Case, config: RunConfig, recipe: Recipe, watch: Watch, count: int) -> ExactRow:
    seed, target = config.seed, case.target(config.seed)
    what = f"{case.name}: {recipe.label}, seed {seed}"
    row = ExactRow(case=case.name, trained=recipe.label, seed=seed)
    try:
        loaded, effort = train(config, target, watch, what)
    except TrainingDiverged as error:
        return replace(row, diverged=str(error))
    judging = NOISE_SEED + seed
    figures = {
        **map_errors(loaded, target, judging, count),
        **probe_errors(loaded, target, judging, min(count, PROBED)),
    }
    return replace(row, figures=figures, effort=effort)


def map_errors(loaded: LoadedMap, target: ExactTarget, seed: int, count: int = POINTS) -> Figures:
    """How far a map's jumps end from where the exact map ends.

    The points start where the exact map has carried noise by time s. Relative: root mean square
    over that of the exact ends about their mean, so that a shift of the data hides nothing.

    Args:
        loaded: The map, trained without normalisation.
        target: What it learned.
        seed: Of the noise.
        count: Points per jump.

    Returns:
        "map" over the whole grid, "worst" of one (s, t), "one_step" for (0, 1).
    """
    states = target.path(source_noise(count, target.dim, seed).double(), TIMES)
    squares, wholes, ratios = [], [], {}
    for i, k in combinations(range(len(TIMES)), 2):
        found = loaded.normalised(states[i].float(), [TIMES[i], TIMES[k]]).double()
        square = float((found - states[k]).square().mean())
        whole = float((states[k] - states[k].mean(dim=0)).square().mean())
        squares.append(square)
        wholes.append(whole)
        ratios[i, k] = (square / whole) ** 0.5
    return {
        "map": (sum(squares) / sum(wholes)) ** 0.5,
        "worst": max(ratios.values()),
        "one_step": ratios[0, len(TIMES) - 1],
    }


def probe_errors(loaded: LoadedMap, target: ExactTarget, seed: int, count: int) -> Figures:
    """How far a map's log-likelihood and inverse are from right, on fresh data.

    Args:
        loaded: The map, trained without normalisation.
        target: What it learned.
        seed: Of the data.
        count: Points of it.

    Returns:
        "log_likelihood", root mean square error in nats over the points that the map reaches;
        "bias", that of the mean log-likelihood; "round_trip", root mean square of
        X_{0,1}(X_{0,1}⁻¹(x)) − x over all points.
    """
    points = target.sample(count, generator(seed, Stream.SPLIT))
    truth = target.log_density(points, torch.ones(count, 1, dtype=torch.float64)).numpy()
    gap = log_density(loaded, points.numpy()).nats - truth
    gap = gap[np.isfinite(gap)]
    error = invert(loaded, points.numpy(), 0.0, 1.0).error
    return {
        "log_likelihood": float(np.sqrt(np.square(gap).mean())),
        "bias": float(abs(gap.mean())),
        "round_trip": float(np.sqrt(np.square(error).mean())),
    }
