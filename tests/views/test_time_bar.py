"""The scrubber by itself: one time in slider and field, stepping, playing by the clock."""

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QToolButton, QWidget

from flowmap_studio.views import playback
from flowmap_studio.views.theme import LIGHT
from flowmap_studio.views.time_bar import TimeBar
from flowmap_studio.views.transport import SPEEDS

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")


@pytest.fixture
def bar(qtbot: Any) -> TimeBar:
    widget = TimeBar(LIGHT)
    qtbot.addWidget(widget)
    with qtbot.waitExposed(widget):
        widget.show()
    return widget


@pytest.fixture
def times(bar: TimeBar) -> list[float]:
    got: list[float] = []
    bar.time_changed.connect(got.append)
    return got


class Clock:
    """Stands in for the wall clock: each look finds that this many milliseconds have passed."""

    step = 100

    def start(self) -> None:
        pass

    def restart(self) -> int:
        return self.step


@pytest.fixture
def clock(bar: TimeBar) -> Clock:
    made = bar.playback._clock = Clock()  # type: ignore[assignment]
    return made


def click(qtbot: Any, bar: TimeBar, name: str) -> None:
    qtbot.mouseClick(bar.findChild(QWidget, name), Qt.MouseButton.LeftButton)


def test_slider_field_and_time_are_one(bar: TimeBar, times: list[float]) -> None:
    bar.time_slider.setValue(250)
    assert (bar.time(), bar.time_spin.value()) == (0.25, 0.25)
    bar.time_spin.setValue(0.75)
    assert (bar.time(), bar.time_slider.value()) == (0.75, 750)
    bar.set_time(0.5)
    assert (bar.time_slider.value(), bar.time_spin.value()) == (500, 0.5)
    bar.set_time(0.5)  # no change, no news
    bar.set_time(9)
    assert times == [0.25, 0.75, 0.5, 1.0]


def test_buttons_step_to_the_ends_and_by_frames(
    qtbot: Any, bar: TimeBar, times: list[float]
) -> None:
    for button in ("to-startButton", "step-forwardButton", "to-endButton", "step-backButton"):
        click(qtbot, bar, button)
    assert times == [0.0, 0.01, 1.0, 0.99]


def test_a_hundred_frames_go_from_noise_to_data_exactly(bar: TimeBar) -> None:
    bar.to_start()
    for frame in range(1, 101):
        bar.frame_on()
        assert bar.time() == frame / 100


def test_playing_goes_by_the_clock_and_starts_over(
    qtbot: Any, bar: TimeBar, times: list[float], clock: Clock
) -> None:
    bar.set_time(0.5)
    bar.play()
    for _ in range(3):
        bar.playback._advance()
    step = 0.1 / playback.SECONDS_AT_NORMAL_SPEED
    assert times[-3:] == pytest.approx([0.5 + step, 0.5 + 2 * step, 0.5 + 3 * step])
    clock.step = 10_000
    bar.playback._advance()
    assert times[-1] == 1.0
    bar.playback._advance()  # has rested at the end
    assert times[-1] == 0.0
    assert bar.is_playing()
    bar.pause()


def test_without_loop_it_ends_at_the_end(qtbot: Any, bar: TimeBar, clock: Clock) -> None:
    click(qtbot, bar, "loopButton")
    clock.step = 10_000
    bar.play()  # from the start, since it is at the end
    bar.playback._advance()
    assert bar.time() == 1.0
    assert not bar.is_playing()
    bar.play_backward()
    bar.playback._advance()
    assert bar.time() == 0.0
    assert not bar.is_playing()


@pytest.mark.parametrize(("name", "factor"), SPEEDS.items())
def test_speed_is_chosen(bar: TimeBar, clock: Clock, name: str, factor: float) -> None:
    bar.findChild(QComboBox, "speedCombo").setCurrentText(name)
    bar.to_start()
    bar.play()
    bar.playback._advance()
    assert bar.time() == pytest.approx(factor * 0.1 / playback.SECONDS_AT_NORMAL_SPEED)
    bar.pause()


def test_stepping_and_dragging_hold_the_play(qtbot: Any, bar: TimeBar) -> None:
    moving: list[bool] = []
    bar.scrubbing_changed.connect(moving.append)
    bar.play()
    assert moving == [True]
    bar.frame_on()
    assert not bar.is_playing()
    bar.play()
    qtbot.mousePress(bar.time_slider, Qt.MouseButton.LeftButton)
    assert not bar.is_playing()
    assert moving[-1]
    qtbot.mouseRelease(bar.time_slider, Qt.MouseButton.LeftButton)
    assert not moving[-1]


def test_the_play_button_says_what_it_does_next(qtbot: Any, bar: TimeBar) -> None:
    click(qtbot, bar, "playButton")
    assert bar.transport.play_action.text() == "Pause"
    click(qtbot, bar, "playButton")
    assert bar.transport.play_action.text() == "Play"


def test_history_needs_two_maps(bar: TimeBar) -> None:
    live = bar.findChild(QToolButton, "liveButton")
    for steps in ([], [0]):
        bar.history.show_steps(steps, 0, live=True)
        assert not bar.history.slider.isEnabled()
        assert not live.isEnabled()
        assert "Nothing to scrub yet" in bar.history.slider.toolTip()
    bar.history.show_steps([0, 50, 1200], 2, live=True)
    assert bar.history.slider.isEnabled()
    assert not live.isEnabled()
    bar.history.show_steps([0, 50, 1200], 1, live=False)
    assert live.isEnabled()
    assert bar.history.slider.value() == 1


def test_showing_a_history_is_no_wish_of_the_users(bar: TimeBar) -> None:
    wishes: list[int] = []
    bar.history_changed.connect(wishes.append)
    bar.history.show_steps([0, 50, 1200], 2, live=True)
    assert wishes == []
    bar.history.slider.setValue(0)
    assert wishes == [0]


def test_to_and_fro_turns_round_at_the_ends(qtbot: Any, bar: TimeBar, clock: Clock) -> None:
    click(qtbot, bar, "ping-pongButton")
    bar.set_time(0.5)
    clock.step = 10_000
    bar.play()
    found = []
    for _ in range(5):
        bar.playback._advance()
        found.append(bar.time())
    # To the end, a rest there, back to the start, a rest there, to the end again.
    assert found == [1.0, 1.0, 0.0, 0.0, 1.0]
    assert bar.is_playing()
    bar.pause()
