"""The loss plot shows what the history holds, whatever its size and values."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QCheckBox, QLabel, QSlider, QToolButton

from flowmap_studio.core.history import RARE_TERMS, TERMS, LossHistory
from flowmap_studio.core.methods import METHODS, term_states
from flowmap_studio.views.loss_plot import LossPlot
from flowmap_studio.views.plot_base import figure, on_log_axis, short_number
from flowmap_studio.views.smoothing import smoothed
from flowmap_studio.views.theme import DARK, LIGHT

# The offscreen platform says this of every window that is shown.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


def history_of(rows) -> LossHistory:
    history = LossHistory()
    history.append(np.asarray(rows, np.float32))
    return history


def noisy(steps: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    match = (0.1 + np.exp(-np.arange(steps) / steps * 6)) * np.exp(0.1 * rng.standard_normal(steps))
    consistency = 1e-3 * np.exp(0.3 * rng.standard_normal(steps))
    total = match + consistency
    rare = [np.full(steps, np.nan)] * len(RARE_TERMS)
    return np.stack([match, consistency, np.zeros(steps), total, *rare], axis=1)


@pytest.fixture
def plot(qtbot):
    widget = LossPlot(LIGHT)
    qtbot.addWidget(widget)
    widget.resize(340, 300)
    with qtbot.waitExposed(widget):
        widget.show()
    return widget


def child(widget, kind, name):
    found = widget.findChild(kind, name)
    assert found is not None, name
    return found


def unsmoothed(plot):
    child(plot, QSlider, "smoothingSlider").setValue(0)


def hover(plot, x: float, y: float) -> None:
    viewport = plot._plot.viewport()
    place = QPointF(x, y)
    move = QMouseEvent(
        QEvent.Type.MouseMove,
        place,
        QPointF(viewport.mapToGlobal(place)),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(viewport, move)


def zoom_in(plot) -> None:
    viewport = plot._plot.viewport()
    place = QPointF(viewport.rect().center())
    wheel = QWheelEvent(
        place,
        QPointF(viewport.mapToGlobal(place)),
        QPoint(),
        QPoint(0, 600),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(viewport, wheel)


def test_an_empty_plot_says_what_to_do(plot):
    empty = child(plot, QLabel, "emptyLabel")
    assert empty.isVisible()
    assert empty.text() == "No losses yet. Press Train to start learning."
    plot.set_history(history_of(noisy(10)))
    assert not empty.isVisible()
    plot.set_history(None)
    assert empty.isVisible()
    assert len(plot.curve_data("match")[0]) == 0


@pytest.mark.parametrize("logarithmic", [True, False])
def test_unsmoothed_curves_are_the_recorded_values(plot, logarithmic):
    rows = noisy(100)
    plot.set_history(history_of(rows))
    unsmoothed(plot)
    if not logarithmic:
        child(plot, QToolButton, "logToggle").click()
    for index, term in enumerate(("match", "consistency")):
        steps, values = plot.curve_data(term)
        np.testing.assert_allclose(steps, np.arange(100) + 0.5)
        np.testing.assert_allclose(values, rows[:, index], rtol=1e-5)


def test_zeros_negatives_and_nan_are_left_out_of_the_log_axis(plot):
    rows = np.full((6, len(TERMS)), 0.5)
    rows[1, 0], rows[2, 0], rows[3, 0], rows[4, 0] = 0, -1, np.nan, np.inf
    plot.set_history(history_of(rows))
    unsmoothed(plot)
    steps, values = plot.curve_data("match")
    np.testing.assert_allclose(steps, [0.5, 5.5])
    np.testing.assert_allclose(values, 0.5)
    low, high = plot._plot.box.viewRange()[1]
    assert -2 < low < np.log10(0.5) < high < 2
    plot.grab()


def test_a_history_without_any_drawable_value_is_drawn_as_nothing(plot):
    plot.set_history(history_of(np.full((20, len(TERMS)), np.nan)))
    assert len(plot.curve_data("match")[1]) == 0
    assert child(plot, QLabel, "value_match").text() == "–"
    plot.grab()


def test_a_zero_term_is_told_and_drawn_on_the_linear_axis_only(plot):
    plot.set_history(history_of(noisy(50)))
    plot.set_term_states({"match": "live", "consistency": "live", "identity": "zero"})
    assert child(plot, QCheckBox, "toggle_identity").text() == "identity: 0 by construction"
    assert len(plot.curve_data("identity")[0]) == 0
    child(plot, QToolButton, "logToggle").click()
    np.testing.assert_array_equal(plot.curve_data("identity")[1], np.zeros(50))


def test_an_absent_term_is_told_and_not_drawn(plot):
    rows = noisy(50)
    rows[:, 1] = np.nan
    plot.set_history(history_of(rows))
    plot.set_term_states({"consistency": "absent"})
    toggle = child(plot, QCheckBox, "toggle_consistency")
    assert toggle.text() == "consistency: none in this method"
    assert not toggle.isEnabled()
    assert len(plot.curve_data("consistency")[0]) == 0
    plot.set_term_states({"consistency": "live"})
    assert toggle.text() == "consistency"
    assert toggle.isEnabled()


def test_all_words_of_the_legend_fit_a_narrow_dock(plot, qtbot):
    plot.set_term_states({"consistency": "absent", "identity": "zero"})
    plot.resize(300, 300)
    qtbot.waitUntil(lambda: plot.width() == 300)
    for term in TERMS:
        toggle = child(plot, QCheckBox, f"toggle_{term}")
        assert toggle.width() >= toggle.sizeHint().width()
        assert toggle.mapTo(plot, QPoint(toggle.width(), 0)).x() <= 300


def test_a_rare_term_is_not_spoken_of_where_it_is_absent(plot):
    for state, hidden in (("absent", True), ("live", False)):
        plot.set_term_states({"score": state})
        assert child(plot, QCheckBox, "toggle_score").isHidden() is False  # its row is
        assert child(plot, QCheckBox, "toggle_score").parentWidget().isHidden() is hidden


def test_a_toggle_hides_its_curve_only(plot, qtbot):
    plot.set_history(history_of(noisy(50)))
    toggle = child(plot, QCheckBox, "toggle_match")
    qtbot.mouseClick(toggle, Qt.MouseButton.LeftButton, pos=QPoint(8, toggle.height() // 2))
    assert not toggle.isChecked()
    assert len(plot.curve_data("match")[0]) == 0
    assert len(plot.curve_data("consistency")[0]) == 50


def test_the_legend_shows_the_newest_values_in_a_fixed_width(plot):
    history = history_of(np.full((1, len(TERMS)), 0.25))
    plot.set_history(history)
    label = child(plot, QLabel, "value_match")
    width = label.width()
    assert label.text() == "0.2500"
    history.append(np.full((1, len(TERMS)), 1.25e-5, np.float32))
    plot.refresh()
    assert label.text() == "1.25e-5"
    assert label.width() == width
    assert label.fontMetrics().horizontalAdvance(label.text()) <= width


def test_smoothing_calms_the_curve_and_leaves_the_raw_one_behind(plot):
    plot.set_history(history_of(noisy(200)))
    unsmoothed(plot)
    _, raw = plot.curve_data("consistency")
    assert not plot._curves.raw["consistency"].isVisible()
    child(plot, QSlider, "smoothingSlider").setValue(500)
    _, calm = plot.curve_data("consistency")
    assert np.diff(calm).std() < 0.3 * np.diff(raw).std()
    assert plot._curves.raw["consistency"].isVisible()
    assert child(plot, QLabel, "smoothingLabel").text() == "0.968"


def test_a_spike_hidden_by_merging_stays_visible_in_the_band(plot):
    rows = np.full((20_000, len(TERMS)), 0.1)
    rows[7_001, 0] = 50.0
    plot.set_history(history_of(rows))
    unsmoothed(plot)
    _, mean = plot.curve_data("match")
    assert mean.max() < 5
    band = plot._curves.bands["match"]
    assert band.isVisible()
    assert 10 ** band.high.max() == pytest.approx(50, rel=1e-4)


def test_a_million_steps_draw_no_more_points_than_the_plot_has_pixels(plot):
    plot.set_history(history_of(noisy(1_000_000)))
    steps, _ = plot.curve_data("match")
    assert len(steps) <= plot._plot.width()
    assert steps[-1] > 990_000


def test_a_hidden_plot_draws_nothing_until_it_is_shown(qtbot):
    widget = LossPlot(DARK)
    qtbot.addWidget(widget)
    widget.set_history(history_of(noisy(30)))
    widget.refresh()
    assert len(widget.curve_data("match")[0]) == 0
    with qtbot.waitExposed(widget):
        widget.show()
    assert len(widget.curve_data("match")[0]) == 30


def test_the_range_follows_until_zoomed_and_again_after_a_double_click(plot, qtbot):
    history = history_of(noisy(100))
    plot.set_history(history)
    assert plot._plot.visible_steps()[1] >= 100
    zoom_in(plot)
    zoomed = plot._plot.visible_steps()
    assert zoomed[1] - zoomed[0] < 100
    follow = child(plot, QToolButton, "followButton")
    assert follow.isVisible()
    history.append(noisy(400).astype(np.float32))
    plot.set_history(history)
    assert plot._plot.visible_steps() == zoomed
    qtbot.mouseDClick(plot._plot.viewport(), Qt.MouseButton.LeftButton)
    # QTest leaves the button held otherwise, in all later windows of the process.
    qtbot.mouseRelease(plot._plot.viewport(), Qt.MouseButton.LeftButton)
    assert plot._plot.visible_steps()[1] >= 500
    assert not follow.isVisible()


def test_another_history_leaves_the_zoom(plot):
    plot.set_history(history_of(noisy(100)))
    zoom_in(plot)
    plot.set_history(history_of(noisy(3000)))
    assert plot._plot.visible_steps()[1] >= 3000


def test_a_zoomed_view_is_drawn_finer(plot):
    plot.set_history(history_of(noisy(30_000)))
    coarse = np.diff(plot.curve_data("match")[0]).min()
    for _ in range(8):
        zoom_in(plot)
    assert np.diff(plot.curve_data("match")[0]).min() < coarse / 4


def test_the_crosshair_reads_the_recorded_values(plot):
    rows = np.full((100, len(TERMS)), 0.5)
    rows[:, 1] = 0.25
    plot.set_history(history_of(rows))
    card = child(plot, QLabel, "crosshairLabel")
    assert not card.isVisible()
    hover(plot, 200, 100)
    assert card.isVisible()
    for part in ("step ", "match", "0.5000", "consistency", "0.2500"):
        assert part in card.text()
    QApplication.sendEvent(plot._plot.viewport(), QEvent(QEvent.Type.Leave))
    assert not card.isVisible()


def test_the_crosshair_names_the_first_step_one(plot):
    plot.set_history(history_of(np.full((3, len(TERMS)), 0.5)))
    assert "step 1<" in plot._describe(0.0)[1]
    assert "step 3<" in plot._describe(99.0)[1]


def test_axes_have_plain_ticks(plot):
    bottom = plot._plot.axes["bottom"]
    assert bottom.tickStrings([0, 500, 1000, 1_500_000], 1, 500) == ["0", "500", "1k", "1.5M"]
    left = plot._plot.axes["left"]
    assert left.tickStrings([-4, -1, 0], 1, 1) == ["1e-4", "0.1", "1"]
    ticks = [value for _, values in left.tickValues(-0.9, -0.75, 150) for value in values]
    assert len(ticks) >= 3
    assert left.label.toPlainText().strip() == "loss"
    assert bottom.label.toPlainText().strip() == "step"


def test_both_palettes_colour_the_curves(plot):
    for palette in (DARK, LIGHT):
        plot.apply_palette(palette)
        for term in TERMS:
            assert plot._curves.smooth[term].opts["pen"].color().name() == palette.layer(term)


def test_every_term_teaches(plot):
    for term in TERMS:
        item = child(plot, QCheckBox, f"toggle_{term}").parentWidget()
        assert term in item.toolTip().lower()


def test_smoothing_is_debiased_and_keeps_gaps():
    values = np.array([2.0, 2.0, np.nan, 2.0])
    np.testing.assert_allclose(smoothed(values, 0.99), values)
    np.testing.assert_allclose(smoothed(np.array([1.0, 3.0]), 0.5), [1.0, (0.5 * 1 + 3) / 1.5])


@pytest.mark.parametrize("weight", [0.3, 0.9, 0.999])
def test_smoothing_weighs_what_is_older_less(weight):
    draw = np.random.default_rng(0)
    values = np.where(draw.random(700) < 0.1, np.nan, np.exp(draw.normal(size=700)))
    top = bottom = 0.0
    expected = []
    for value in values:
        known = np.isfinite(value)
        top = weight * top + (value if known else 0.0)
        bottom = weight * bottom + known
        expected.append(top / bottom if known else np.nan)
    np.testing.assert_allclose(smoothed(values, weight), expected, rtol=1e-12)


def test_numbers_are_written_short():
    assert [figure(v) for v in (0, 0.5, 12.345, 0.00123, 1e-12, np.nan)] == [
        "0",
        "0.5000",
        "12.35",
        "1.23e-3",
        "<1e-9",
        "–",
    ]
    assert [short_number(v) for v in (0.001, 0.2, 1e-4, 1.5e6)] == ["0.001", "0.2", "1e-4", "1.5e6"]
    assert np.isnan(on_log_axis(np.array([0.0, -1.0, np.nan, np.inf]))).all()


def test_curve_items_are_updated_and_never_made_anew(plot):
    history = history_of(noisy(50))
    plot.set_history(history)
    before = [id(item) for item in plot._plot.box.addedItems]
    for _ in range(5):
        history.append(noisy(40_000).astype(np.float32))
        plot.refresh()
    assert [id(item) for item in plot._plot.box.addedItems] == before


def test_following_axes_stand_still_for_most_steps_and_hold_all_of_them(plot):
    rows = noisy(4000).astype(np.float32)
    history = history_of(rows[:3000])
    plot.set_history(history)
    ranges = set()
    for start in range(3000, 3600, 10):
        history.append(rows[start : start + 10])
        plot.refresh()
        ranges.add(str(plot._plot.box.viewRange()))
        assert plot._plot.visible_steps()[1] >= len(history)
    assert len(ranges) <= 12


@pytest.mark.parametrize("steps", [1, 7, 300, 5_000, 100_000])
def test_while_following_the_run_fills_the_plot(plot, steps):
    plot.set_history(history_of(noisy(steps)))
    left, right = plot._plot.visible_steps()
    assert left == 0
    assert steps <= right <= max(1.2 * steps, 12)


def test_the_axis_fits_again_when_the_loss_has_fallen_far_or_its_scale_changes(plot):
    history = history_of(np.full((10, len(TERMS)), 1000.0))
    plot.set_history(history)
    unsmoothed(plot)
    history.append(np.full((10, len(TERMS)), 0.001, np.float32))
    plot.refresh()
    low, high = plot._plot.box.viewRange()[1]
    assert low < -3
    assert high > 3
    child(plot, QToolButton, "logToggle").click()
    low, high = plot._plot.box.viewRange()[1]
    assert low < 0.001
    assert 1000 < high < 1300


def test_a_hidden_plot_does_not_even_ask_the_history(plot, monkeypatch):
    history = history_of(noisy(100))
    plot.set_history(history)
    plot.hide()
    asked = []
    view = LossHistory.view
    monkeypatch.setattr(
        LossHistory, "view", lambda self, *a, **k: asked.append(1) or view(self, *a, **k)
    )
    plot.refresh()
    assert not asked
    plot.show()
    assert asked


def test_without_any_toggle_there_is_nothing_to_draw(plot):
    plot.set_history(history_of(noisy(100)))
    for term in TERMS:
        child(plot, QCheckBox, f"toggle_{term}").setChecked(False)
    assert all(len(plot.curve_data(term)[0]) == 0 for term in TERMS)
    plot.grab()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("form", ["residual", "free"])
def test_the_states_of_every_method_are_told(plot, method, form):
    states = term_states(method, form)
    plot.set_term_states(states)
    for term, state in states.items():
        text = child(plot, QCheckBox, f"toggle_{term}").text()
        assert (text == term) == (state == "live")


@pytest.mark.parametrize("value", [1.23456, 0.5, 1234.5, 0.012, 6.5e-5, 9.9e8, 3.4e38])
def test_a_value_of_any_size_fits_its_place(plot, value):
    plot.set_history(history_of(np.full((1, len(TERMS)), value)))
    label = child(plot, QLabel, "value_match")
    assert float(label.text()) == pytest.approx(value, rel=6e-3)
    assert label.fontMetrics().horizontalAdvance(label.text()) <= label.width()


@pytest.mark.parametrize(("steps", "unit"), [(30_000, "k"), (250_000, "k"), (4_000_000, "M")])
def test_step_ticks_are_readable_at_every_length(plot, steps, unit):
    history = LossHistory()
    for _ in range(steps // 10_000):
        history.append(np.full((10_000, len(TERMS)), 0.3, np.float32))
    plot.set_history(history)
    axis = plot._plot.axes["bottom"]
    levels = axis.tickValues(*axis.range, axis.geometry().width())
    ticks = [text for gap, values in levels for text in axis.tickStrings(values, axis.scale, gap)]
    assert all("e" not in text for text in ticks)
    assert any(text.endswith(unit) for text in ticks)
    assert "x1e" not in axis.labelString()


@pytest.mark.parametrize("factor", [1.001, 1.1, 2.0, 4.0, 8.0, 12.0, 30.0, 1e6])
def test_the_loss_axis_has_ticks_however_narrow_its_range(plot, factor):
    rows = np.full((2, len(TERMS)), 0.5)
    rows[1, 0] *= factor
    plot.set_history(history_of(rows))
    unsmoothed(plot)
    axis = plot._plot.axes["left"]
    low, high = plot._plot.box.viewRange()[1]
    ticks = {value for _, values in axis.tickValues(low, high, 200) for value in values}
    assert 3 <= len([value for value in ticks if low <= value <= high]) <= 24


def test_the_follow_button_shows_the_whole_run_again(plot, qtbot):
    plot.set_history(history_of(noisy(2000)))
    button = child(plot, QToolButton, "followButton")
    assert not button.isVisible()
    zoom_in(plot)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not button.isVisible()
    assert plot._plot.visible_steps()[1] >= 2000


@pytest.mark.parametrize("fraction", [0.2, 0.5, 0.97])
def test_the_crosshair_card_is_never_clipped(plot, fraction):
    plot.set_history(history_of(noisy(123_456)))
    hover(plot, plot._plot.width() * fraction, 60)
    card = child(plot, QLabel, "crosshairLabel")
    assert card.isVisible()
    assert card.parentWidget().rect().contains(card.geometry())


def test_over_an_empty_plot_there_is_nothing_to_read(plot):
    hover(plot, 200, 60)
    assert not child(plot, QLabel, "crosshairLabel").isVisible()


@pytest.mark.parametrize("weight", [0.0, 0.5, 0.9, 0.999])
def test_smoothing_equals_the_plain_recursion(weight):
    values = np.random.default_rng(1).normal(size=60)
    values[[0, 7, 8, 30]] = np.nan
    total, norm, expected = 0.0, 0.0, []
    for value in values:
        known = bool(np.isfinite(value))
        total = weight * total + (1 - weight) * (value if known else 0.0)
        norm = weight * norm + (1 - weight) * known
        expected.append(total / norm if known else np.nan)
    np.testing.assert_allclose(smoothed(values, weight), expected, rtol=1e-9)


def test_smoothing_goes_from_none_to_0_999(plot):
    slider = child(plot, QSlider, "smoothingSlider")
    label = child(plot, QLabel, "smoothingLabel")
    slider.setValue(slider.minimum())
    assert float(label.text()) == 0
    slider.setValue(slider.maximum())
    assert float(label.text()) == 0.999
