"""Shift and scale to unit spread and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from flowmap_studio.core.errors import DataError
from flowmap_studio.core.normalisation import Normalisation

RULES = ["auto", "isotropic", "per-axis", "none"]
clouds = hnp.arrays(
    np.float64,
    st.tuples(st.integers(2, 30), st.integers(2, 5)),
    elements=st.floats(-1e6, 1e6, width=32),
).filter(lambda points: np.ptp(points, axis=0).max() > 1e-3 * max(1, np.abs(points).max()))


@given(clouds, st.sampled_from(RULES))
def test_round_trip(points: np.ndarray, rule: str) -> None:
    units = Normalisation.fit(points, rule)
    assert units.dim == points.shape[1]
    there = units.apply(points)
    assert there.dtype == np.float32
    back = units.undo(there)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, points, rtol=1e-5, atol=1e-5 * np.abs(points).max())


@given(clouds)
def test_unit_spread(points: np.ndarray) -> None:
    one_scale = Normalisation.fit(points, "isotropic")
    assert len(set(one_scale.scale)) == 1
    there = one_scale.apply(points).astype(np.float64)
    assert there.var(axis=0).mean() == pytest.approx(1, rel=1e-3)
    np.testing.assert_allclose(there.mean(axis=0), 0, atol=1e-3)
    each = Normalisation.fit(points, "per-axis").apply(points).astype(np.float64)
    for column in each.T:
        assert column.std() == pytest.approx(1, rel=1e-3) or column.std() < 1e-3


def test_none_changes_nothing() -> None:
    points = np.random.default_rng(0).normal(5, 3, (20, 3)).astype(np.float32)
    units = Normalisation.fit(points, "none")
    np.testing.assert_array_equal(units.apply(points), points)


@pytest.mark.parametrize(("ratio", "rule"), [(9.9, "isotropic"), (10.1, "per-axis")])
def test_auto_scales_each_axis_when_spreads_differ_tenfold(ratio: float, rule: str) -> None:
    column = np.array([-1.0, 1.0, -1.0, 1.0])
    points = np.stack([column, ratio * column], axis=1)
    assert Normalisation.fit(points, "auto") == Normalisation.fit(points, rule)
    assert Normalisation.fit(points, "isotropic") != Normalisation.fit(points, "per-axis")


@pytest.mark.parametrize("rule", ["auto", "per-axis"])
def test_a_constant_axis_stays_constant(rule: str) -> None:
    points = np.stack([np.linspace(-3, 3, 50), np.full(50, 7.0)], axis=1)
    units = Normalisation.fit(points, rule)
    there = units.apply(points)
    assert np.isfinite(there).all()
    assert there[:, 0].std() == pytest.approx(1, rel=1e-5)
    assert not there[:, 1].any()
    # An error of the map off that axis is not magnified without bound on the way back.
    assert units.scale[1] == units.scale[0]
    np.testing.assert_allclose(units.undo(there), points, rtol=1e-6)


@pytest.mark.parametrize("rule", ["auto", "isotropic", "per-axis"])
def test_no_spread_is_refused(rule: str) -> None:
    with pytest.raises(DataError, match="the same"):
        Normalisation.fit(np.full((10, 2), 1e5), rule)
