"""Maps beside each other: what is judged, counted and measured."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from flowmap_studio.core.comparison import Comparison, ways
from flowmap_studio.core.comparison_table import (
    COLUMNS,
    Entry,
    Row,
    cells,
    duration,
    entries_to_train,
    floor_cells,
)
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.costs import PeakMemory, counted
from flowmap_studio.core.errors import DataError, TrainingDiverged
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.metrics import Referee
from flowmap_studio.core.run import Run
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.targets import SHAPES, open_for


def trained(config: RunConfig) -> Snapshot:
    run = Run(config, *open_for(config))
    for _ in run.run():
        pass
    return run.snapshot()


def rows_of(comparison: Comparison) -> list[Row]:
    return [update.row for update in comparison.run() if update.row is not None]


def test_each_method_is_trained_alike_and_judged_as_evaluate_does(small_config: RunConfig) -> None:
    methods = ("flow-matching", "rectified-flow", "semigroup")
    comparison = Comparison(entries_to_train(small_config, methods), points=400)
    updates = list(comparison.run())
    rows = [update.row for update in updates if update.row is not None]
    found = [(row.name, row.solver, row.steps) for row in rows]
    assert found == [(method, *way) for method in methods for way in ways(method)]
    fractions = [update.fraction for update in updates]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    for method in methods:
        own = next(row.snapshot for row in rows if row.name == method)
        alone = trained(small_config.replace(method=method))
        assert own.config == alone.config
        assert all((own.weights[name] == alone.weights[name]).all() for name in own.weights)
    referee = Referee(SHAPES[small_config.target], rows[-1].snapshot.normalisation, 400)
    assert rows[-1].figures == referee.judge(LoadedMap(rows[-1].snapshot), 8)
    assert comparison.floor == referee.floors()
    assert comparison.points == 400


def test_evaluations_are_counted_and_the_network_is_measured(small_config: RunConfig) -> None:
    entries = entries_to_train(small_config, ["flow-matching"])
    one, eight, hundred, adaptive = rows_of(Comparison(entries, points=300))
    assert (one.evaluations, eight.evaluations, hundred.evaluations) == (1, 8, 100)
    assert adaptive.evaluations > 6  # a step of dopri5 has seven stages
    assert adaptive.sampling == "dopri5, adaptive"
    assert abs(adaptive.figures["sliced_w2"] - hundred.figures["sliced_w2"]) < 0.02
    weights = one.snapshot.weights
    assert one.parameters == sum(w.size for name, w in weights.items() if name != "frequencies")
    for row in (one, eight, hundred, adaptive):
        assert row.seconds_per_sample > 0
        # At least what goes into a hidden layer and what comes out of it.
        assert row.peak_bytes > 2 * 4 * 4096 * small_config.hidden_dim
    assert one.peak_bytes == pytest.approx(eight.peak_bytes, rel=0.2)


def test_maps_of_other_seeds_are_judged_in_one_unit(small_config: RunConfig) -> None:
    maps = [trained(small_config.replace(seed=seed, steps=5)) for seed in (0, 1)]
    entries = [Entry(str(k), made.config, made) for k, made in enumerate(maps)]
    rows = rows_of(Comparison(entries, points=300))
    own, common = maps[1].normalisation, maps[0].normalisation
    assert own != common
    referee = Referee(SHAPES[small_config.target], common, 300)
    cloud = referee.samples(LoadedMap(maps[1]), 2)
    moved = torch.from_numpy(common.apply(own.undo(cloud.numpy())))
    assert rows[5].figures == referee.compare(moved)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"target": "rings"}, "one target can be compared: first has moons, second has rings"),
        ({"source": "8gaussians"}, "one source can be compared: first has normal"),
    ],
)
def test_only_maps_of_one_problem_are_compared(
    small_config: RunConfig, change: dict[str, Any], words: str
) -> None:
    first = small_config.replace(target="moons")
    with pytest.raises(DataError, match=words):
        Comparison([Entry("first", first), Entry("second", first.replace(**change))])
    with pytest.raises(DataError, match="nothing to compare"):
        Comparison([])


def test_an_interrupted_comparison_ends_soon(small_config: RunConfig) -> None:
    entries = entries_to_train(small_config.replace(steps=100_000_000), ["semigroup", "lagrangian"])
    comparison = Comparison(entries)
    updates = []
    for update in comparison.run():
        updates.append(update)
        comparison.interrupt()
    assert not any(update.row for update in updates)
    assert len(updates) < 20


def test_one_that_diverges_does_not_take_the_others_along(
    small_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowmap_studio.core import trainer

    usual = trainer.Trainer._report

    def report(self: Any) -> Any:
        if self.config.method == "lagrangian":
            raise TrainingDiverged("Training diverged: the loss is no longer finite.", 3)
        return usual(self)

    monkeypatch.setattr(trainer.Trainer, "_report", report)
    entries = entries_to_train(small_config, ["lagrangian", "semigroup"])
    updates = list(Comparison(entries, points=200).run())
    names = {update.row.name for update in updates if update.row is not None}
    failed = [update.text for update in updates if update.failed]
    assert names == {"semigroup"}
    assert failed == ["lagrangian: Training diverged: the loss is no longer finite."]


def test_memory_is_that_of_the_tensors_alive_at_once() -> None:
    given = torch.zeros(1000)
    with PeakMemory() as memory:
        one = given + 1  # 4,000 bytes
        two = one.double()  # 8,000 more
        two.view(10, 100).add_(1)  # neither a view nor a change in place takes any
        del one
        three = two + 1  # 8,000 in the place of 4,000
    assert memory.peak == 16_000
    assert len(three) == 1000


def test_rows_that_go_through_the_network_are_counted(small_config: RunConfig) -> None:
    loaded = LoadedMap(trained(small_config.replace(steps=1)))
    with counted(loaded.flow_map) as evaluations:
        loaded.sample(5000, 3, seed=0)
    assert (evaluations.rows, evaluations.per_point(5000)) == (15_000, 3)
    loaded.sample(10, 1, seed=0)
    assert evaluations.rows == 15_000


def test_a_velocity_is_solved_as_asked_and_a_map_jumps_all_the_same(
    small_config: RunConfig,
) -> None:
    velocity = LoadedMap(trained(small_config.replace(method="flow-matching")))
    noise = velocity.noise(100, 0)
    exact = velocity.at(noise, 0.8, 200, solver="rk4")
    errors = {
        solver: abs(velocity.at(noise, 0.8, 4, solver=solver) - exact).max()
        for solver in ("euler", "heun", "rk4", "dopri5")
    }
    assert errors["euler"] > 2 * errors["heun"] > 4 * errors["rk4"]
    assert errors["dopri5"] < 1e-3
    for solver in errors:
        still = velocity.at(noise, 0.0, 4, solver=solver)
        assert abs(still - velocity.source(100, 0)).max() < 1e-5
    jumps = LoadedMap(trained(small_config.replace(steps=5)))
    assert (jumps.at(noise, 1, 2, solver="rk4") == jumps.at(noise, 1, 2)).all()


def test_the_table_has_a_cell_for_each_column(small_config: RunConfig) -> None:
    entry = Entry("mine", small_config, trained(small_config.replace(steps=1)))
    comparison = Comparison([entry], points=200)
    row = rows_of(comparison)[1]
    written = dict(zip(COLUMNS, cells(row), strict=True))
    assert (written["Map"], written["Sampling"], written["Evaluations"]) == ("mine", "2 steps", "2")
    assert float(written["Sliced W2"]) == pytest.approx(row.figures["sliced_w2"], abs=5e-4)
    assert len(floor_cells(comparison.floor)) == len(COLUMNS)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.234e-6, "1.23 µs"),
        (9.999e-6, "10.0 µs"),
        (99.96e-6, "100 µs"),
        (0.9996e-3, "1.00 ms"),
        (0.0123, "12.3 ms"),
        (1.5, "1.50 s"),
    ],
)
def test_durations_have_three_digits(seconds: float, text: str) -> None:
    assert duration(seconds) == text
