"""The plot that all others stand on: one view, two axes that follow it, a grid, numbers."""

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPoint, QPointF
from PySide6.QtWidgets import QGraphicsRectItem

from flowmap_studio.views.plot_view import PlotView


@pytest.fixture
def plot(black_plot) -> PlotView:
    return black_plot


def lit(plot: PlotView) -> np.ndarray:
    """(height, width) brightness of what is seen."""
    image = plot.grab().toImage()
    return np.array(
        [
            [image.pixelColor(x, y).lightness() for x in range(image.width())]
            for y in range(image.height())
        ]
    )


def inside(plot: PlotView) -> tuple[slice, slice]:
    area = (
        plot.mapFromScene(plot.box.sceneBoundingRect()).boundingRect().adjusted(9, 9, -9, -9)
    )  # without the ticks
    return slice(area.top(), area.bottom()), slice(area.left(), area.right())


def test_the_axes_lie_beside_the_view_and_follow_its_range(plot):
    left, bottom = plot.axes["left"], plot.axes["bottom"]
    box = plot.box.geometry()
    assert left.geometry().right() == box.left()
    assert bottom.geometry().top() == box.bottom()
    assert box.right() == pytest.approx(400 - 8, abs=2)
    plot.box.setRange(xRange=(5, 7), yRange=(-1, 1), padding=0)
    assert bottom.range == [5, 7]
    assert left.range == [-1, 1]


def test_what_is_added_is_seen_where_its_data_are_until_it_is_removed(plot):
    item = QGraphicsRectItem(4, 4, 2, 2)
    item.setBrush(pg.mkBrush("w"))
    plot.addItem(item, ignoreBounds=True)
    centre = plot.mapFromScene(plot.box.mapViewToScene(QPointF(5, 5)))
    beside = centre + QPoint(150, 0)
    picture = plot.grab().toImage()
    assert picture.pixelColor(centre).lightness() == 255
    assert picture.pixelColor(beside).lightness() == 0
    plot.removeItem(item)
    assert plot.grab().toImage().pixelColor(centre).lightness() == 0


def test_a_grid_is_drawn_at_the_ticks_and_taken_away_again(plot):
    assert lit(plot)[inside(plot)].max() == 0
    plot.show_grid(0.5)
    rows = lit(plot)[inside(plot)]
    assert rows.max() > 0
    assert (rows.max(axis=0) > 0).all()  # lines across, which each column meets
    plot.show_grid(0)
    assert lit(plot)[inside(plot)].max() == 0


def test_numbers_go_away_and_come_back(plot):
    def below() -> int:
        return int(lit(plot)[inside(plot)[0].stop + 14 :].max())

    assert below() > 100
    plot.show_numbers(False)
    assert below() == 0
    plot.show_numbers(True)
    assert below() > 100
