"""The loss history keeps mean, minimum and maximum exactly, in bounded memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowmap_studio.core.history import TERMS, LossHistory


def losses(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(0, 2, (count, len(TERMS))).astype(np.float32)


@given(
    st.lists(st.integers(0, 90), min_size=1, max_size=30),
    st.sampled_from([2, 4, 6, 16, 64]),
)
def test_buckets_equal_a_plain_reference(chunks: list[int], capacity: int) -> None:
    rows = losses(sum(chunks))
    history = LossHistory(capacity)
    for part in np.split(rows, np.cumsum(chunks)[:-1]):
        history.append(part)
    assert len(history) == len(rows)
    stride = history.stride
    # The shortest power of two that leaves room: buckets merge as soon as all are full.
    whole = len(rows) // stride
    assert whole < capacity
    assert stride == 1 or whole >= capacity // 2
    view = history.view()
    grouped = rows[: whole * stride].reshape(whole, stride, len(TERMS)).astype(np.float64)
    np.testing.assert_allclose(view.mean, grouped.mean(axis=1), rtol=1e-5)
    np.testing.assert_array_equal(view.low, grouped.min(axis=1, initial=np.inf))
    np.testing.assert_array_equal(view.high, grouped.max(axis=1, initial=-np.inf))
    np.testing.assert_array_equal(view.steps, (np.arange(whole) + 0.5) * stride)


@given(st.integers(0, 500), st.integers(1, 60), st.sampled_from([16, 64, 1024]))
def test_views_merge_further_without_losing_a_peak(count: int, columns: int, capacity: int) -> None:
    rows = losses(count, seed=count)
    history = LossHistory(capacity)
    history.append(rows)
    view = history.view(columns)
    kept = rows[: count // history.stride * history.stride]
    assert len(view.steps) <= columns
    assert len(view.steps) == len(view.mean) == len(view.low) == len(view.high)
    if len(kept):
        np.testing.assert_array_equal(view.low.min(axis=0), kept.min(axis=0))
        np.testing.assert_array_equal(view.high.max(axis=0), kept.max(axis=0))
        assert (view.low <= view.mean * (1 + 1e-5)).all()
        assert (view.mean <= view.high * (1 + 1e-5)).all()
        assert (np.diff(view.steps) > 0).all()


def test_a_range_reaches_one_bucket_beyond_its_ends() -> None:
    history = LossHistory(64)
    history.append(losses(60))
    view = history.view(start=20, stop=30)
    np.testing.assert_array_equal(view.steps, np.arange(19, 31) + 0.5)
    np.testing.assert_array_equal(view.mean, losses(60)[19:31])
    assert history.view(start=0, stop=5).steps[0] == 0.5
    assert history.view(start=55, stop=1e9).steps[-1] == 59.5
    assert len(history.view(start=1e6).steps) <= 1
    assert len(history.view(start=-50, stop=-10).steps) <= 1


def test_an_absent_term_stays_absent_without_a_warning() -> None:
    rows = losses(300)
    rows[:, 1] = np.nan
    history = LossHistory(16)
    history.append(rows)
    view = history.view(5)
    assert np.isnan(view.mean[:, 1]).all()
    assert np.isfinite(view.mean[:, [0, 2, 3]]).all()
    assert np.isnan(history.latest()[1])


def test_latest_is_the_newest_step_until_buckets_merge() -> None:
    history = LossHistory(8)
    assert np.isnan(history.latest()).all()
    rows = losses(7)
    for row in rows:
        history.append(row[None])
        np.testing.assert_array_equal(history.latest(), row)


def test_latest_belongs_to_the_caller() -> None:
    history = LossHistory(8)
    history.append(losses(3))
    history.latest()[:] = -1
    assert (history.latest() > 0).all()


def test_an_empty_history_gives_empty_views() -> None:
    view = LossHistory().view(100)
    assert view.steps.shape == (0,)
    assert view.mean.shape == view.low.shape == view.high.shape == (0, len(TERMS))


def test_a_million_steps_take_bounded_memory() -> None:
    history = LossHistory(1024)
    chunk = losses(1000)
    history.append(chunk)
    tracemalloc.start()
    for _ in range(999):
        history.append(chunk)
    current, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(history) == 1_000_000
    assert current < 200_000
    assert history.stride == 1024
    assert len(history.view().steps) == 1_000_000 // 1024
    np.testing.assert_array_equal(history.view(7).high.max(axis=0), chunk.max(axis=0))


@pytest.mark.parametrize("capacity", [0, 1, 3, 7])
def test_a_capacity_that_cannot_be_halved_is_refused(capacity: int) -> None:
    with pytest.raises(ValueError, match="even"):
        LossHistory(capacity)
