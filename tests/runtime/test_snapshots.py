"""The training history is bounded, keeps its ends and is spaced like learning."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.runtime import snapshots
from flowmap_studio.runtime.snapshots import MOST, SnapshotHistory

BASE = Snapshot(
    config=RunConfig(),
    step=0,
    weights={"a": np.zeros(256, np.float32)},
    normalisation=Normalisation((0.0, 0.0), (1.0, 1.0)),
    data=np.zeros((2, 2), np.float32),
)
KIBIBYTE = 1024


def at(step: int) -> Snapshot:
    return replace(BASE, step=step)


def history(steps: Any) -> SnapshotHistory:
    made = SnapshotHistory()
    for step in steps:
        made.add(at(step))
    return made


def test_few_snapshots_are_all_kept() -> None:
    made = history(range(0, 100, 10))
    assert made.steps == list(range(0, 100, 10))
    assert len(made) == 10
    assert made[3].step == 30


def test_a_snapshot_of_the_same_step_replaces_the_newest() -> None:
    made, newer = history([0, 10]), at(10)
    made.add(newer)
    assert made.steps == [0, 10]
    assert made[1] is newer


def test_a_long_run_stays_within_the_number_and_keeps_its_ends() -> None:
    made = history(range(0, 50_010, 10))
    assert len(made) == MOST
    assert made.steps[0] == 0
    assert made.steps[-1] == 50_000


def test_early_steps_lie_closer_than_late_ones() -> None:
    steps = history(range(0, 50_010, 10)).steps
    gaps = [b - a for a, b in pairwise(steps)]
    assert max(gaps[:20]) == 10
    assert all(gap <= max(20, 0.15 * step) for gap, step in zip(gaps, steps[1:], strict=True))


def test_large_maps_are_kept_within_the_memory_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MEMORY_BUDGET", 7 * KIBIBYTE)
    made = history(range(50))
    assert len(made) == 7
    monkeypatch.setattr(snapshots, "MEMORY_BUDGET", 1)
    made = history(range(50))
    assert len(made) == 3  # still a beginning, a middle and an end
    assert (made.steps[0], made.steps[-1]) == (0, 49)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60, unique=True), st.integers(3, 20))
def test_any_run_is_in_order_within_bounds_with_its_ends(steps: list[int], most: int) -> None:
    steps.sort()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshots, "MOST", most)
        made = history(steps)
    assert made.steps == sorted(set(made.steps))
    assert set(made.steps) <= set(steps)
    assert len(made) == min(len(steps), most)
    assert (made.steps[0], made.steps[-1]) == (steps[0], steps[-1])
