"""The benchmarks' trainings, figures and tables, at budgets of a few steps."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from flowmap_studio.core.bench import exact, loops, peers, reaching, tables, targets, training
from flowmap_studio.core.bench.recipes import (
    FEW_STEPS,
    MANY_STEPS,
    SENSIBLE,
    TWO_TIME,
    Recipe,
    default_recipe,
    of_methods,
)
from flowmap_studio.core.bench.rows import Effort, ExactRow, Row, mean_over_seeds, verdict
from flowmap_studio.core.bench.speeds import SpeedRow, Timing
from flowmap_studio.core.bench.watch import Stopped, Watch, train
from flowmap_studio.core.closed_forms import GaussianTarget
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.couplings import optimal_assignment
from flowmap_studio.core.errors import TrainingDiverged
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.markdown import table, with_section
from flowmap_studio.core.methods import METHODS
from flowmap_studio.core.networks import build_network
from flowmap_studio.core.objectives import Batch, objective
from flowmap_studio.core.objectives.two_time import diagonal_rows
from flowmap_studio.core.progress import Progress
from flowmap_studio.core.targets import open_target
from flowmap_studio.core.trainer import Trainer

EFFORT = Effort(steps=100, seconds=2.0, weights=7)
OURS = "semigroup × ot"


@pytest.fixture
def tiny(small_config: RunConfig) -> RunConfig:
    return small_config.replace(steps=6, position_features=0)


def row(target: str, one: float, seed: int = 0, **changes: Any) -> Row:
    """A finished row of ours whose figures are all `one`."""
    figures = {k: {"sliced_w2": one, "w2": 2 * one, "coverage": 0.5} for k in FEW_STEPS}
    floor = {"sliced_w2": 0.02, "w2": 0.1}
    made = Row(target=target, trained=OURS, seed=seed, floor=floor, figures=figures, effort=EFFORT)
    return dataclasses.replace(made, **changes)


def peer_row(target: str, many: float) -> Row:
    return row(
        target,
        1.0,
        trained="peer",
        peer=True,
        figures={1: {"sliced_w2": 9.0, "w2": 9.0}, MANY_STEPS: {"sliced_w2": many, "w2": many}},
    )


# --- recipes and rows -----------------------------------------------------------------------------


def test_every_method_is_measured_the_default_first() -> None:
    assert SENSIBLE[0] == default_recipe()
    assert {recipe.method for recipe in SENSIBLE} == set(METHODS)
    assert of_methods(SENSIBLE, ["article"]) == tuple(r for r in SENSIBLE if r.method == "article")
    assert of_methods(SENSIBLE, []) == SENSIBLE
    assert [r.method for r in TWO_TIME] == ["semigroup", "lagrangian", "eulerian", "trajectory"]
    assert Recipe("flow-matching", "ot").step_counts() == (*FEW_STEPS, MANY_STEPS)


def test_means_are_taken_over_seeds() -> None:
    slower = dataclasses.replace(EFFORT, seconds=4.0)
    first, second = mean_over_seeds(
        [row("moons", 0.02), row("rings", 1.0), row("moons", 0.04, seed=1, effort=slower)]
    )
    assert (first.target, first.seed) == ("moons", None)
    assert first.at(1, "sliced_w2") == pytest.approx(0.03)
    assert first.effort is not None
    assert first.effort.rate == pytest.approx(100 / 3)
    assert second.at(16, "w2") == 2.0
    assert math.isnan(second.at(MANY_STEPS, "w2"))


def test_a_seed_that_diverged_leaves_no_mean() -> None:
    lost = row("moons", 0.0, seed=1, figures={}, effort=None, diverged="It diverged.")
    (mean,) = mean_over_seeds([row("moons", 0.02), lost])
    assert mean.figures == {}
    assert mean.diverged == "It diverged."
    assert verdict([mean, peer_row("moons", 9.0)], OURS, "sliced_w2").wins == 0


def test_the_verdict_counts_wins_and_floors() -> None:
    rows = [
        *(row("moons", 0.03), peer_row("moons", 0.03)),  # equal is no worse; just 1.5 × floor
        *(row("rings", 0.05), peer_row("rings", 0.06)),
        *(row("spiral", 0.01), peer_row("spiral", 0.001)),
        row("gaussian", 0.02),  # there is no peer
    ]
    found = verdict(mean_over_seeds(rows), OURS, "sliced_w2")
    assert (found.targets, found.compared, found.wins, found.near) == (4, 3, 2, 3)


# --- trainings ------------------------------------------------------------------------------------


def test_target_rows_train_judge_and_name_the_peer(tiny: RunConfig) -> None:
    recipes = [Recipe("semigroup", "ot"), Recipe("flow-matching", "independent")]
    seen: list[str] = []
    watch = Watch(lambda what, share: seen.append(what))
    rows = list(targets.target_rows(tiny, ["moons"], recipes, 1, watch, count=300))
    assert [one.trained for one in rows] == [*(r.label for r in recipes), peers.peer_name()]
    assert [one.peer for one in rows] == [False, False, True]
    assert [tuple(one.figures) for one in rows] == [
        FEW_STEPS,
        (*FEW_STEPS, MANY_STEPS),
        targets.PEER_STEPS,
    ]
    for one in rows:
        assert one.floor == rows[0].floor
        assert one.effort is not None
        assert one.effort.steps == tiny.steps
        assert 0 < one.floor["sliced_w2"] < one.at(1, "sliced_w2") < 2
    assert any("measuring" in what for what in seen)
    assert f"moons: {recipes[1].label}, seed 0" in seen


def test_the_peer_gets_as_many_steps_as_a_run_in_seconds_had(tiny: RunConfig) -> None:
    timed = tiny.replace(seconds=0.05)
    ours, peer = targets.target_rows(timed, ["moons"], [default_recipe()], 1, Watch(), count=300)
    assert ours.effort is not None
    assert peer.effort is not None
    assert peer.effort.steps == ours.effort.steps


def test_board_rows_see_the_detail(tiny: RunConfig) -> None:
    recipes = [Recipe("lagrangian", "ot")]
    (one,) = targets.board_rows(tiny, recipes, 1, Watch(), count=2000)
    assert tuple(one.figures) == FEW_STEPS
    assert one.floor["forbidden_mass"] == 0
    assert one.at(1, "forbidden_mass") > 0.3  # six steps: still a Gaussian cloud
    assert one.at(1, "histogram_kl") > one.floor["histogram_kl"]


def test_a_diverged_training_is_a_row_and_the_rest_goes_on(
    tiny: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unlucky(config: RunConfig, *rest: Any) -> Any:
        if config.seed == 0:
            raise TrainingDiverged("It diverged.", 3)
        return train(config, *rest)

    monkeypatch.setattr(targets, "train", unlucky)
    monkeypatch.setattr(exact, "train", unlucky)
    recipes = [Recipe("semigroup", "independent")]
    board = list(targets.board_rows(tiny, recipes, 2, Watch(), count=100))
    closed = list(exact.exact_rows(tiny, recipes, 2, Watch(), exact.CASES[:1], count=50))
    for lost, kept in (board, closed):
        assert (lost.diverged, lost.effort, lost.figures) == ("It diverged.", None, {})
        assert not kept.diverged
        assert kept.effort is not None


def test_a_watch_that_has_enough_ends_the_rows(tiny: RunConfig) -> None:
    enough = False
    rows = targets.target_rows(
        tiny, ["moons"], [default_recipe()], 2, Watch(stopped=lambda: enough), count=300
    )
    assert next(rows).seed == 0
    enough = True
    with pytest.raises(Stopped):
        next(rows)


# --- the peer -------------------------------------------------------------------------------------


def test_the_peers_pairs_are_optimal_and_its_path_is_straight() -> None:
    draw = torch.Generator().manual_seed(0)
    x0, x1 = torch.randn(64, 2, generator=draw), torch.randn(64, 2, generator=draw) + 3
    t, x, velocity = peers._path_point(None, x0, x1, draw)
    starts, ends = x - t * velocity, x + (1 - t) * velocity
    from_x0 = torch.cdist(starts.double(), x0.double()).min(dim=1)
    from_x1 = torch.cdist(ends.double(), x1.double()).min(dim=1)
    assert float(from_x0.values.max()) < 1e-5
    assert float(from_x1.values.max()) < 1e-5
    partner = peers.optimal_assignment(x0, x1)
    assert torch.equal(partner[from_x0.indices], from_x1.indices)
    assert len(from_x0.indices.unique()) < 64  # drawn with replacement


def test_the_peer_learns_a_shift() -> None:
    """To N(3, I) by optimal pairs: v = 3 everywhere, and one Euler step is as good as eight."""

    class Shifted:
        name, dim, classes = "shifted", 2, ()

        def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
            return torch.randn(count, 2, generator=generator) + 3

    config = RunConfig(hidden_dim=32, batch_size=64, steps=300, device="cpu")
    plain = Trainer(config.replace(normalisation="none"), open_target("moons")).normalisation
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - what the peer draws from
    net, effort = peers.train_peer(config, Shifted(), plain, Watch(), "")  # type: ignore[arg-type]
    assert effort.steps == 300
    noise = torch.randn(500, 2, generator=torch.Generator().manual_seed(1))
    for steps in (1, 8):
        assert float((net.sample(noise, steps) - noise - 3).square().mean().sqrt()) < 0.6
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


# --- exact answers --------------------------------------------------------------------------------


class ExactMap:
    """A stand-in for a trained map: the exact one, its jumps stretched about nothing."""

    def __init__(self, target: Any, stretch: float) -> None:
        self._target = target
        self._stretch = stretch

    def normalised(self, points: torch.Tensor, times: list[float]) -> torch.Tensor:
        column = torch.ones(len(points), 1, dtype=torch.float64)
        s, t = times[0] * column, times[1] * column
        moved = self._target.independent(points, s, t)
        centre = t * self._target.mean
        return centre + self._stretch * (moved - centre)


@pytest.mark.parametrize(("stretch", "error"), [(1.0, 0.0), (1.1, 0.1)])
def test_map_errors_are_relative_to_the_exact_ends(stretch: float, error: float) -> None:
    target = exact.CASES[1].target(0)
    figures = exact.map_errors(ExactMap(target, stretch), target, seed=0)  # type: ignore[arg-type]
    for value in figures.values():
        assert value == pytest.approx(error, abs=2e-3)


def test_exact_rows_train_on_their_own_targets(tiny: RunConfig) -> None:
    recipes = [Recipe("semigroup", "independent")]
    cases = [exact.CASES[0], exact.CASES[-1]]
    rows = list(exact.exact_rows(tiny, recipes, 2, Watch(), cases, count=100))
    assert [(one.case, one.seed) for one in rows] == [
        (case.name, seed) for case in cases for seed in (0, 1)
    ]
    assert all(0 < one.figures["map"] <= one.figures["worst"] for one in rows)


def test_probe_errors_of_the_identity_are_known(tiny: RunConfig) -> None:
    """A map that stays put has the density N(0, I), whatever it should have learned."""
    snapshot = Trainer(tiny.replace(normalisation="none"), open_target("moons")).snapshot()
    still = {k: np.zeros_like(v) for k, v in snapshot.weights.items()}
    loaded = LoadedMap(dataclasses.replace(snapshot, weights=still))
    eye = torch.eye(2, dtype=torch.float64)
    right = GaussianTarget(torch.zeros(2, dtype=torch.float64), eye)
    for value in exact.probe_errors(loaded, right, seed=0, count=200).values():
        assert value == pytest.approx(0, abs=1e-6)
    # Beside N(m, I) it is out by −m·x + |m|²/2, over whose data the mean is −|m|²/2.
    mean = torch.tensor([0.3, 0.4], dtype=torch.float64)
    found = exact.probe_errors(loaded, GaussianTarget(mean, eye), seed=0, count=2000)
    assert found["bias"] == pytest.approx(0.125, abs=0.04)
    assert found["log_likelihood"] == pytest.approx((0.25 + 0.125**2) ** 0.5, abs=0.04)
    assert found["round_trip"] == pytest.approx(0, abs=1e-6)


# --- speed ----------------------------------------------------------------------------------------


def test_the_articles_loop_has_the_loss_of_our_objective() -> None:
    """Same weights, same draws: the plain loop's loss is the total of the method `article`."""
    config = training.article_config(64).replace(hidden_dim=8, time_embed_dim=4)
    target = open_target("moons")
    loop = loops.ArticleLoop(build_network(config, 2), config, target)
    seed = loop._draw.get_state()
    found = loop.step()
    draw = torch.Generator()
    draw.set_state(seed)
    x1 = target.sample(64, draw)
    x0 = torch.randn(64, 2, generator=draw)
    uniforms = torch.cat([torch.rand(64, 1, generator=draw) for _ in range(3)], dim=1)
    fresh = Trainer(config, target).flow_map
    terms = objective("article")(fresh, Batch(x0, x1, uniforms), config)
    assert found == pytest.approx(float(terms.total(config).detach()), rel=1e-5)


