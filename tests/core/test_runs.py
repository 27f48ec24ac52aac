"""Runs of several stages: budgets, teachers, warm starts, what snapshots say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.objectives import Passage
from flowmap_studio.core.odes import solve
from flowmap_studio.core.run import Run
from flowmap_studio.core.samplers import even_times
from flowmap_studio.core.solvers import SOLVERS
from flowmap_studio.core.stages import plan
from flowmap_studio.core.targets import open_target
from flowmap_studio.core.teacher import TeacherStream
from flowmap_studio.core.trainer import Trainer


def trained(config: RunConfig) -> Run:
    run = Run(config, open_target(config.target))
    for _ in run.run():
        pass
    return run


@pytest.mark.parametrize("steps", [1, 2, 7, 100, 3001])
@pytest.mark.parametrize("reflows", [1, 2, 3])
def test_rectified_flow_divides_the_budget_evenly(steps: int, reflows: int) -> None:
    config = RunConfig(method="rectified-flow", reflows=reflows, steps=steps, seconds=12.0)
    stages = plan(config)
    assert [stage.config.method for stage in stages] == [
        "flow-matching",
        *["rectified-flow"] * reflows,
    ]
    assert [stage.warm for stage in stages] == [stage.from_teacher for stage in stages]
    assert sum(stage.config.seconds for stage in stages) == pytest.approx(12.0)
    lengths = [stage.config.steps for stage in stages]
    if steps > reflows:
        assert sum(lengths) == steps
        assert max(lengths) - min(lengths) <= 1
    assert min(lengths) >= 1


def test_teachers_come_first_where_one_is_needed() -> None:
    assert len(plan(RunConfig())) == 1
    for changes in ({"method": "trajectory"}, {"method": "article", "coupling": "reflow"}):
        teacher, pupil = plan(RunConfig(**changes, teacher_share=0.25, steps=100))
        assert teacher.config.method == "flow-matching"
        assert teacher.config.coupling in ("ot", "independent")
        assert (teacher.config.steps, pupil.config.steps) == (25, 75)
        assert pupil.from_teacher
        assert not pupil.warm


def test_a_plain_run_is_its_one_trainer(small_config: RunConfig) -> None:
    target = open_target(small_config.target)
    trainer = Trainer(small_config, target)
    for _ in trainer.run():
        pass
    ours, plain = trained(small_config).snapshot(), trainer.snapshot()
    assert ours.config == plain.config
    for name, array in plain.weights.items():
        np.testing.assert_array_equal(ours.weights[name], array)


def test_steps_go_on_over_the_stages_and_the_snapshot_tells_the_stage(
    small_config: RunConfig,
) -> None:
    config = small_config.replace(method="trajectory", steps=30, teacher_share=0.5)
    run = Run(config, open_target(config.target))
    seen = []
    for progress in run.run():
        seen.append((progress.step, progress.fraction, run.snapshot().config.method))
    steps = [step for step, _, _ in seen]
    assert steps == sorted(steps)
    assert steps[-1] == 30 == run.snapshot().step
    assert seen[-1][1] == 1.0
    methods = [method for _, _, method in seen]
    assert set(methods) == {"flow-matching", "trajectory"}
    assert methods == sorted(methods)  # the teacher first
    assert run.snapshot().config == config
    assert run.finished


def test_an_interrupted_teacher_is_not_followed_by_its_pupil(small_config: RunConfig) -> None:
    config = small_config.replace(method="trajectory", steps=2000)
    run = Run(config, open_target(config.target))
    for _ in run.run():
        run.interrupt()
    assert not run.finished
    assert run.snapshot().config.method == "flow-matching"


@pytest.mark.parametrize("labels", ["off", "on"])
def test_runs_with_teachers_are_reproducible(labels: str, small_config: RunConfig) -> None:
    config = small_config.replace(method="trajectory", labels=labels)
    first, second = trained(config).snapshot(), trained(config).snapshot()
    for name, array in first.weights.items():
        np.testing.assert_array_equal(second.weights[name], array)


def teacher_stream(small_config: RunConfig) -> TeacherStream:
    taught = trained(small_config.replace(method="flow-matching", steps=200)).snapshot()
    config = small_config.replace(method="trajectory", steps=50)
    return TeacherStream(config, taught, 1, torch.device("cpu"))


def test_passages_lie_on_the_teachers_paths(small_config: RunConfig) -> None:
    stream = teacher_stream(small_config)
    batch = stream.chunk(0).batch(3)
    assert isinstance(batch.passage, Passage)
    s, t, start, end = batch.passage
    assert bool((s <= t).all())
    assert 0.3 < float((s == 0).float().mean()) < 0.7
    paths = torch.arange(5)
    zeros, ones = torch.zeros(5, 1), torch.ones(5, 1)
    torch.testing.assert_close(stream.at(paths, zeros), stream._states[0, paths])
    torch.testing.assert_close(stream.at(paths, ones), stream._states[-1, paths])
    at_source = s[:, 0] == 0
    torch.testing.assert_close(start[at_source], batch.x0[at_source])
    assert torch.isfinite(end).all()


def test_hermites_cubic_is_exact_for_a_cubic(small_config: RunConfig) -> None:
    stream = teacher_stream(small_config)
    times = torch.linspace(0, 1, len(stream._states))[:, None, None]
    stream._states = (times**3 - 0.5 * times).expand(-1, 7, 2)
    stream._slopes = (3 * times**2 - 0.5).expand(-1, 7, 2)
    t = torch.linspace(0, 1, 7)[:, None]
    found = stream.at(torch.arange(7), t)
    torch.testing.assert_close(found, (t**3 - 0.5 * t).expand(7, 2), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_solvers_solve_a_known_equation_with_their_order(solver: str) -> None:
    """dx/dt = (1 + t) x from x(0): x(1) = x(0) e^{3/2}."""
    x = torch.randn(10, 2, dtype=torch.float64)
    exact = x * np.exp(1.5)

    def error(steps: int, tolerance: float) -> tuple[float, int]:
        found = solve(lambda y, t: (1 + t) * y, x, even_times(0, 1, steps), solver, tolerance)
        return float((found.states[-1] - exact).abs().max()), found.evaluations

    stages = SOLVERS[solver].stages
    (coarse, few), (fine, many) = error(8, 1e-3), error(16, 1e-8)
    if stages:
        assert (few, many) == (8 * stages, 16 * stages)
        assert np.log2(coarse / fine) == pytest.approx(SOLVERS[solver].order, abs=0.4)
    else:
        assert fine < 1e-6
        assert many > few
