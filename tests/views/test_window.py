"""The wired window: found by its names, scrubbed, trained, saved and reopened as a user does."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDockWidget,
    QDoubleSpinBox,
    QLabel,
    QLineEdit,
    QListView,
    QMainWindow,
    QPushButton,
    QSlider,
    QSpinBox,
    QToolButton,
    QWidget,
)

from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.presets import read_preset
from flowmap_studio.resources import asset
from flowmap_studio.runtime.session import State
from flowmap_studio.views import theme

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")

WIDGETS = {
    "mainWindow": QMainWindow,
    "stage": QWidget,
    "lossPlot": QWidget,
    "qualityPlot": QWidget,
    "timeSlider": QSlider,
    "timeSpin": QDoubleSpinBox,
    "stepsSpin": QSpinBox,
    "historySlider": QSlider,
    "targetCombo": QComboBox,
    "methodCombo": QComboBox,
    "couplingCombo": QComboBox,
    "deviceCombo": QComboBox,
    "settingsForm": QWidget,
    "presetList": QListView,
    "statusDevice": QLabel,
    "statusRate": QLabel,
    "statusFrame": QLabel,
    "messageBar": QWidget,
}
ACTIONS = [
    *("trainAction", "stopAction", "resetAction", "openAction", "savePresetAction"),
    *("exportAction", "playAction", "undoAction", "redoAction"),
]
LAYERS = ("source", "data", "one_step", "composed")


# The contract


def test_everything_is_found_by_its_name(studio: Any) -> None:
    for name, kind in WIDGETS.items():
        assert isinstance(studio.find(name), kind), name
    for name in ACTIONS:
        assert isinstance(studio.find(name), QAction), name
    assert studio.window.session.snapshot is not None


def test_a_window_needs_an_application(monkeypatch: pytest.MonkeyPatch) -> None:
    from flowmap_studio import app

    monkeypatch.setattr(app.QApplication, "instance", lambda: None)
    with pytest.raises(RuntimeError, match="QApplication"):
        app.create_window()


# The first start


def test_the_first_start_shows_a_shipped_map_that_can_be_scrubbed_at_once(
    open_studio: Any,
) -> None:
    shipped = sorted(asset("presets").glob("*.flowmap"))
    if not shipped:
        pytest.skip("this checkout has no shipped presets yet")
    studio = open_studio()
    first = next(p for p in shipped if p.stem in studio.window.windowTitle())
    studio.until(lambda: len(studio.shown("one_step")) > 0)
    for layer in LAYERS:
        assert studio.shown(layer).shape[0] >= 1000
    at_data = studio.shown("one_step")
    studio.find("timeSlider").setValue(studio.find("timeSlider").maximum() // 2)
    studio.until(lambda: not np.array_equal(studio.shown("one_step"), at_data))
    current = studio.find("presetList").currentIndex()
    assert current.data() == read_preset(first).title
    assert studio.message() == ""
    assert studio.window.focusWidget() is studio.find("timeSlider")
    studio.qtbot.keyClick(studio.window, Qt.Key.Key_Space)  # as the README's first minute says
    assert studio.window.time_bar.is_playing()
    assert studio.session.state is State.IDLE


def test_the_first_start_has_the_size_that_its_layout_is_made_for(open_studio: Any) -> None:
    assert open_studio().window.size() == QSize(1280, 800)


def test_the_first_start_has_its_layout_in_other_colours_too(
    qtbot: Any, small_preset: Path
) -> None:
    from flowmap_studio.app import create_window

    window = create_window(small_preset)
    qtbot.addWidget(window)
    window.apply_palette(theme.DARK)  # as where the system turns dark before the window is shown
    with qtbot.waitExposed(window):
        window.show()
    widths = [window.findChild(QDockWidget, name).width() for name in ("settingsDock", "lossDock")]
    assert widths == [300, 340]
    window.apply_palette(theme.LIGHT)


def test_without_any_preset_the_stage_says_what_to_do(
    open_studio: Any, monkeypatch: pytest.MonkeyPatch, small_preset: Path
) -> None:
    from flowmap_studio import app
    from flowmap_studio.views import library_desk

    def missing(*parts: str) -> Path:
        if parts[0] == "presets":
            raise FileNotFoundError
        return asset(*parts)

    monkeypatch.setattr(app, "asset", missing)
    monkeypatch.setattr(library_desk, "asset", missing)
    studio = open_studio()
    empty = studio.find("stageEmpty")
    assert "Press Train or open a preset" in empty.text()
    assert not studio.find("savePresetAction").isEnabled()
    assert not studio.find("exportAction").isEnabled()
    assert studio.find("trainAction").isEnabled()
    assert studio.window.open_preset(small_preset)
    assert "on their way" in empty.text()
    studio.session.failed.emit("It can't be evaluated.", "")
    assert "Press Train or open a preset" in empty.text()


def test_a_start_on_a_bad_file_says_so_over_the_shipped_map(
    open_studio: Any, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.flowmap"
    bad.write_bytes(b"nothing")
    studio = open_studio(bad)
    assert studio.message().startswith("Could not open bad.flowmap: ")
    if (asset("presets") / "moons.flowmap").exists():
        studio.until(lambda: len(studio.shown("one_step")) > 0)


def test_nothing_of_torch_happens_before_the_window_is_painted(
    open_studio: Any, small_preset: Path
) -> None:
    from flowmap_studio.app import create_window

    window = create_window(small_preset)
    assert not window.session._evaluator.isRunning()
    window.close()


# Scrubbing


def test_the_time_slider_spans_its_range_for_t_from_0_to_1(studio: Any) -> None:
    slider, spin = studio.find("timeSlider"), studio.find("timeSpin")
    slider.setValue(slider.minimum())
    assert (studio.session.t, spin.value()) == (0, 0)
    slider.setValue(slider.maximum())
    assert (studio.session.t, spin.value()) == (1, 1)
    slider.setValue(slider.minimum() + (slider.maximum() - slider.minimum()) // 4)
    assert studio.session.t == spin.value() == pytest.approx(0.25, abs=0.001)


def test_moving_the_slider_moves_the_cloud_from_noise_to_data(studio: Any) -> None:
    slider = studio.find("timeSlider")
    source, data = studio.shown("source"), studio.shown("data")
    clouds = []
    for share in (0, 0.5, 1):
        slider.setValue(round(share * slider.maximum()))
        studio.settled()
        clouds.append(studio.shown("one_step"))
        assert np.array_equal(studio.shown("source"), source)  # the same noise at all times
        assert np.array_equal(studio.shown("data"), data)
    assert np.array_equal(clouds[0], source)
    assert np.array_equal(studio.shown("source"), source)
    steps = [np.abs(b - a).mean() for a, b in pairwise(clouds)]
    assert min(steps) > 0.01
    slider.setValue(0)
    studio.settled()
    assert np.array_equal(studio.shown("composed"), source)


def test_dragging_the_slider_with_the_mouse_shows_clouds_on_the_way(studio: Any) -> None:
    slider, qtbot = studio.find("timeSlider"), studio.qtbot
    times: list[float] = []
    studio.session.frame_changed.connect(lambda frame: times.append(frame.request.t))
    middle = slider.height() // 2
    places = [QPoint(round(slider.width() * share), middle) for share in (0.9, 0.7, 0.5, 0.3)]
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=places[0])
    for place in places[1:]:
        qtbot.mouseMove(slider, place)
        seen = len(times)
        studio.until(lambda seen=seen: len(times) > seen)
    assert len(studio.shown("composed")) < len(studio.shown("one_step"))  # light in motion
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=places[-1])
    studio.settled()
    assert len(studio.shown("composed")) == len(studio.shown("one_step"))
    assert studio.session.t == pytest.approx(0.3, abs=0.03)
    assert times == sorted(times, reverse=True)


def test_a_time_typed_in_is_shown(studio: Any) -> None:
    spin = studio.find("timeSpin")
    spin.setFocus()
    spin.selectAll()
    studio.qtbot.keyClicks(spin, "0.25")
    studio.key(Qt.Key.Key_Return)
    studio.settled()
    assert studio.session.t == 0.25
    assert "t = 0.250" in studio.find("stageCaption", QLabel).text()


def test_composed_steps_change_the_composed_cloud_alone(studio: Any) -> None:
    studio.settled()
    one_step, composed = studio.shown("one_step"), studio.shown("composed")
    studio.find("stepsSpin").setValue(2)
    studio.settled()
    assert np.array_equal(studio.shown("one_step"), one_step)
    assert not np.array_equal(studio.shown("composed"), composed)
    studio.find("stepsSpin").setValue(1)
    studio.settled()
    assert np.array_equal(studio.shown("composed"), one_step)


def test_playing_moves_the_time_until_it_is_held(studio: Any) -> None:
    studio.trigger("playAction")
    assert studio.find("playAction").text() == "Pause"
    seen: set[float] = set()
    studio.session.frame_changed.connect(lambda frame: seen.add(frame.request.t))
    studio.until(lambda: len(seen) > 3)
    studio.trigger("playAction")
    studio.settled()
    assert studio.find("timeSpin").value() == pytest.approx(studio.session.t, abs=6e-4)


# Training


def loss_points(studio: Any) -> int:
    return len(studio.find("lossPlot").curve_data("total")[0])


def test_a_click_on_train_makes_everything_move(studio: Any) -> None:
    studio.configure(steps=100_000_000, coupling="independent")
    button = studio.find("trainButton", QToolButton)
    studio.click("trainButton")
    assert button.text() == "Pause"
    assert studio.state() == "running"
    assert not studio.find("targetCombo").isEnabled()
    studio.until(lambda: loss_points(studio) > 1)
    first = studio.shown("one_step")
    studio.until(lambda: not np.array_equal(studio.shown("one_step"), first))
    studio.until(lambda: "steps/s" in studio.find("statusRate").text())
    studio.until(lambda: "one step" in studio.find("qualityLabel", QLabel).text())
    assert studio.find("statusDevice").text() == "CPU"

    studio.click("trainButton")
    assert button.text() == "Resume"
    studio.find("timeSlider").setValue(0)  # scrubbed while it is held
    studio.settled()
    assert np.array_equal(studio.shown("one_step"), studio.shown("source"))
    studio.find("timeSlider").setValue(studio.find("timeSlider").maximum())
    studio.until(lambda: studio.session.snapshot.step == len(studio.session.losses))
    studio.settled()
    samples = LoadedMap(studio.session.snapshot).sample(4096, steps=1, seed=0)
    assert np.allclose(studio.shown("one_step"), samples, atol=1e-5)

    known = len(studio.session.losses)
    studio.click("trainButton")
    assert button.text() == "Pause"
    studio.until(lambda: len(studio.session.losses) > known)

    studio.trigger("stopAction")
    studio.until(lambda: studio.state() == "idle")
    assert button.text() == "Train"
    assert studio.session.snapshot.step == len(studio.session.losses)
    assert studio.find("targetCombo").isEnabled()
    assert not studio.find("stopAction").isEnabled()

    studio.trigger("resetAction")
    studio.until(lambda: studio.session.snapshot.step == 0)
    assert loss_points(studio) == 0
    studio.settled()


def test_reset_while_training_ends_with_the_untrained_map(studio: Any) -> None:
    studio.configure(steps=100_000_000)
    studio.click("trainButton")
    studio.until(lambda: loss_points(studio) > 1)
    studio.trigger("resetAction")
    studio.until(lambda: studio.state() == "idle" and loss_points(studio) == 0)
    studio.until(lambda: studio.session.snapshot.step == 0)
    studio.settled()


def test_a_setting_that_is_typed_but_not_left_counts_when_train_is_clicked(studio: Any) -> None:
    studio.configure()
    rate = studio.find("learning_rateEdit", QLineEdit)
    rate.setFocus()
    rate.selectAll()
    studio.qtbot.keyClicks(rate, "0.0005")
    studio.train_to_the_end()
    assert studio.session.snapshot.config.learning_rate == 0.0005


def test_a_setting_that_is_wrong_keeps_the_run_from_starting(studio: Any) -> None:
    rate = studio.find("learning_rateEdit", QLineEdit)
    rate.setFocus()
    rate.selectAll()
    studio.qtbot.keyClicks(rate, "quick")
    studio.click("trainButton")
    assert studio.state() == "idle"
    assert studio.message() == "Correct the marked setting before training."


def test_the_training_history_is_scrubbed_and_left_by_live(studio: Any) -> None:
    studio.configure(steps=100_000_000, coupling="independent")
    studio.click("trainButton")
    slider = studio.find("historySlider")
    studio.until(lambda: slider.maximum() > 2)
    slider.setValue(0)
    studio.until(lambda: "step 0" in studio.find("stageCaption", QLabel).text())
    kept = slider.maximum()
    studio.until(lambda: slider.maximum() > kept)
    assert slider.value() == 0
    studio.click("liveButton")
    assert slider.value() == slider.maximum()
    studio.until(lambda: studio.session.frame.request.snapshot.step > 0)
    studio.trigger("stopAction")
    studio.until(lambda: studio.state() == "idle")


def test_mean_collapse_is_told_and_its_cure_is_one_click(studio: Any) -> None:
    studio.configure(
        method="article", coupling="independent", steps=100_000_000, learning_rate=0.01
    )
    studio.click("trainButton")
    remedy = studio.find("messageRemedy", QPushButton)
    studio.until(lambda: remedy.isVisible())
    assert studio.message().startswith("Mean collapse: the one-step cloud has ")
    assert "%" in studio.message()
    assert remedy.text() == "Use coupling ot"
    studio.click("messageRemedy")
    studio.until(lambda: studio.find("couplingCombo").currentText() == "ot")
    studio.until(lambda: studio.session.snapshot.config.coupling == "ot")
    assert studio.state() == "running"
    assert studio.message() == ""
    studio.trigger("stopAction")
    studio.until(lambda: studio.state() == "idle")


def test_under_training_is_told_and_more_steps_are_one_click(studio: Any) -> None:
    studio.configure(target="moons", steps=60, learning_rate=1e-6)
    studio.train_to_the_end()
    remedy = studio.find("messageRemedy", QPushButton)
    studio.until(lambda: remedy.isVisible())
    assert studio.message().startswith("Under-training: after 60 steps the one-step cloud is ")
    assert remedy.text() == "Use steps 1,000"
    studio.click("messageRemedy")
    studio.until(lambda: studio.session.snapshot.config.steps == 1000)
    studio.session.stop()
    studio.until(lambda: studio.state() == "idle")


def test_the_cure_works_after_the_run_too_and_can_be_undone(studio: Any) -> None:
    studio.configure(method="article", coupling="independent", steps=600, learning_rate=0.01)
    studio.train_to_the_end()
    studio.until(lambda: studio.find("messageRemedy", QPushButton).isVisible())
    studio.click("messageRemedy")
    assert studio.state() == "running"
    studio.until(lambda: studio.session.snapshot.config.coupling == "ot")
    studio.trigger("stopAction")
    studio.until(lambda: studio.state() == "idle")
    studio.trigger("undoAction")
    assert studio.session.config.coupling == "independent"


def test_a_run_that_fails_is_one_sentence_and_the_next_one_works(studio: Any) -> None:
    studio.configure(device="cuda")
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has what is missing here")
    studio.click("trainButton")
    studio.until(lambda: studio.state() == "failed")
    assert studio.message() == "This machine has no usable CUDA device; choose auto or cpu."
    studio.find("deviceCombo").setCurrentText("cpu")
    studio.train_to_the_end()


# Presets


def test_a_map_is_saved_and_opened_again_as_it_was(studio: Any, tmp_path: Path) -> None:
    studio.configure()
    studio.train_to_the_end()
    studio.until(lambda: studio.session.quality.metrics_at(60) != {})
    studio.find("timeSlider").setValue(700)
    studio.settled()
    before = {layer: studio.shown(layer) for layer in LAYERS}
    path = tmp_path / "mine.flowmap"
    assert studio.window.save_preset(str(path))
    assert studio.message() == "Saved mine.flowmap."
    assert "mine" in studio.window.windowTitle()
    figures = studio.session.quality.metrics_at(60)

    studio.trigger("resetAction")
    studio.until(lambda: studio.session.snapshot.step == 0)
    assert studio.window.open_preset(str(path))
    studio.settled()
    for layer in LAYERS:
        assert np.array_equal(studio.shown(layer), before[layer]), layer
    assert studio.session.quality.metrics_at(60) == figures
    assert studio.find("targetCombo").currentText() == "rings"
    assert studio.find("hidden_dimEdit", QSpinBox).value() == 16


def test_saved_presets_are_listed_and_opened_by_a_click(
    studio: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowmap_studio.views import file_dialogs

    def save_here(_parent: Any, _title: str, start: str, _filter: str) -> tuple[str, str]:
        return str(Path(start).with_name("from dialog")), ""

    monkeypatch.setattr(file_dialogs.QFileDialog, "getSaveFileName", save_here)
    studio.trigger("savePresetAction")
    presets = studio.find("presetList")
    model = presets.model()

    def titles() -> list[str]:
        return [model.index(row, 0).data() for row in range(model.rowCount())]

    studio.until(lambda: "from dialog" in titles())
    row = titles().index("from dialog")
    assert presets.currentIndex().data() == "from dialog"

    studio.configure(target="moons")
    studio.until(lambda: studio.session.snapshot.config.target == "moons")
    place = presets.visualRect(presets.model().index(row, 0)).center()
    studio.qtbot.mouseClick(presets.viewport(), Qt.MouseButton.LeftButton, pos=place)
    studio.until(lambda: studio.session.snapshot.config.target == "rings")
    assert "from dialog" in studio.window.windowTitle()


def test_open_asks_for_a_file_and_remembers_its_folder(
    studio: Any, small_preset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowmap_studio.views import file_dialogs

    asked: list[str] = []

    def choose(_parent: Any, _title: str, folder: str, _filter: str) -> tuple[str, str]:
        asked.append(folder)
        return str(small_preset), ""

    monkeypatch.setattr(file_dialogs.QFileDialog, "getOpenFileName", choose)
    with studio.qtbot.waitSignal(studio.session.preset_opened):
        studio.trigger("openAction")
    studio.trigger("openAction")
    assert asked[1] == str(small_preset.parent)


def test_opening_a_preset_while_training_ends_the_run(studio: Any, small_preset: Path) -> None:
    studio.configure(steps=100_000_000, target="moons")
    studio.click("trainButton")
    studio.until(lambda: loss_points(studio) > 1)
    assert studio.window.open_preset(small_preset)
    assert studio.state() == "idle"
    studio.settled()
    assert studio.session.snapshot.config.target == "rings"
    assert loss_points(studio) == 0


def test_a_presets_folder_is_shown_in_the_file_manager(
    studio: Any, small_preset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowmap_studio.views import library_desk

    revealed: list[str] = []
    monkeypatch.setattr(
        library_desk.QDesktopServices, "openUrl", lambda url: revealed.append(url.toLocalFile())
    )
    studio.find("presetLibrary").revealRequested.emit(small_preset)
    assert [Path(folder) for folder in revealed] == [small_preset.parent]


# Settings


def test_changes_of_settings_are_undone_and_redone(studio: Any) -> None:
    config = studio.session.config
    assert not studio.find("undoAction").isEnabled()
    studio.find("methodCombo").setCurrentText("article")
    width = studio.find("hidden_dimEdit", QSpinBox)
    width.setFocus()
    width.selectAll()
    studio.qtbot.keyClicks(width, "32")
    studio.key(Qt.Key.Key_Return)
    assert (studio.session.config.method, studio.session.config.hidden_dim) == ("article", 32)
    studio.trigger("undoAction")
    assert (width.value(), studio.find("methodCombo").currentText()) == (16, "article")
    studio.trigger("undoAction")
    assert studio.session.config == config
    assert not studio.find("undoAction").isEnabled()
    studio.trigger("redoAction")
    studio.trigger("redoAction")
    assert width.value() == 32
    assert studio.find("methodCombo").currentText() == "article"
    assert not studio.find("redoAction").isEnabled()


def test_settings_of_a_run_can_be_neither_undone_nor_edited(studio: Any) -> None:
    studio.configure(steps=100_000_000)
    assert studio.find("undoAction").isEnabled()
    studio.click("trainButton")
    assert not studio.find("undoAction").isEnabled()
    assert not studio.find("deviceCombo").isEnabled()
    studio.trigger("stopAction")
    studio.until(lambda: studio.state() == "idle")
    assert studio.find("undoAction").isEnabled()


def test_a_two_time_method_brings_its_form_along(studio: Any) -> None:
    studio.find("methodCombo").setCurrentText("article")
    studio.find("parametrisationEdit", QComboBox).setCurrentText("free")
    studio.find("methodCombo").setCurrentText("semigroup")
    assert studio.session.config.parametrisation == "residual"
    assert studio.message() == ""


def test_light_and_dark_are_switched_in_the_running_window(studio: Any) -> None:
    def mean_lightness() -> float:
        picture = studio.window.grab().toImage().scaled(64, 40)
        return np.mean([picture.pixelColor(x, y).lightness() for x in range(64) for y in range(40)])

    studio.window.apply_palette(theme.LIGHT)
    light = mean_lightness()
    studio.window.apply_palette(theme.DARK)
    dark = mean_lightness()
    assert light > 200
    assert dark < 60
    studio.window.follow_system()
    expected = theme.system_palette(QApplication.instance())
    assert (mean_lightness() < 60) == expected.dark


def test_panels_have_the_room_that_they_ask_for(studio: Any) -> None:
    window = studio.window
    dock = {name: studio.find(f"{name}Dock") for name in ("settings", "time", "tour")}
    bar = window.time_bar
    studio.until(lambda: dock["settings"].width() >= 280)
    assert dock["time"].height() <= bar.sizeHint().height() + 4
    height = window.height()
    studio.trigger("tourAction")
    studio.until(lambda: dock["tour"].height() >= 0.45 * height)
    studio.trigger("tourAction")
    studio.trigger("compareAction")
    studio.until(lambda: studio.find("compareDock").height() >= 0.25 * height)
    studio.trigger("compareAction")
    studio.until(lambda: dock["time"].height() <= bar.sizeHint().height() + 4)


def test_the_layout_is_remembered(open_studio: Any, small_preset: Path) -> None:
    studio = open_studio(small_preset)
    studio.find("qualityDock").hide()
    studio.window.close()
    again = open_studio(small_preset)
    assert again.find("qualityDock").isHidden()
    assert not again.find("lossDock").isHidden()


def test_a_damaged_settings_file_counts_as_none(open_studio: Any, small_preset: Path) -> None:
    from platformdirs import user_config_path

    path = user_config_path("flowmap-studio", appauthor=False) / "window.ini"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"[General]\ngeometry=@ByteArray(nonsense)\nstate=7\npoints=5\nfolder=\xff\xfe\n"
    )
    studio = open_studio(small_preset)
    studio.settled()


# The next start


def test_the_next_start_shows_what_was_on_stage(open_studio: Any, small_preset: Path) -> None:
    studio = open_studio(small_preset)
    studio.window.time_bar.set_time(0.3)
    studio.trigger("tourAction")
    studio.window.open_preset(small_preset)
    studio.window.time_bar.set_time(0.3)
    studio.find("pointsCombo", QComboBox).setCurrentIndex(0)
    studio.window.close()
    again = open_studio()
    assert again.find("pointsCombo", QComboBox).currentText() == "1,024 points"
    again.until(lambda: len(again.shown("composed")) == 1024)
    assert again.window.windowTitle().startswith("small")
    assert again.session.t == 0.3
    assert again.find("tourDock", QDockWidget).isHidden()
    again.window.close()
    small_preset.unlink()
    assert open_studio().window.windowTitle().startswith("moons")


def test_a_damaged_file_is_passed_over_at_the_next_start(
    open_studio: Any, small_preset: Path
) -> None:
    open_studio(small_preset).window.close()
    small_preset.write_bytes(b"nothing")
    studio = open_studio()
    assert studio.window.windowTitle().startswith("moons")
    assert studio.message() == ""


def test_a_panel_that_is_closed_gives_the_room_back(open_studio: Any, small_preset: Path) -> None:
    studio = open_studio(small_preset)
    quality = studio.find("qualityDock", QDockWidget)
    before = quality.height()
    studio.trigger("paintAction")
    studio.until(lambda: quality.height() < before - 20)
    studio.trigger("paintAction")
    studio.until(lambda: abs(quality.height() - before) <= 20)


def test_torch_waits_for_a_window_that_is_long_in_coming(
    qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowmap_studio.app import create_window

    begun: list[bool] = []
    window = create_window()
    qtbot.addWidget(window)
    monkeypatch.setattr(window.session, "begin", lambda: begun.append(window.isVisible()))
    time.sleep(0.5)
    QApplication.processEvents()
    QApplication.processEvents()
    assert begun == []  # it may yet be painted
    window.show()
    qtbot.waitUntil(lambda: begun == [True])


def test_a_window_that_is_never_painted_begins_all_the_same(
    qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowmap_studio.app import create_window

    window, begun = create_window(), []
    qtbot.addWidget(window)
    monkeypatch.setattr(window.session, "begin", lambda: begun.append(window.isVisible()))
    qtbot.waitUntil(lambda: begun == [False])
