"""The quality plot shows both curves, the floor and the newest figures."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel

from flowmap_studio.views.quality_plot import QualityPlot
from flowmap_studio.views.theme import DARK, LIGHT

# The offscreen platform says this of every window that is shown.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")
STEPS = [100, 200, 400]
SERIES = {"one_step": [0.5, 0.1, 0.041], "composed": [0.4, 0.08, 0.027]}


@pytest.fixture
def plot(qtbot):
    widget = QualityPlot(DARK)
    qtbot.addWidget(widget)
    widget.resize(340, 220)
    with qtbot.waitExposed(widget):
        widget.show()
    return widget


def words(plot) -> str:
    from PySide6.QtGui import QTextDocumentFragment

    label = plot.findChild(QLabel, "qualityLabel")
    return QTextDocumentFragment.fromHtml(label.text()).toPlainText()


def test_an_empty_plot_says_when_it_fills(plot):
    empty = plot.findChild(QLabel, "emptyLabel")
    assert empty.isVisible()
    assert empty.text() == "Quality is measured while the map learns."
    plot.set_points(STEPS, SERIES, 0.012)
    assert not empty.isVisible()
    plot.clear()
    assert empty.isVisible()
    assert words(plot) == ""
    assert not plot._floor_line.isVisible()


def test_the_newest_figures_are_told(plot):
    plot.set_composed_steps(8)
    plot.set_points(STEPS, SERIES, 0.012)
    assert words(plot) == "one step 0.041 · 8 steps 0.027 · floor 0.012"
    plot.set_composed_steps(16)
    assert words(plot) == "one step 0.041 · 16 steps 0.027 · floor 0.012"
    plot.set_points(STEPS, SERIES, None)
    assert words(plot) == "one step 0.041 · 16 steps 0.027"


def test_the_curves_are_the_points_on_a_log_axis(plot):
    plot.set_points(STEPS, SERIES, 0.012)
    for name, values in SERIES.items():
        steps, heights = plot._curves[name].getData()
        np.testing.assert_array_equal(steps, STEPS)
        np.testing.assert_allclose(10**heights, values)
    assert 10 ** plot._floor_line.value() == pytest.approx(0.012)


def test_everything_measured_lies_in_view(plot):
    plot.set_points(STEPS, SERIES, 0.012)
    (left, right), (low, high) = plot._plot.box.viewRange()
    assert left <= 100
    assert right >= 400
    assert low < np.log10(0.012)
    assert high > np.log10(0.5)


def test_gaps_zeros_and_missing_series_do_not_break_it(plot):
    plot.set_points(STEPS, {"one_step": [np.nan, 0.0, 0.1]}, 0.0)
    assert words(plot) == "one step 0.100 · floor 0.000"
    assert not plot._floor_line.isVisible()
    assert np.all(np.isfinite(plot._plot.box.viewRange()))
    plot.set_points([10], {"one_step": [np.nan], "composed": [np.nan]}, None)
    assert words(plot) == "one step – · 8 steps –"
    plot.grab()


def test_a_series_of_another_length_is_refused(plot):
    with pytest.raises(ValueError, match="composed has 1 values for 3 steps"):
        plot.set_points(STEPS, {"one_step": [1, 2, 3], "composed": [1]}, None)


def test_the_crosshair_reads_the_nearest_measurement(plot):
    plot.set_points(STEPS, SERIES, 0.012)
    place, text = plot._describe(230.0)
    assert place == 200
    for part in ("step 200", "0.100", "0.080", "0.012"):
        assert part in text


def test_the_unit_is_on_the_axis_and_colours_are_the_layers(plot):
    left = plot._plot.axes["left"]
    assert left.label.toPlainText().strip() == "sliced W2 (data σ)"
    for palette in (LIGHT, DARK):
        plot.apply_palette(palette)
        for name, curve in plot._curves.items():
            assert curve.opts["pen"].color().name() == palette.layer(name)


def hover(plot, step: float) -> None:
    box, target = plot._plot.box, plot._plot.viewport()
    middle = QPointF(step, box.viewRect().center().y())
    place = QPointF(plot._plot.mapFromScene(box.mapViewToScene(middle)))
    move = QMouseEvent(
        QEvent.Type.MouseMove,
        place,
        QPointF(target.mapToGlobal(place)),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(target, move)


def test_the_mouse_reads_a_measurement_and_the_newest_figures_stay(plot):
    plot.set_points(STEPS, SERIES, 0.012)
    card = plot.findChild(QLabel, "crosshairLabel")
    assert not card.isVisible()
    hover(plot, 230)
    assert "step 200" in card.text()
    hover(plot, 395)
    assert card.isVisible()
    assert "step 400" in card.text()
    assert card.parentWidget().rect().contains(card.geometry())
    assert words(plot).startswith("one step 0.041")
    QApplication.sendEvent(plot._plot.viewport(), QEvent(QEvent.Type.Leave))
    assert not card.isVisible()


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_values_without_a_logarithm_leave_the_plot_whole(plot, bad):
    plot.set_points(STEPS, {"one_step": [0.5, bad, 0.04], "composed": [bad] * 3}, 0.012)
    low, high = plot._plot.box.viewRange()[1]
    assert -4 < low < high < 2
    np.testing.assert_allclose(10 ** plot._curves["one_step"].getData()[1], [0.5, 0.04])
    plot.grab()  # all-NaN symbols would warn in the middle of a paint event


@pytest.mark.parametrize("step", [0, 3000])
def test_a_single_point_is_in_view(plot, step: int):
    plot.set_points([9000], {"one_step": [3.0], "composed": [3.0]}, 1.0)  # of another map
    plot.clear()
    plot.set_points([step], {"one_step": [0.04], "composed": [0.03]}, 0.012)
    (left, right), (low, high) = plot._plot.box.viewRange()
    assert left <= step <= right < 2 * max(step, 10)
    assert low < np.log10(0.03) < np.log10(0.04) < high


def test_the_floor_is_a_dashed_line_that_says_what_it_is(plot):
    plot.set_points(STEPS, SERIES, 0.0011)
    line = plot._floor_line
    assert line.isVisible()
    assert line.pen.style() == Qt.PenStyle.DashLine
    low, high = plot._plot.box.viewRange()[1]
    assert low < line.value() < high
    assert line.label.toPlainText() == "data against data"


def test_the_figures_fit_into_a_narrow_dock(plot):
    plot.resize(300, 220)
    plot.set_points(STEPS, SERIES, 0.012)
    label = plot.findChild(QLabel, "qualityLabel")
    assert label.fontMetrics().horizontalAdvance(words(plot)) <= label.width()
    assert label.geometry().bottom() < plot.height()


def test_a_low_plot_keeps_its_room_for_the_curves(qtbot, plot):
    plot.set_points(STEPS, SERIES, 0.012)
    axes = [plot._plot.axes[name] for name in ("left", "bottom")]

    def named() -> list[bool]:
        return [axis.label.isVisible() for axis in axes]

    assert named() == [True, True]
    box = plot._plot.box
    plot.resize(340, 110)
    qtbot.waitUntil(lambda: named() == [False, False])
    qtbot.waitUntil(lambda: box.height() > 40)
    plot.resize(340, 220)
    qtbot.waitUntil(lambda: named() == [True, True])
