"""The table of shipped presets, what is made from it, and the figures that the README gives."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from flowmap_studio.app import FIRST_PRESET
from flowmap_studio.core.advice import COLLAPSED
from flowmap_studio.core.presets import read_preset
from flowmap_studio.core.target_names import TARGETS
from flowmap_studio.resources import asset
from flowmap_studio.tools import make_presets
from flowmap_studio.tools.figures import BEGIN, COLUMNS, END, figures_table, with_table
from flowmap_studio.tools.make_presets import train
from flowmap_studio.tools.preset_recipes import RECIPES, Recipe

LARGEST, LARGEST_OF_IMAGES = 700_000, 3_500_000
SCALE = 0.001
NAMES = [recipe.name for recipe in RECIPES]


def shipped(recipe: Recipe) -> Path:
    return asset("presets") / f"{recipe.name}.flowmap"


def test_names_and_titles_are_unique() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert len({recipe.title for recipe in RECIPES}) == len(NAMES)
    assert f"{NAMES[0]}.flowmap" == FIRST_PRESET


def test_eight_shapes_are_learned_by_maps_that_compose() -> None:
    shapes = [recipe.config for recipe in RECIPES if "shape" in recipe.tags]
    assert len({config.target for config in shapes}) == len(shapes) >= 8
    assert all(config.target in TARGETS for config in shapes)
    assert all(config.two_time and config.coupling == "ot" for config in shapes)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> make_presets.Candidate:
    """A preset of a few steps."""
    (recipe,) = [recipe for recipe in RECIPES if recipe.name == "checkerboard"]
    return train(recipe, 3, SCALE, tmp_path_factory.mktemp("presets"))


def test_a_made_preset_says_what_it_is(made: make_presets.Candidate) -> None:
    preset = read_preset(made.path)
    assert preset.title == made.recipe.title
    assert preset.notes == made.recipe.notes
    assert preset.tags == made.recipe.tags
    assert preset.thumbnail
    assert preset.snapshot.config.seed == 3
    assert preset.snapshot.step == max(1, round(made.recipe.config.steps * SCALE))


def test_a_made_preset_is_measured(made: make_presets.Candidate) -> None:
    figures = read_preset(made.path).snapshot.metrics
    assert set(COLUMNS.values()) <= set(figures)
    # Eight steps teach nothing yet, and the figures must say so.
    assert figures["sliced_w2_1"] > 2 * figures["sliced_w2_floor"]
    assert figures["forbidden_mass_1"] > 0.2 > figures["forbidden_mass_floor"]


def test_choice_and_report_use_different_samples(made: make_presets.Candidate) -> None:
    assert made.score != read_preset(made.path).snapshot.metrics["sliced_w2_1"]


def test_the_best_seed_is_kept(
    made: make_presets.Candidate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = [0.3, 0.1, 0.2]
    original = read_preset(made.path)

    def candidates(recipes, seeds, steps_scale, folder, jobs):
        for seed, score in enumerate(scores):
            path = folder / f"{seed}.flowmap"
            snapshot = original.snapshot.with_metrics({"sliced_w2_1": score})
            make_presets.write_preset(
                path, make_presets.Preset(snapshot=snapshot, title=f"seed {seed}")
            )
            yield make_presets.Candidate(recipes[0], seed, score, 1.0, path)

    monkeypatch.setattr(make_presets, "candidates", candidates)
    arguments = ["--only", "checkerboard", "--out", str(tmp_path / "kept")]
    done = CliRunner().invoke(make_presets.main, arguments)
    assert done.exit_code == 0, done.output
    assert read_preset(tmp_path / "kept" / "checkerboard.flowmap").title == "seed 1"
    assert "0.100" in done.output


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(make_presets.main, ["--only", "moon", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "No preset is named moon" in done.output


def test_the_table_replaces_what_stood_between_the_markers(made: make_presets.Candidate) -> None:
    presets = {"checkerboard": read_preset(made.path)}
    once = with_table(f"before\n{BEGIN}\nold\n{END}\nafter", presets)
    assert once == f"before\n{BEGIN}\n{figures_table(presets)}\n{END}\nafter"
    assert with_table(once, presets) == once


def test_a_readme_without_markers_is_refused(made: make_presets.Candidate) -> None:
    with pytest.raises(ValueError, match="lacks"):
        with_table("nothing here", {"checkerboard": read_preset(made.path)})


# --- what is shipped ------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", RECIPES, ids=NAMES)
def test_every_recipe_is_shipped_as_it_stands(recipe: Recipe) -> None:
    path = shipped(recipe)
    preset = read_preset(path)
    images = "images" in recipe.tags
    assert path.stat().st_size < (LARGEST_OF_IMAGES if images else LARGEST)
    assert (preset.title, preset.notes, preset.tags) == (recipe.title, recipe.notes, recipe.tags)
    made_with = preset.snapshot.config
    assert made_with == recipe.config.replace(seed=made_with.seed)
    assert preset.snapshot.step == recipe.config.steps
    assert preset.thumbnail


def test_nothing_else_is_shipped() -> None:
    assert sorted(p.stem for p in asset("presets").iterdir()) == sorted(NAMES)


def test_shipped_shapes_are_close_to_their_data() -> None:
    for recipe in RECIPES:
        if "shape" in recipe.tags:
            figures = read_preset(shipped(recipe)).snapshot.metrics
            assert figures["sliced_w2_1"] < 0.1, recipe.name
            assert figures["sliced_w2_8"] < figures["sliced_w2_1"] * 1.2, recipe.name


def test_shipped_lessons_teach_what_they_say() -> None:
    lessons = {r.name: read_preset(shipped(r)).snapshot.metrics for r in RECIPES if r.lesson}
    assert lessons["mean-collapse"]["spread_ratio"] < COLLAPSED
    drift = lessons["composition-drift"]
    assert drift["sliced_w2_8"] > drift["sliced_w2_1"] * 1.2


def test_the_readme_gives_the_figures_of_the_shipped_presets() -> None:
    readme = asset().parent / "README.md"
    if not readme.is_file():
        pytest.skip("not run from a checkout")
    text = readme.read_text(encoding="utf-8")
    assert with_table(text, {r.name: read_preset(shipped(r)) for r in RECIPES}) == text


def test_shipped_digits_are_near_held_out_ones_in_one_step() -> None:
    """The goals: at most 1.3 times flow matching's 100 steps, 90 % of the classes right."""
    figures = {r.name: read_preset(shipped(r)).snapshot.metrics for r in RECIPES}
    many = figures["digits-flow-matching"]
    by_class = figures["digits-conditional"]
    assert by_class["frechet_1"] <= 1.3 * many["frechet_100"]
    assert by_class["accuracy_1"] >= 0.9
    assert figures["digits"]["frechet_8"] < figures["digits"]["frechet_1"]
    assert many["frechet_100"] < 0.2 * many["frechet_1"]
