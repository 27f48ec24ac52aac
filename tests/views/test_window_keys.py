"""Keys do what their table says wherever the focus is, but where they are text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QGraphicsView, QLineEdit, QWidget

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")

Key, Modifier = Qt.Key, Qt.KeyboardModifier
LAYERS = ("source", "data", "one_step", "composed")


@pytest.fixture(params=["stage", "timeSlider", "presetList"])
def focused(request: pytest.FixtureRequest, studio: Any) -> Any:
    """The studio with the focus on a widget that is no text field."""
    place: QWidget = studio.find(request.param)
    if request.param == "stage":
        place = place.findChild(QGraphicsView)
    place.setFocus()
    assert QApplication.focusWidget() is place
    return studio


def test_frames_are_stepped_through(focused: Any) -> None:
    slider = focused.find("timeSlider")
    slider.setValue(500)
    steps = [
        (Key.Key_Right, Modifier.NoModifier, 0.51),
        (Key.Key_Left, Modifier.NoModifier, 0.50),
        (Key.Key_Right, Modifier.ShiftModifier, 0.60),
        (Key.Key_Left, Modifier.ShiftModifier, 0.50),
        (Key.Key_Home, Modifier.NoModifier, 0.0),
        (Key.Key_Left, Modifier.NoModifier, 0.0),
        (Key.Key_End, Modifier.NoModifier, 1.0),
        (Key.Key_Right, Modifier.NoModifier, 1.0),
    ]
    for key, modifier, expected in steps:
        focused.key(key, modifier)
        assert focused.session.t == pytest.approx(expected), key
        assert slider.value() == round(expected * slider.maximum())
    focused.settled()
    assert "t = 1.000" in focused.find("stageCaption").text()


def test_space_and_jkl_play(focused: Any) -> None:
    playing = focused.window.time_bar.is_playing
    focused.find("timeSlider").setValue(500)
    for key, expected in [
        (Key.Key_Space, True),
        (Key.Key_Space, False),
        (Key.Key_L, True),
        (Key.Key_K, False),
        (Key.Key_J, True),
        (Key.Key_K, False),
    ]:
        focused.key(key)
        assert playing() == expected, key
    times: list[float] = [focused.session.t]
    focused.window.time_bar.time_changed.connect(times.append)
    focused.key(Key.Key_J)
    focused.until(lambda: len(times) > 3)
    assert times == sorted(times, reverse=True)
    del times[:-1]
    focused.key(Key.Key_L)
    focused.until(lambda: len(times) > 3)
    assert times == sorted(times)


def test_brackets_change_the_composed_steps(focused: Any) -> None:
    spin = focused.find("stepsSpin")
    focused.key(Key.Key_BracketRight)
    assert (spin.value(), focused.session.steps) == (9, 9)
    focused.key(Key.Key_BracketLeft)
    focused.key(Key.Key_BracketLeft)
    assert (spin.value(), focused.session.steps) == (7, 7)


def test_digits_toggle_layers(focused: Any) -> None:
    for number, layer in enumerate(LAYERS):
        key = Key(Key.Key_1 + number)
        assert len(focused.shown(layer)) > 0
        focused.key(key)
        assert len(focused.shown(layer)) == 0
        focused.key(key)
        assert len(focused.shown(layer)) > 0


def test_the_view_is_zoomed_and_moved(focused: Any) -> None:
    stage, control = focused.window.stage, Qt.KeyboardModifier.ControlModifier
    low, high = stage.view()
    focused.key(Qt.Key.Key_Plus, control)
    nearer_low, nearer_high = stage.view()
    assert (high - low) / (nearer_high - nearer_low) == pytest.approx(1.25)
    assert nearer_low + nearer_high == pytest.approx(low + high)
    assert stage.area() is not None
    focused.key(Qt.Key.Key_Minus, control)
    assert np.concatenate(stage.view()) == pytest.approx(np.concatenate([low, high]))
    moves = {
        Qt.Key.Key_Right: (0.1, 0.0),
        Qt.Key.Key_Left: (-0.1, 0.0),
        Qt.Key.Key_Up: (0.0, 0.1),
        Qt.Key.Key_Down: (0.0, -0.1),
    }
    for key, by in moves.items():
        low, high = stage.view()
        focused.key(key, control)
        assert stage.view()[0] - low == pytest.approx((high - low) * by)
    focused.key(Qt.Key.Key_0, control)
    assert stage.area() is None


def test_runs_are_started_held_and_ended(focused: Any) -> None:
    focused.configure(steps=100_000_000)
    for key, state in [(Key.Key_R, "running"), (Key.Key_R, "paused"), (Key.Key_R, "running")]:
        focused.key(key, Modifier.ControlModifier)
        assert focused.state() == state
    focused.key(Key.Key_Period, Modifier.ControlModifier)
    focused.until(lambda: focused.state() == "idle")


def test_settings_are_undone_and_redone(focused: Any) -> None:
    before = focused.session.config
    focused.configure(seed=3)
    control = Modifier.ControlModifier
    focused.key(Key.Key_Z, control)
    assert focused.session.config == before
    focused.key(Key.Key_Z, control | Modifier.ShiftModifier)
    assert focused.session.config.seed == 3


@pytest.fixture
def untouched(studio: Any) -> Any:
    """Asserts that no key has reached the window."""
    studio.find("timeSlider").setValue(500)
    before = (0.5, 8, "idle", False)

    def untouched() -> None:
        playing = studio.window.time_bar.is_playing()
        assert (studio.session.t, studio.session.steps, studio.state(), playing) == before
        for layer in LAYERS:
            assert len(studio.shown(layer)) > 0

    return untouched


def test_text_is_text(studio: Any, untouched: Any) -> None:
    search = studio.find("presetSearch", QLineEdit)
    search.setFocus()
    text = "jkl JKL 1234 [small]"
    studio.qtbot.keyClicks(search, text)
    assert search.text() == text
    for key in (Key.Key_Left, Key.Key_Home, Key.Key_Right, Key.Key_End):
        studio.key(key)
        studio.key(key, Modifier.ShiftModifier)
    untouched()


@pytest.mark.parametrize("name", ["hidden_dimEdit", "learning_rateEdit", "stepsSpin", "timeSpin"])
def test_numbers_are_typed_without_doing_anything_else(
    studio: Any, untouched: Any, name: str
) -> None:
    field = studio.find(name, QWidget)
    field.setFocus()
    for key in (Key.Key_1, Key.Key_2, Key.Key_3, Key.Key_4, Key.Key_Left, Key.Key_Home):
        studio.key(key)
    for letter in "jkl[] ":
        studio.qtbot.keyClicks(field, letter)
    untouched()


def test_a_time_is_typed_digit_by_digit(studio: Any) -> None:
    spin = studio.find("timeSpin")
    spin.setFocus()
    spin.selectAll()
    studio.qtbot.keyClicks(spin, "0.125")
    studio.key(Key.Key_Return)
    studio.settled()
    assert studio.session.t == 0.125
    assert spin.text() == "0.125"


def test_keys_that_are_no_text_work_while_typing(studio: Any) -> None:
    search = studio.find("presetSearch", QLineEdit)
    search.setFocus()
    studio.configure(steps=100_000_000)
    studio.key(Key.Key_R, Modifier.ControlModifier)
    assert studio.state() == "running"
    studio.key(Key.Key_Period, Modifier.ControlModifier)
    studio.until(lambda: studio.state() == "idle")
    assert search.text() == ""


def test_the_cloud_follows_a_key_that_is_held_down(studio: Any) -> None:
    studio.find("stage").findChild(QGraphicsView).setFocus()
    studio.key(Key.Key_Home)
    for _ in range(60):
        studio.key(Key.Key_Right)
    studio.settled()
    assert studio.session.t == pytest.approx(0.6)
    assert not np.array_equal(studio.shown("one_step"), studio.shown("source"))
