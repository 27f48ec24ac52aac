"""Sliders jump to a click, name their ticks and say what lies under the mouse."""

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel, QSlider

from flowmap_studio.views import theme
from flowmap_studio.views.sliders import JumpSlider, TickedSlider
from flowmap_studio.views.time_bar import TimeBar

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


@pytest.fixture
def bar(qtbot, qapp):
    theme.apply(qapp, theme.DARK)
    made = TimeBar(theme.DARK)
    qtbot.addWidget(made)
    made.resize(1100, 90)
    with qtbot.waitExposed(made):
        made.show()
    return made


def point(slider: JumpSlider, position: int) -> QPoint:
    return QPoint(round(slider.place_of(position)), slider.height() // 2)


@pytest.mark.parametrize("position", [0, 250, 500, 999, 1000])
def test_a_click_takes_the_handle_under_the_mouse(qtbot, bar, position):
    slider = bar.time_slider
    slider.setValue(700)
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=point(slider, position))
    assert abs(slider.value() - position) <= 2  # a pixel is more than one position
    assert bar.time() == slider.value() / 1000


def test_the_whole_range_has_a_place_within_the_slider(bar):
    slider = bar.time_slider
    places = [slider.place_of(position) for position in (0, 500, 1000)]
    assert 0 < places[0] < places[1] < places[2] < slider.width()
    assert [slider.position_at(place) for place in places] == pytest.approx([0, 500, 1000], abs=2)
    assert (slider.position_at(-50), slider.position_at(5000)) == (0, 1000)


def test_names_that_would_overlap_are_left_out(qtbot, qapp):
    theme.apply(qapp, theme.LIGHT)
    slider = TickedSlider([(0, "noise"), (300, "a"), (500, "half"), (1000, "data")])
    qtbot.addWidget(slider)
    slider.setRange(0, 1000)

    def named(width: int) -> list[str]:
        slider.resize(width, 40)
        return [name for name, _ in slider._names_that_fit(lambda text: 8 * len(text))]

    assert named(400) == ["noise", "a", "half", "data"]
    assert named(150) == ["noise", "half", "data"]
    assert named(90) == ["noise", "data"]


def test_ticks_are_named_below_the_groove(bar):
    slider = bar.time_slider
    with_names = slider.grab().toImage()
    slider._ticks = ()
    slider.apply_palette(theme.DARK)
    without = slider.grab().toImage()
    changed = [
        y
        for y in range(with_names.height())
        if any(with_names.pixel(x, y) != without.pixel(x, y) for x in range(with_names.width()))
    ]
    assert changed
    assert min(changed) > slider.height() / 2
    assert max(changed) < slider.height() - 1  # nothing is cut off


def test_what_lies_under_the_mouse_is_told_until_it_leaves(qtbot, bar):
    slider = bar.time_slider
    calm = slider.grab().toImage()
    qtbot.mouseMove(slider, point(slider, 300))
    assert abs(slider._hovered - 300) <= 2
    assert slider._describe(300) == "t = 0.300"
    told = slider.grab().toImage()
    assert told != calm
    assert slider.value() == 1000  # looking moves nothing
    slider.leaveEvent(QEvent(QEvent.Type.Leave))
    assert slider.grab().toImage() == calm


def test_a_dragged_handle_tells_where_it_is_and_not_where_the_mouse_is(qtbot, bar):
    slider = bar.time_slider
    beside = point(slider, 0) - QPoint(6, 0)  # it stays this far behind the mouse
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=beside)
    qtbot.mouseMove(slider, beside + QPoint(200, 0))
    assert slider.value() > 0
    assert slider._hovered == slider.value()
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=beside + QPoint(200, 0))


def test_the_history_names_the_step_under_the_mouse(bar):
    bar.history.show_steps([0, 50, 12_400], 2, live=True)
    slider = bar.history.slider
    assert [slider._describe(place) for place in range(3)] == ["step 0", "step 50", "step 12,400"]
    assert slider._describe(3) == ""  # the history has just shrunk
    assert bar.findChild(QLabel, "historyLabel").text() == "step 12,400 (live)"


def test_a_slider_without_words_draws_none(qtbot):
    slider = JumpSlider()
    qtbot.addWidget(slider)
    slider.resize(200, 30)
    before = slider.grab().toImage()
    slider._hover(50)
    assert slider.grab().toImage() == before


def test_names_take_the_palettes_colour(qtbot):
    slider = TickedSlider(((0, "left"), (99, "right")))
    qtbot.addWidget(slider)
    slider.resize(300, 48)
    for palette in (theme.LIGHT, theme.DARK):
        slider.apply_palette(palette)
        image = slider.grab().toImage()
        wanted = QColor(palette.muted)
        nearest = min(
            abs(QColor(image.pixel(x, y)).lightness() - wanted.lightness())
            for x in range(40)
            for y in range(30, 48)
        )
        assert nearest < 40


def test_the_contracts_names_are_sliders(bar):
    assert isinstance(bar.findChild(QSlider, "timeSlider"), TickedSlider)
    assert isinstance(bar.findChild(QSlider, "historySlider"), JumpSlider)
