"""Views of points of many axes: principal axes exactly, chosen axes, a tour without jumps."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from flowmap_studio.core.projections import Tour, chosen_axes, principal_axes


def test_principal_axes_are_those_that_the_points_were_stretched_along() -> None:
    draw = np.random.default_rng(0)
    white = draw.standard_normal((500, 5))
    white -= white.mean(axis=0)
    white = white @ np.linalg.inv(np.linalg.cholesky(np.cov(white, rowvar=False))).T
    turn = np.linalg.qr(draw.standard_normal((5, 5)))[0]
    points = (white * [1, 4, 2, 0.5, 3]) @ turn.T
    frame = principal_axes(points)
    np.testing.assert_allclose(np.abs(frame.T @ turn[:, [1, 4]]), np.eye(2), atol=1e-9)
    seen = points @ frame
    np.testing.assert_allclose(np.cov(seen, rowvar=False), np.diag([16, 9]), atol=1e-9)


def test_chosen_axes_are_columns() -> None:
    points = np.arange(12.0).reshape(3, 4)
    assert np.array_equal(points @ chosen_axes(4, 2, 0), points[:, [2, 0]])


@pytest.mark.parametrize("dim", [3, 64])
def test_a_tour_turns_evenly_through_orthonormal_views(dim: int) -> None:
    tour = Tour(dim, seed=1)
    views = [tour.at(place) for place in np.arange(0, 3, 0.01)]
    for view in views:
        np.testing.assert_allclose(view.T @ view, np.eye(2), atol=1e-9)
    jumps = [np.abs(b - a).max() for a, b in pairwise(views)]
    assert max(jumps) < 0.3
    assert np.abs(views[0] - views[-1]).max() > 0.1
