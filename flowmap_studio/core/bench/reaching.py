"""How long a map takes from the start of its training until its one-step samples are good."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch

from flowmap_studio.core.bench.figures import Figure
from flowmap_studio.core.bench.loops import ArticleLoop, SemigroupLoop
from flowmap_studio.core.bench.peers import ExampleNet, OtCfmLoop, peer_name
from flowmap_studio.core.bench.training import article_config, plain
from flowmap_studio.core.bench.watch import Watch
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.metrics import NOISE_SEED, SAMPLES, Referee, sliced_w2
from flowmap_studio.core.networks import build_mlp
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.randomness import Stream, generator, source_noise
from flowmap_studio.core.run import Run
from flowmap_studio.core.targets import Target, open_target
from flowmap_studio.core.targets.base import Unlabelled
from flowmap_studio.core.trainer import Trainer

PART = "reaching"
TARGET = "moons"
GOOD = 0.06
"""One-step sliced W2, in units of the data's spread, that is to be reached."""
GOAL_SECONDS, GOAL_RATIO = 30.0, 0.5
SEEDS = 3
EVERY = 0.25
"""Seconds of training between two looks at the samples, for which the clock stands still."""
PATIENCE = 6.0
"""Times ours that another is given, so that nobody waits for what never comes."""


class Learner(NamedTuple):
    """Something that learns.

    Attributes:
        step: Trains for a step or some.
        sample: (n, dim) one-step samples from noise (n, dim), in normalised units.
        close: Leaves nothing running.
    """

    step: Callable[[], object]
    sample: Callable[[torch.Tensor], torch.Tensor]
    close: Callable[[], object] = lambda: None


Maker = Callable[[RunConfig, Target, Normalisation], Learner]
"""From our settings, what to learn, and the units that our maps learn it in."""


def reaching_figures(base: RunConfig, watch: Watch, limit: float) -> Iterator[Figure]:
    """Time ours and the others until one-step samples are good, from the start of a training.

    Args:
        base: Our settings.
        watch: Who looks on.
        limit: Seconds after which it is given up.

    Yields:
        A figure for each when it is finished, and how ours compares with the best of the others.

    Raises:
        Stopped: The watch wants no more.
    """
    config, target = base.replace(target=TARGET, steps=10**8), open_target(TARGET)
    found: list[float] = []
    for name, make in _learners().items():
        patience = limit if not found else min(limit, PATIENCE * found[0])
        taken = [
            _seconds(make, config.replace(seed=seed), target, watch, name, patience)
            for seed in range(SEEDS)
        ]
        found.append(statistics.median(taken))
        yield _figure(name, taken, patience, GOAL_SECONDS if len(found) == 1 else None)
    best = min(found[1:])
    yield Figure(
        part=PART,
        name="our time until then, of that of the best of the others",
        unit="×",
        # Of those that were given up no more is known than that they took longer.
        median=found[0] / (best if math.isfinite(best) else PATIENCE * found[0]),
        goal=GOAL_RATIO,
        judged="median",
    )


def _figure(name: str, taken: list[float], patience: float, goal: float | None) -> Figure:
    missed = sum(map(math.isinf, taken))
    note = f", not within {patience:.3g} s in {missed} of {len(taken)}" if missed else ""
    return Figure(
        part=PART,
        name=f"until one-step sliced W2 is {GOOD} on {TARGET}: {name}{note}",
        unit="s",
        median=statistics.median(taken),
        worst=max(taken),
        goal=goal,
        judged="worst",
    )


def _learners() -> dict[str, Maker]:
    """Ours, and then the others, by what they are called."""
    return {
        "ours": _ours,
        "its loss in a plain loop": _plain_semigroup,
        "the article's loop with OT pairs": _article,
        f"{peer_name()}, one Euler step": _peer,
    }


def _seconds(
    make: Maker, config: RunConfig, target: Target, watch: Watch, name: str, limit: float
) -> float:
    """Training time until the samples are good; infinite where it takes longer than the limit."""
    torch.set_num_threads(config.threads)
    units = Trainer(config, target).normalisation
    referee = Referee(target, units, SAMPLES, config.seed)
    noise = source_noise(len(referee.data), target.dim, NOISE_SEED + config.seed)
    spent, began = 0.0, time.perf_counter()
    learner = make(config, target, units)
    try:
        while spent < limit:
            until = spent + EVERY
            while spent + time.perf_counter() - began < until:
                learner.step()
            spent += time.perf_counter() - began
            watch.at(f"{name}, seed {config.seed}", spent / limit)
            if sliced_w2(learner.sample(noise), referee.data) <= GOOD:
                return spent
            began = time.perf_counter()
    finally:
        learner.close()
    return math.inf


def _ours(config: RunConfig, target: Target, _units: Normalisation) -> Learner:
    run = Run(config, target)
    events = run.run()

    def sample(noise: torch.Tensor) -> torch.Tensor:
        return LoadedMap(run.snapshot(), run.device).normalised(noise, [0.0, 1.0])

    return Learner(lambda: next(events), sample, events.close)


def _plain_semigroup(config: RunConfig, target: Target, units: Normalisation) -> Learner:
    network = plain(build_mlp(config, target.dim))
    loop = SemigroupLoop(network, config, _InUnits(target, units))

    @torch.no_grad()
    def sample(noise: torch.Tensor) -> torch.Tensor:
        column = torch.ones_like(noise[:, :1])
        moved: torch.Tensor = noise + network(noise, torch.cat([0 * column, column], dim=1))
        return moved

    return Learner(loop.step, sample)


def _article(config: RunConfig, target: Target, units: Normalisation) -> Learner:
    recipe = article_config(config.batch_size).replace(coupling="ot", seed=config.seed)
    network = plain(build_mlp(recipe, target.dim))
    loop = ArticleLoop(network, recipe, _InUnits(target, units))

    @torch.no_grad()
    def sample(noise: torch.Tensor) -> torch.Tensor:
        moved: torch.Tensor = noise + network(noise, torch.ones_like(noise[:, :1]))
        return moved

    return Learner(loop.step, sample)


def _peer(config: RunConfig, target: Target, units: Normalisation) -> Learner:
    draw = generator(config.seed, Stream.WEIGHTS)
    network = ExampleNet(target.dim, config.hidden_dim, draw)
    loop = OtCfmLoop(network, config, target, units)
    return Learner(loop.step, lambda noise: network.sample(noise, 1))


class _InUnits(Unlabelled):
    """A target in the units that our maps learn in, so that all learn the same."""

    def __init__(self, target: Target, units: Normalisation) -> None:
        self.name, self.dim = target.name, target.dim
        self._target = target
        self._shift, self._scale = torch.tensor(units.shift), torch.tensor(units.scale)

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """(count, dim) points in normalised units."""
        return (self._target.sample(count, generator) - self._shift) / self._scale

    def split(self, count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """As the target's own."""
        return self._target.split(count, generator)