def test_the_plain_semigroup_loop_has_the_loss_of_our_objective() -> None:
    """Same weights, same draws: its loss is the total of the method `semigroup`."""
    config = RunConfig(hidden_dim=8, time_embed_dim=4, batch_size=64, lambda_cons=0.7)
    target = open_target("moons")
    network = build_network(config, 2)
    loop = loops.SemigroupLoop(network, config, target)
    draw = torch.Generator()
    draw.set_state(loop._draw.get_state())
    fresh = Trainer(config, target).flow_map
    found = loop.step()
    x1 = target.sample(64, draw)
    x0 = torch.randn(64, 2, generator=draw)
    x1 = x1[optimal_assignment(x0, x1)]
    on = diagonal_rows(64, config.diagonal_share)
    first = torch.rand(on, 1, generator=draw)
    rest = torch.cat([torch.rand(64 - on, 1, generator=draw) for _ in range(3)], dim=1)
    # On the diagonal our objective looks at the first number alone.
    uniforms = torch.cat([torch.cat([first, first, first], dim=1), rest])
    terms = objective("semigroup")(fresh, Batch(x0, x1, uniforms), config)
    assert found == pytest.approx(float(terms.total(config).detach()), rel=1e-4)


def test_the_time_until_samples_are_good_is_that_of_training_alone(
    tiny: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    class Clock:
        @staticmethod
        def perf_counter() -> float:
            return now[0]

    def learner(good_after: float) -> Any:
        def make(*_: Any) -> reaching.Learner:
            steps: list[None] = []

            def step() -> None:
                now[0] += 0.1
                steps.append(None)

            def sample(noise: torch.Tensor) -> torch.Tensor:
                now[0] += 100.0  # looking takes its time
                return good if 0.1 * len(steps) >= good_after else noise

            return reaching.Learner(step, sample)

        return make

    config, target = tiny, open_target("moons")
    units = Trainer(config, target).normalisation
    good = reaching.Referee(target, units, reaching.SAMPLES, 0).data
    makers = {"ours": learner(2.0), "slow": learner(5.0), "never": learner(math.inf)}
    monkeypatch.setattr(reaching, "time", Clock)
    monkeypatch.setattr(reaching, "_learners", lambda: makers)
    ours, slow, never, ratio = reaching.reaching_figures(config, Watch(), 60.0)
    assert (ours.median, ours.reached) == (pytest.approx(2.1), True)
    assert slow.median == pytest.approx(5.1)
    assert never.median == math.inf
    assert "not within 12.6 s in 3 of 3" in never.name
    assert ratio.median == pytest.approx(2.1 / 5.1)
    assert ratio.reached


def test_every_learner_learns_in_the_same_units(tiny: RunConfig) -> None:
    target = open_target("moons")
    config = tiny.replace(steps=10**6)
    units = Trainer(config, target).normalisation
    noise = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    for name, make in reaching._learners().items():
        learner = make(config, target, units)
        before = learner.sample(noise)
        for _ in range(60):
            learner.step()
        after = learner.sample(noise)
        learner.close()
        assert after.shape == noise.shape, name
        assert not torch.equal(before, after), name
    drawn = reaching._InUnits(target, units).sample(20_000, torch.Generator().manual_seed(1))
    assert drawn.mean(dim=0).abs().max() < 0.05
    assert abs(float(drawn.square().mean()) - 1) < 0.05
    assert units.scale[0] != 1


def test_a_gpu_has_goals_of_its_own() -> None:
    for case in training.CASES:
        assert case.on("cpu") is case
        there = case.on("cuda")
        assert there.config == case.config.replace(device="cuda")
        assert (there.name, there.goal) == (f"{case.name}, cuda", case.gpu_goal)


def test_groups_of_steps_are_those_whose_losses_are_read_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ticks = itertools.count()
    monkeypatch.setattr(loops, "time", SimpleNamespace(perf_counter=lambda: float(next(ticks))))
    loop = loops.OurLoop(
        training.article_config(16).replace(hidden_dim=8, time_embed_dim=4), open_target("moons")
    )
    trained = loop._trainer

    def events() -> Iterator[Progress]:
        for steps in (7, 7, 100, 16):  # what a clock and a device make of it
            trained.step += steps
            yield Progress(trained.step, np.zeros((steps, 6), np.float32), 0.0, 0.0)

    loop._events = events()
    assert loop.times(32) == [1 / 114, 1 / 16]
    assert not loop.recorded


def test_speed_rows_time_whole_groups_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"hidden_dim": 8, "time_embed_dim": 4, "batch_size": 32, "ot_batch": 32}
    cases = [
        dataclasses.replace(case, config=case.config.replace(**small))
        for case in (training.CASES[1], training.CASES[2])
    ]
    monkeypatch.setattr(training, "CASES", cases)
    rows = list(training.speed_rows(Watch(), rounds=1, steps=40))
    assert [(one.case, one.batch) for one in rows] == [(case.name, 32) for case in cases]
    for one in rows:
        assert 0 < one.ours.median <= one.ours.p95
        assert one.ratio == pytest.approx(one.other.median / one.ours.median)
    plain = loops.PlainLoop(lambda: None)
    assert len(plain.times(40)) == 2


