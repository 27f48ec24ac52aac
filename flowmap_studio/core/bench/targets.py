"""The tables of targets and of the checkerboard: how near samples come, beside the peer's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch

from flowmap_studio.core.bench.peers import peer_name, train_peer
from flowmap_studio.core.bench.recipes import BOARD_SETTINGS_OF, FEW_STEPS, MANY_STEPS, Recipe
from flowmap_studio.core.bench.rows import Figures, Row
from flowmap_studio.core.bench.watch import Watch, train
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import TrainingDiverged
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.metrics import NOISE_SEED, SAMPLES, Referee, checkerboard_detail
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.randomness import Stream, generator, source_noise
from flowmap_studio.core.targets import Target, open_target
from flowmap_studio.core.trainer import Trainer

BOARD = "checkerboard"
BOARD_SAMPLES = 100_000
PEER_STEPS = (1, 8, MANY_STEPS)
"""Euler steps that the peer is judged at."""


def target_rows(
    base: RunConfig,
    targets: Sequence[str],
    recipes: Sequence[Recipe],
    seeds: int,
    watch: Watch,
    count: int = SAMPLES,
    other_seeds: int | None = None,
) -> Iterator[Row]:
    """Train and judge every recipe, and the peer, on every target from every seed.

    All maps of a target and seed, the peer among them, are judged by one referee: from the same
    noise, against the same held-out data, in the same normalised units.

    Args:
        base: Settings of every run, its budget included.
        targets: Names.
        recipes: What to train; the peer gets as many steps as the first one had.
        seeds: How many, from the base's seed on.
        watch: Who looks on.
        count: Samples that each figure is made from.
        other_seeds: How many for the recipes after the first one; as many when None.

    Yields:
        A row for every training, when it is finished.

    Raises:
        Stopped: The watch wants no more.
    """
    others = base.seed + (seeds if other_seeds is None else other_seeds)
    for name in targets:
        target = open_target(name)
        for seed in range(base.seed, base.seed + seeds):
            run = base.replace(target=name, seed=seed)
            normalisation = Trainer(run, target).normalisation
            referee = Referee(target, normalisation, count, seed)
            floor = referee.floors()
            steps = run.steps
            for at, recipe in enumerate(recipes if seed < others else recipes[:1]):
                row = _row(recipe, run, target, floor, referee.judge, watch)
                if at == 0 and row.effort is not None:
                    steps = row.effort.steps
                yield row
            run = run.replace(steps=steps, seconds=0)
            yield _peer_row(run, target, normalisation, referee, floor, watch)


def board_rows(
    base: RunConfig,
    recipes: Sequence[Recipe],
    seeds: int,
    watch: Watch,
    count: int = BOARD_SAMPLES,
) -> Iterator[Row]:
    """Train every recipe on the checkerboard and judge its detail: histogram and forbidden mass.

    Args:
        base: Settings of every run, its budget included.
        recipes: What to train.
        seeds: How many, from the base's seed on.
        watch: Who looks on.
        count: Samples that each figure is made from.

    Yields:
        A row for every training, when it is finished.

    Raises:
        Stopped: The watch wants no more.
    """
    target = open_target(BOARD)
    for recipe in recipes:
        for seed in range(base.seed, base.seed + seeds):
            own = BOARD_SETTINGS_OF.get(recipe.method, {})
            run = base.replace(target=BOARD, seed=seed, **own)
            fresh = target.sample(count, generator(seed, Stream.SPLIT)).numpy()
            noise_seed = NOISE_SEED + seed

            def detail(loaded: LoadedMap, jumps: int, noise_seed: int = noise_seed) -> Figures:
                return checkerboard_detail(loaded.sample(count, jumps, noise_seed))

            yield _row(recipe, run, target, checkerboard_detail(fresh), detail, watch, FEW_STEPS)


def _row(
    recipe: Recipe,
    run: RunConfig,
    target: Target,
    floor: Figures,
    judge: Callable[[LoadedMap, int], Figures],
    watch: Watch,
    jumps: Sequence[int] = (),
) -> Row:
    row = Row(target=run.target, trained=recipe.label, seed=run.seed, floor=floor)
    what = f"{run.target}: {recipe.label}, seed {run.seed}"
    try:
        loaded, effort = train(recipe.config(run), target, watch, what)
    except TrainingDiverged as error:
        return row.without(str(error))
    figures = {k: judge(loaded, k) for k in jumps or recipe.step_counts()}
    return row.measured(figures, effort)


def _peer_row(
    run: RunConfig,
    target: Target,
    normalisation: Normalisation,
    referee: Referee,
    floor: Figures,
    watch: Watch,
) -> Row:
    what = f"{run.target}: {peer_name()}, seed {run.seed}"
    net, effort = train_peer(run, target, normalisation, watch, what)
    noise: torch.Tensor = source_noise(len(referee.data), target.dim, NOISE_SEED + run.seed)
    figures = {k: referee.compare(net.sample(noise, k)) for k in PEER_STEPS}
    row = Row(target=run.target, trained=peer_name(), seed=run.seed, floor=floor, peer=True)
    return row.measured(figures, effort)
