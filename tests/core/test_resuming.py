"""A run that was cut off and goes on ends, to the bit, as if nothing had happened."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowmap_studio.core import trainer
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import DataError, PresetError
from flowmap_studio.core.history import LossHistory
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.presets import Preset, read_preset, write_preset
from flowmap_studio.core.presets.codec import decode, encode
from flowmap_studio.core.run import Run
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.targets import open_again, open_for
from flowmap_studio.core.training_state import Checkpoint


@pytest.fixture(autouse=True)
def _every_step_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a run can be cut off after any step."""
    monkeypatch.setattr(trainer, "REPORT_SECONDS", 0.0)


def cut_off(run: Run, step: int) -> Checkpoint:
    """The run at a step, as a file brings it back."""
    for progress in run.run():
        if progress.step >= step:
            break
    assert run.step == step
    return through_a_file(run.checkpoint())


def through_a_file(checkpoint: Checkpoint) -> Checkpoint:
    preset = Preset(snapshot=checkpoint.snapshot, title="", training=checkpoint.state)
    found = decode(encode(preset)).checkpoint
    assert found is not None
    return found


def fresh(config: RunConfig, points: Any = None) -> Run:
    lent = None
    if points is not None:
        normalisation = Normalisation.fit(points, config.normalisation)
        lent = Snapshot(config, 0, {}, normalisation, points)
    return Run(config, *open_for(config, lent))


def again(checkpoint: Checkpoint) -> Run:
    return Run(checkpoint.state.config, *open_again(checkpoint), resumed=checkpoint)


def finished(run: Run) -> Checkpoint:
    for _ in run.run():
        pass
    assert run.finished
    return run.checkpoint()


def assert_same(found: Checkpoint, expected: Checkpoint) -> None:
    """All but the time it took."""
    assert found.snapshot.step == expected.snapshot.step
    assert found.snapshot.config == expected.snapshot.config
    for name, array in expected.snapshot.weights.items():
        assert found.snapshot.weights[name].tobytes() == array.tobytes(), name
    for name in ("weights", "first", "second"):
        ours, theirs = getattr(found.state.current, name), getattr(expected.state.current, name)
        assert ours.tobytes() == theirs.tobytes(), name
    ours, theirs = found.state.history, expected.state.history
    assert (ours.stride, ours.steps) == (theirs.stride, theirs.steps)
    assert ours.buckets.tobytes() == theirs.buckets.tobytes()
    assert ours.pending.tobytes() == theirs.pending.tobytes()


RUNS: dict[str, dict[str, Any]] = {
    "plain": {},
    "sinkhorn": {"coupling": "sinkhorn", "pair_reuse": 3},
    "one-time": {"method": "article", "coupling": "independent", "parametrisation": "free"},
    "no average": {"ema_decay": 0.0, "schedule": "cosine"},
    "AdamW": {"optimiser": "adamw", "weight_decay": 0.1, "clip_norm": 0.5},
    "classes and density head": {"labels": "on", "density_head": "on"},
    "bridge": {"method": "schrodinger-bridge", "coupling": "sinkhorn"},
    "other source": {"source": "rings"},
    "distillation": {"method": "trajectory"},
    "reflow pairs": {"coupling": "reflow", "labels": "on", "density_head": "on"},
    "rectified flow": {"method": "rectified-flow", "reflows": 2, "coupling": "independent"},
}


@pytest.mark.parametrize("kind", RUNS)
def test_a_resumed_run_ends_as_the_uninterrupted_one(kind: str, small_config: RunConfig) -> None:
    """Cut in the midst of a chunk and at its end; in a teacher, at its end and in its pupil."""
    config = small_config.replace(**RUNS[kind])
    whole = finished(fresh(config))
    for step in (16, 20, 29):
        assert_same(finished(again(cut_off(fresh(config), step))), whole)


def test_it_may_be_cut_off_again_and_again(small_config: RunConfig) -> None:
    config = small_config.replace(method="trajectory")
    checkpoint = cut_off(fresh(config), 1)
    for step in range(5, 40, 5):
        checkpoint = cut_off(again(checkpoint), step)
    assert_same(finished(again(checkpoint)), finished(fresh(config)))


def test_a_checkpoint_of_a_resumed_run_is_the_one_it_was_resumed_from(
    small_config: RunConfig,
) -> None:
    checkpoint = cut_off(fresh(small_config.replace(method="trajectory")), 27)
    found = again(checkpoint).checkpoint()
    assert_same(found, checkpoint)
    assert found.state.current.seconds == checkpoint.state.current.seconds
    assert found.state.seconds_before == checkpoint.state.seconds_before > 0
    assert (found.state.stage, found.state.steps_before) == (1, 20)
    for name, array in (checkpoint.state.teacher or {}).items():
        assert found.state.teacher is not None
        assert found.state.teacher[name].tobytes() == array.tobytes()


def test_an_interrupted_run_does_so_too(small_config: RunConfig) -> None:
    run = fresh(small_config)
    for progress in run.run():
        if progress.step == 5:
            run.interrupt()
    cut = through_a_file(run.checkpoint())
    assert 5 <= cut.snapshot.step < small_config.steps
    assert_same(finished(again(cut)), finished(fresh(small_config)))


def test_a_run_with_a_start_goes_on_without_it(small_config: RunConfig) -> None:
    """Its random frequencies are those of the map it began with, not of its own seed."""
    config = small_config.replace(position_features=4)
    start = finished(fresh(config.replace(seed=8))).snapshot

    def begun() -> Run:
        return Run(config, *open_for(config), start)

    assert_same(finished(again(cut_off(begun(), 21))), finished(begun()))