# --- tables ---------------------------------------------------------------------------------------


def cells(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("| ") and "---" not in line:
            yield [cell.strip() for cell in line.strip("|").split("|")]


def test_the_peers_table_has_figures_and_a_verdict() -> None:
    rows = [
        row("moons", 0.0284),
        peer_row("moons", 0.05),
        row("rings", 0.5),
        peer_row("rings", 0.4),
    ]
    text = tables.peer_table(rows, OURS)
    _, moons, _ = cells(text)
    assert moons[:2] == ["moons", "0.028"]
    assert moons[6:8] == ["0.050", "0.020"]
    assert "By sliced W2 our one step is no worse than the peer's 100 on 1 of 2 targets" in text
    assert "within 1.5 × floor on 1 of 2" in text
    assert "100 steps in 2.0 s, 7 weights" in text
    assert tables.peer_table([row("moons", 0.1)], OURS) == ""


def test_the_overview_compares_recipes_over_targets() -> None:
    rows = [row("moons", 0.1), row("rings", 0.3), peer_row("moons", 0.2), peer_row("rings", 0.4)]
    head, ours, peer, floor = cells(tables.overview_table(rows))
    assert head[1:] == ["moons", "rings", "mean"]
    assert ours == [OURS, "0.100", "0.300", "0.200"]
    assert peer == ["peer, 100 steps", "0.200", "0.400", "0.300"]
    assert floor == ["data against data", "0.020", "0.020", "0.020"]


def test_all_tables_are_rectangular() -> None:
    lost = row("moons", 0.0, trained="lost", figures={}, effort=None, diverged="It diverged.")
    board = row(
        "checkerboard",
        0.1,
        floor={"histogram_kl": 0.008, "forbidden_mass": 0.0},
        figures={k: {"histogram_kl": 0.1, "forbidden_mass": 0.05} for k in FEW_STEPS},
    )
    measured = ExactRow(
        case="g",
        trained=OURS,
        seed=0,
        figures={"map": 0.0123, "worst": 0.02, "one_step": 0.01},
        effort=EFFORT,
    )
    timing = Timing(median=1.0, p95=2.0)
    speed = SpeedRow(
        case="step", batch=256, ours=timing, other=timing, other_name="theirs", goal=2.0
    )
    shown = {
        "full": tables.full_table([row("moons", 0.1), lost, peer_row("moons", 0.2)]),
        "board": tables.board_table([board]),
        "exact": tables.exact_table([measured]),
        "speed": tables.speed_table([speed]),
    }
    for name, text in shown.items():
        assert len({len(line) for line in cells(text)}) == 1, name
    assert "1.23%" in shown["exact"]
    assert "5.0%" in shown["board"]
    assert "| 1.00 | ≥ 2 |" in shown["speed"]
    assert tables.diverged_lines([lost, measured]) == ["moons, lost, seed 0: It diverged."]


def test_a_section_is_rewritten_between_its_markers() -> None:
    body = table(["name", "value"], [["a", "1"]])
    assert body == "| name | value |\n| --- | ---: |\n| a | 1 |"
    text = "before\n<!-- x -->\nold\n<!-- y -->\nafter\n"
    new = with_section(text, "<!-- x -->", "<!-- y -->", body)
    assert new == f"before\n<!-- x -->\n{body}\n<!-- y -->\nafter\n"
    assert with_section(new, "<!-- x -->", "<!-- y -->", body) == new
    with pytest.raises(ValueError, match="lacks <!-- z -->"):
        with_section(text, "<!-- z -->", "<!-- y -->", body)
