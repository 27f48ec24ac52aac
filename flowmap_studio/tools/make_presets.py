"""Train the shipped presets: `python -m flowmap_studio.tools.make_presets`.

Each map of the table is trained from several seeds. The seed with the best one-step sliced W2 on
one held-out sample is kept, and its figures are measured on another, so that they are not
flattered by the choice.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from flowmap_studio.core.presets import Preset, read_preset, write_preset
from flowmap_studio.resources import asset
from flowmap_studio.tools.figures import figures_table, rewrite_readme
from flowmap_studio.tools.preset_recipes import RECIPES, Recipe

CHOOSING, REPORTING = 1, 0
"""Seeds of the held-out data that a training seed is chosen by, and that figures come from."""


@dataclass(frozen=True)
class Candidate:
    """A trained preset, not yet chosen.

    Attributes:
        recipe: What it was trained by.
        seed: Its training seed.
        score: One-step sliced W2, or Fréchet distance of images, on the sample for choosing.
        seconds: Training time.
        path: Where it lies.
    """

    recipe: Recipe
    seed: int
    score: float
    seconds: float
    path: Path

    @property
    def figure(self) -> str:
        """What the score is."""
        return "Fréchet distance" if "images" in self.recipe.tags else "sliced W2"


def train(recipe: Recipe, seed: int, steps_scale: float, folder: Path) -> Candidate:
    """Train, measure and save one candidate.

    Args:
        recipe: What to train.
        seed: Training seed.
        steps_scale: Factor of the recipe's steps, to try things quickly.
        folder: Where to save it.
    """
    # Imported here, so that --help and --readme need no torch.
    from flowmap_studio.core.loaded_map import LoadedMap
    from flowmap_studio.core.metrics import Referee, preset_metrics
    from flowmap_studio.core.packing import pictured
    from flowmap_studio.core.run import Run
    from flowmap_studio.core.targets import open_for

    config = recipe.config
    config = config.replace(seed=seed, steps=max(1, round(config.steps * steps_scale)))
    target, source = open_for(config)
    # On the CPU, so that a GPU changes nothing; whoever opens the preset trains on what there is.
    trainer = Run(config.replace(device="cpu"), target, source)
    for _ in trainer.run():
        pass
    snapshot = replace(trainer.snapshot(), config=config)
    loaded = LoadedMap(snapshot)
    score = _score(Referee(target, snapshot.normalisation, seed=CHOOSING), loaded)
    referee = Referee(target, snapshot.normalisation, seed=REPORTING)
    metrics = preset_metrics(referee, loaded) | _detail(referee, loaded)
    preset = Preset(
        snapshot=snapshot.with_metrics(metrics),
        title=recipe.title,
        notes=recipe.notes,
        tags=recipe.tags,
        thumbnail=pictured(loaded),
    )
    path = folder / f"{recipe.name}-{seed}.flowmap"
    write_preset(path, preset)
    return Candidate(recipe, seed, score, trainer.seconds, path)


def _score(referee: Any, loaded: Any) -> float:
    """What the seed is chosen by: images by the classifier's eyes, clouds by sliced W2."""
    if loaded.snapshot.image is None:
        return float(referee.one_figure(loaded, 1))
    return float(referee.judge(loaded, 1)["frechet"])


def _detail(referee: Any, loaded: Any) -> dict[str, float]:
    """Figures that see detail where sliced W2 is blind, at one step and at several."""
    floors = {f"{name}_floor": value for name, value in referee.floors().items()}
    judged = {
        f"{name}_{steps}": value
        for steps in ((1, 8, 100) if loaded.flow_map.clock == "start" else (1, 8))
        for name, value in referee.judge(loaded, steps).items()
    }
    kept = (
        "w2_",
        "coverage_",
        "forbidden_mass_",
        "histogram_kl_",
        "frechet_",
        "accuracy_",
        "copied_",
    )
    return {name: value for name, value in (floors | judged).items() if name.startswith(kept)}


def candidates(
    recipes: Sequence[Recipe], seeds: int, steps_scale: float, folder: Path, jobs: int
) -> Iterator[Candidate]:
    """Train every recipe from every seed, several at a time, and yield each when it is done."""
    # A fork would copy the threads' locks of torch without their threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        tasks = [
            pool.submit(train, recipe, seed, steps_scale, folder)
            for recipe in recipes
            for seed in range(1 if recipe.lesson else seeds)
        ]
        try:
            for task in as_completed(tasks):
                yield task.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


@click.command()
@click.option("--only", multiple=True, help="Name of a preset to make; may be repeated.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1, 100))
@click.option("--steps-scale", default=1.0, show_default=True, type=click.FloatRange(0, 100))
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, type=click.IntRange(1))
@click.option("--out", type=click.Path(path_type=Path), help="Folder; assets/presets if not given.")
@click.option("--readme/--no-readme", help="Also rewrite the README's table of figures.")
@click.option("--no-training", is_flag=True, help="Only print (and rewrite) the table.")
def main(
    only: tuple[str, ...],
    seeds: int,
    steps_scale: float,
    jobs: int,
    out: Path | None,
    readme: bool,
    no_training: bool,
) -> None:
    """Train the shipped presets and print their measured quality."""
    console = Console()
    unknown = sorted(set(only) - {recipe.name for recipe in RECIPES})
    if unknown:
        names = ", ".join(recipe.name for recipe in RECIPES)
        raise click.UsageError(f"No preset is named {unknown[0]}; choose from {names}.")
    folder = out or asset() / "presets"
    folder.mkdir(parents=True, exist_ok=True)
    if not no_training:
        chosen = [recipe for recipe in RECIPES if not only or recipe.name in only]
        _make(chosen, seeds, steps_scale, folder, jobs, console)
    presets = {
        recipe.name: read_preset(path)
        for recipe in RECIPES
        if (path := folder / f"{recipe.name}.flowmap").is_file()
    }
    console.print(figures_table(presets), markup=False, soft_wrap=True)
    if readme:
        rewrite_readme(asset().parent / "README.md", presets)


def _make(
    recipes: Sequence[Recipe],
    seeds: int,
    steps_scale: float,
    folder: Path,
    jobs: int,
    console: Console,
) -> None:
    """Train, and put the best candidate of each recipe into the folder."""
    best: dict[str, Candidate] = {}
    with tempfile.TemporaryDirectory() as scratch:
        made = candidates(recipes, seeds, steps_scale, Path(scratch), jobs)
        for one in made:
            name = one.recipe.name
            console.print(
                f"{name}, seed {one.seed}: one-step {one.figure} {one.score:.4f}, "
                f"trained in {one.seconds:.0f} s"
            )
            if name not in best or (one.score, one.seed) < (best[name].score, best[name].seed):
                best[name] = one
                write_preset(folder / f"{name}.flowmap", read_preset(one.path))


if __name__ == "__main__":
    main()
