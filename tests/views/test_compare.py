"""The compare panel in the window, used as a user does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QImage
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QFileDialog,
    QLabel,
    QPushButton,
    QTableWidget,
    QWidget,
)

from flowmap_studio.core import comparison
from flowmap_studio.core.comparison_table import COLUMNS
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.stage_clouds import stage_noise
from flowmap_studio.runtime import comparing

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")


@pytest.fixture(autouse=True)
def _few_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "POINTS", 200)
    monkeypatch.setattr(comparison, "TIMED_POINTS", 64)


@pytest.fixture
def comparer(studio: Any) -> Any:
    """A window with the compare panel open and small settings."""
    studio.trigger("compareAction")
    studio.configure(target="rings")
    return studio


def table(studio: Any) -> QTableWidget:
    return studio.find("compareTable", QTableWidget)


def cell(studio: Any, row: int, column: str) -> str:
    return table(studio).item(row, list(COLUMNS).index(column)).text()


def choose(studio: Any, *methods: str) -> None:
    for name, action in studio.window.compare_panel.method_actions.items():
        if action.isChecked() != (name in methods):
            action.trigger()


def compared(studio: Any) -> None:
    button = studio.find("compareStart", QPushButton)
    studio.until(lambda: button.text() == "Compare")


def test_the_action_shows_and_hides_the_panel(studio: Any) -> None:
    dock, action = studio.find("compareDock", QDockWidget), studio.find("compareAction", QAction)
    assert dock.isHidden()
    for shown in (True, False):
        action.trigger()
        assert dock.isVisible() is shown
        assert action.isChecked() is shown
    dock.show()
    assert action.isChecked()


def test_methods_are_trained_and_their_rows_fill_the_table(comparer: Any) -> None:
    choose(comparer, "semigroup", "rectified-flow")
    assert not comparer.find("compareEmpty", QLabel).isHidden()
    comparer.click("compareStart")
    assert comparer.find("compareStart", QPushButton).text() == "Cancel"
    assert comparer.find("compareEmpty", QLabel).text().startswith("Each map comes here")
    comparer.until(lambda: table(comparer).rowCount() > 0)
    compared(comparer)
    assert comparer.find("compareEmpty", QLabel).isHidden()
    rows = [(cell(comparer, k, "Map"), cell(comparer, k, "Sampling")) for k in range(7)]
    assert rows == [
        ("rectified-flow", "Euler, 1 step"),
        ("rectified-flow", "Euler, 8 steps"),
        ("semigroup", "1 step"),
        ("semigroup", "2 steps"),
        ("semigroup", "4 steps"),
        ("semigroup", "8 steps"),
        ("Data against data", ""),
    ]
    assert [cell(comparer, k, "Evaluations") for k in range(6)] == list("181248")
    comparer.click("compareCopy")
    lines = QApplication.clipboard().text().split("\n")
    assert lines[0].split("\t") == list(COLUMNS)
    assert len(lines) == 8
    comparer.click("compareClear")
    assert table(comparer).isHidden()


def test_a_ticked_row_is_shown_on_stage_from_the_same_noise(comparer: Any) -> None:
    choose(comparer, "flow-matching")
    comparer.click("compareStart")
    compared(comparer)
    own = comparer.shown("composed")
    table(comparer).item(1, 0).setCheckState(Qt.CheckState.Checked)
    comparer.until(lambda: not np.array_equal(comparer.shown("composed"), own))
    names = [label.text() for label in comparer.find("layerPanel", QWidget).findChildren(QLabel)]
    assert "flow-matching: Euler, 8 steps" in names
    for row, state in ((1, Qt.CheckState.Unchecked), (0, Qt.CheckState.Checked)):
        table(comparer).setCurrentCell(row, 3)
        comparer.qtbot.keyClick(table(comparer), Qt.Key.Key_Space)
        assert table(comparer).item(row, 0).checkState() is state
    assert not comparer.window.time_bar.is_playing()
    table(comparer).setFocus()
    comparer.qtbot.keyClick(table(comparer), Qt.Key.Key_Tab)
    assert not table(comparer).hasFocus()
    comparer.find("timeSlider").setValue(0)
    comparer.until(
        lambda: np.allclose(comparer.shown("composed"), comparer.shown("source"), atol=1e-2)
    )
    comparer.find("timeSlider").setValue(comparer.find("timeSlider").maximum())
    table(comparer).item(0, 0).setCheckState(Qt.CheckState.Unchecked)
    comparer.until(lambda: np.allclose(comparer.shown("composed"), own, atol=1e-6))


def test_ticked_rows_are_seen_side_by_side(comparer: Any, tmp_path: Path) -> None:
    choose(comparer, "flow-matching", "semigroup")
    comparer.click("compareStart")
    compared(comparer)
    side, stage = comparer.window.stages.panes, comparer.window.stage
    for row in (0, 1, 4):  # Euler in 1 and 8 steps, the map in 1
        table(comparer).item(row, 0).setCheckState(Qt.CheckState.Checked)
    comparer.until(lambda: side.isVisible() and len(side.panes) == 3)
    assert not stage.isVisible()
    rows = comparer.session.comparison.rows
    slider = comparer.find("timeSlider")
    for value in (slider.maximum(), slider.maximum() // 3):
        slider.setValue(value)
        comparer.settled()
        for pane, place in zip(side.panes, (0, 1, 4), strict=True):
            row = rows[place]
            loaded = LoadedMap(row.snapshot)
            t = comparer.session.frame.request.t
            wanted = loaded.at(stage_noise(loaded), t, row.steps, None, row.solver)
            np.testing.assert_allclose(pane.items["composed"].points, wanted, atol=2e-3)
            np.testing.assert_array_equal(pane.items["data"].points, row.snapshot.data)
            assert pane.title.text().startswith(row.name)
            assert f"{row.figures['sliced_w2']:.3f}" in pane.note.text()
    first, second, third = (pane.plot for pane in side.panes)
    first.pan(0.5, 0)  # one view for all of them
    for plot in (second, third):
        width = np.ptp(first.view(), axis=0)[0]  # numbers of the axes may be wider in one of them
        np.testing.assert_allclose(plot.view(), first.view(), atol=0.02 * width)
    before = np.ptp(second.view(), axis=0)
    for _ in range(3):
        comparer.trigger("zoomInAction")
    for plot in (first, second, third):
        np.testing.assert_allclose(np.ptp(plot.view(), axis=0), before / 1.25**3, rtol=0.05)
    seen = second.view()
    table(comparer).item(5, 0).setCheckState(Qt.CheckState.Checked)  # a fourth keeps the view
    comparer.until(lambda: len(side.panes) == 4)
    middle = np.mean(seen, axis=0)
    for pane in side.panes:
        np.testing.assert_allclose(np.mean(pane.plot.view(), axis=0), middle, atol=0.1)
    table(comparer).item(5, 0).setCheckState(Qt.CheckState.Unchecked)
    comparer.until(lambda: len(side.panes) == 3)
    assert comparer.window.export(tmp_path / "three.png")
    picture = QImage(str(tmp_path / "three.png"))
    assert picture.width() > 1.9 * first.width()
    assert not comparer.window.export(tmp_path / "three.svg")
    assert ".png" in comparer.message()
    comparer.click("sideBySideClose")
    comparer.until(lambda: stage.isVisible())
    assert not table(comparer).ticked()
    assert not side.panes  # what is not seen is neither kept nor drawn
    np.testing.assert_allclose(np.mean(stage.plot.view(), axis=0), middle, atol=0.1)


def test_a_run_brings_the_stage_back(comparer: Any) -> None:
    choose(comparer, "semigroup")
    comparer.click("compareStart")
    compared(comparer)
    for row in (0, 1):
        table(comparer).item(row, 0).setCheckState(Qt.CheckState.Checked)
    comparer.until(comparer.window.stages.panes.isVisible)
    comparer.trigger("trainAction")
    comparer.until(comparer.window.stage.isVisible)
    assert not table(comparer).ticked()
    comparer.trigger("stopAction")
    comparer.until(lambda: comparer.find("compareStart", QPushButton).isEnabled())


def test_at_most_six_are_ticked(comparer: Any) -> None:
    choose(comparer, "semigroup", "flow-matching")
    comparer.click("compareStart")
    compared(comparer)
    for row in range(7):
        table(comparer).item(row, 0).setCheckState(Qt.CheckState.Checked)
    ticked = [
        table(comparer).item(row, 0).checkState() is Qt.CheckState.Checked for row in range(7)
    ]
    assert ticked == [False] + 6 * [True]


def test_the_map_on_stage_and_presets_join_in(
    comparer: Any, small_preset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparer.click("compareStage")
    compared(comparer)
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([str(small_preset)], ""))
    comparer.click("comparePresets")
    compared(comparer)
    assert cell(comparer, 0, "Map").startswith("On stage, step ")
    assert cell(comparer, 4, "Map") == "small"
    assert cell(comparer, 4, "Sliced W2") == cell(comparer, 0, "Sliced W2")  # the same map


def test_a_comparison_can_be_cancelled(comparer: Any) -> None:
    comparer.configure(target="rings", steps=100_000_000)
    choose(comparer, "semigroup")
    comparer.click("compareStart")
    comparer.until(lambda: "Training semigroup" in comparer.find("compareText", QLabel).text())
    comparer.click("compareStart")
    compared(comparer)
    assert table(comparer).rowCount() == 0
    assert comparer.find("compareText", QLabel).text() == ""


def test_nothing_is_compared_while_a_run_would_spoil_the_times(comparer: Any) -> None:
    comparer.configure(target="rings", steps=100_000_000)
    comparer.trigger("trainAction")
    assert not comparer.find("compareStart", QPushButton).isEnabled()
    assert "run" in comparer.find("compareStart", QPushButton).toolTip()
    comparer.trigger("stopAction")
    comparer.until(lambda: comparer.find("compareStart", QPushButton).isEnabled())
    choose(comparer)
    assert not comparer.find("compareStart", QPushButton).isEnabled()


def test_a_damaged_preset_is_refused_with_a_sentence(comparer: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.flowmap"
    bad.write_bytes(b"nothing")
    comparer.window._desk.add_presets([bad])
    assert comparer.message().startswith("Could not open bad.flowmap")