# What is learned from


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    draw = np.random.default_rng(3)
    rows = np.concatenate([draw.normal(size=(60, 2)), draw.integers(0, 3, (60, 1))], axis=1)
    np.savetxt(path, rows, delimiter=",")
    return path


@pytest.mark.parametrize("labels", ["off", "on"])
def test_own_points_travel_with_the_run(table: Path, labels: str, small_config: RunConfig) -> None:
    config = small_config.replace(target=str(table), labels=labels, coupling="independent")
    whole = finished(fresh(config))
    cut = cut_off(fresh(config), 21)
    table.unlink()
    assert cut.state.config.target == "mine.csv"
    found = finished(again(cut))
    assert found.snapshot.weights["net.0.bias"].tobytes() == (
        whole.snapshot.weights["net.0.bias"].tobytes()
    )


def test_points_of_a_preset_travel_in_their_order(small_config: RunConfig) -> None:
    points = np.random.default_rng(4).normal(size=(50, 2)).astype(np.float32)
    config = small_config.replace(target="lost.csv")
    whole = finished(fresh(config, points))
    assert_same(finished(again(cut_off(fresh(config, points), 21))), whole)


def test_too_many_points_have_to_be_there_again(
    table: Path, small_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowmap_studio.core.run.POINT_BYTES", 100)
    config = small_config.replace(target=str(table))
    cut = cut_off(fresh(config), 21)
    assert cut.state.points is None
    with pytest.raises(DataError, match=r"no file 'mine\.csv'"):
        again(cut)
    at_hand = dataclasses.replace(cut, state=dataclasses.replace(cut.state, config=config))
    assert again(at_hand).step == 21
    np.savetxt(table, np.loadtxt(table, delimiter=",") + 0.01, delimiter=",")
    with pytest.raises(DataError, match=r"mine\.csv is not what this run has learned from so far"):
        again(at_hand)


# In a file


@pytest.fixture
def unfinished(small_config: RunConfig) -> Preset:
    """Of the second stage, with a teacher and its own points."""
    config = small_config.replace(method="trajectory", target="/home/jane/mine.csv")
    points = np.random.default_rng(4).normal(size=(50, 2)).astype(np.float32)
    run = fresh(config, points)
    for progress in run.run():
        if progress.step == 27:
            break
    checkpoint = run.checkpoint()
    return Preset(snapshot=checkpoint.snapshot, title="Cut off", training=checkpoint.state)


def test_folders_are_kept_only_where_the_file_is_not_shared(
    tmp_path: Path, unfinished: Preset
) -> None:
    for private in (True, False):
        path = tmp_path / "mine.flowmap"
        write_preset(path, unfinished, private=private)
        assert (b"jane" in path.read_bytes()) is not private
        found = read_preset(path)
        assert found.training is not None
        target = "mine.csv" if private else "/home/jane/mine.csv"
        assert found.training.config.target == found.snapshot.config.target == target


def test_an_unfinished_run_is_a_map_like_others(tmp_path: Path, unfinished: Preset) -> None:
    from flowmap_studio.core.loaded_map import LoadedMap

    path = tmp_path / "mine.flowmap"
    write_preset(path, unfinished)
    found = read_preset(path)
    expected = LoadedMap(unfinished.snapshot).sample(50, 2, seed=1)
    np.testing.assert_array_equal(LoadedMap(found.snapshot).sample(50, 2, seed=1), expected)
    finished_one = dataclasses.replace(unfinished, training=None)
    assert decode(encode(finished_one)).checkpoint is None


def test_what_no_file_can_hold_is_refused_when_it_is_saved(
    tmp_path: Path, unfinished: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowmap_studio.core.presets.files.FILE_LIMIT", 1000)
    with pytest.raises(PresetError, match=r"Could not save mine\.flowmap: it is larger than"):
        write_preset(tmp_path / "mine.flowmap", unfinished)
    assert list(tmp_path.iterdir()) == []


def test_cut_files_are_refused(unfinished: Preset) -> None:
    content = encode(unfinished)
    for size in [*range(0, len(content), 499), len(content) - 1]:
        with pytest.raises(PresetError):
            decode(content[:size])


# The history of losses


@pytest.mark.parametrize("capacity", [4, 32_768])
@pytest.mark.parametrize("cut", [0, 1, 7, 50, 100])
def test_a_history_goes_on_where_it_was(
    capacity: int, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LossHistory.__init__, "__defaults__", (capacity,))
    rows = np.random.default_rng(0).random((101, 6), np.float32)
    whole, part = LossHistory(), LossHistory()
    whole.append(rows[:cut])
    whole.append(rows[cut:])
    part.append(rows[:cut])
    part = LossHistory.restored(part.state())
    part.append(rows[cut:])
    assert part.state().buckets.tobytes() == whole.state().buckets.tobytes()
    assert part.state().pending.tobytes() == whole.state().pending.tobytes()
    assert len(part) == part.state().steps == 101


def test_the_newest_steps_of_a_history() -> None:
    rows = np.arange(60, dtype=np.float32).reshape(10, 6)
    fine, coarse = LossHistory(), LossHistory(4)
    for history in (fine, coarse):
        assert history.tail(5).shape == (0, 6)
        history.append(rows)
    np.testing.assert_array_equal(fine.tail(3), rows[-3:])
    np.testing.assert_array_equal(fine.tail(99), rows)
    assert coarse.stride == 4
    expected = np.concatenate([np.repeat(rows[4:8].mean(axis=0)[None], 4, axis=0), rows[8:]])
    np.testing.assert_array_equal(coarse.tail(6), expected)
