"""A band fills what lies between its ends, keeps the narrowest spike, and follows the view."""

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor

from flowmap_studio.views.band import Band
from flowmap_studio.views.plot_view import PlotView

HALF_RED = QColor(255, 0, 0, 128)


@pytest.fixture
def plot(black_plot) -> PlotView:
    return black_plot


@pytest.fixture
def band(plot) -> Band:
    made = Band()
    made.set_colour(HALF_RED)
    plot.addItem(made)
    return made


def red_at(plot: PlotView, x: float, y: float) -> int:
    place = plot.mapFromScene(plot.box.mapViewToScene(QPointF(x, y)))
    return plot.grab().toImage().pixelColor(place).red()


def highest(plot: PlotView) -> float:
    """The greatest value at which anything of the band is seen."""
    image, box = plot.grab().toImage(), plot.box.sceneBoundingRect()
    rows = [
        y
        for y in range(int(box.top()) + 1, int(box.bottom()))
        if any(
            image.pixelColor(x, y).red() > 100
            for x in range(int(box.left()) + 2, int(box.right()) - 1)
        )
    ]
    return plot.box.mapSceneToView(QPointF(box.center().x(), min(rows))).y()


def test_each_row_is_filled_half_way_to_its_neighbours_and_nothing_else_is(plot, band):
    band.set_rows(np.array([2.0, 4.0, 8.0]), np.array([1.0, 3.0, 2.0]), np.array([4.0, 9.0, 5.0]))
    filled = [(2.5, 1.5), (2.5, 3.5), (3.5, 3.5), (5.5, 8.5), (6.5, 2.5), (7.5, 4.5)]
    empty = [(1.5, 2), (2.5, 4.5), (3.5, 2.5), (5.5, 2.5), (6.5, 5.5), (8.5, 3)]
    assert [red_at(plot, *place) for place in filled] == pytest.approx([128] * len(filled), abs=1)
    assert [red_at(plot, *place) for place in empty] == [0] * len(empty)


def test_a_spike_that_is_narrower_than_a_pixel_is_seen(plot, band):
    steps = np.linspace(0, 10, 5000)
    for place in (1203, 2501, 4999):
        high = np.full(5000, 2.0)
        high[place] = 8.0
        band.set_rows(steps, np.full(5000, 1.0), high)
        assert highest(plot) == pytest.approx(8, abs=0.15)


def test_it_goes_with_the_view_and_with_its_colour(plot, band):
    band.set_rows(np.array([0.0, 10.0]), np.array([4.0, 4.0]), np.array([6.0, 6.0]))
    assert red_at(plot, 5, 5) == pytest.approx(128, abs=1)
    plot.box.setRange(xRange=(2, 4), yRange=(5.5, 7.5), padding=0)
    assert red_at(plot, 3, 5.8) == pytest.approx(128, abs=1)
    assert red_at(plot, 3, 6.5) == 0
    band.set_colour(QColor(0, 0, 255))
    assert red_at(plot, 3, 5.8) == 0


def test_no_rows_and_a_single_one(plot, band):
    band.set_rows(np.empty(0), np.empty(0), np.empty(0))
    assert red_at(plot, 5, 5) == 0
    band.set_rows(np.array([5.0]), np.array([4.0]), np.array([6.0]))
    assert red_at(plot, 5, 5) == pytest.approx(128, abs=1)
    assert red_at(plot, 5.5, 5) == 0
