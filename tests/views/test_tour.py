"""The guided tour as a reader takes it: chapters set the studio up, are left and gone on with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDockWidget,
    QLabel,
    QPushButton,
    QTextBrowser,
)

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.drawing.layers import LAYERS
from flowmap_studio.core.presets import read_preset
from flowmap_studio.resources import asset
from flowmap_studio.views.tour_chapters import CHAPTERS, SHARES, figures_line

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")

TITLES = (
    "What a flow map is",
    "Why independent pairs collapse",
    "How composition drifts",
    "How two-time maps fix it",
    "Few steps against many",
)


class Tour:
    """The tour as its reader sees it."""

    def __init__(self, studio: Any) -> None:
        self.studio = studio
        self.dock = studio.find("tourDock", QDockWidget)

    def open(self) -> None:
        studio = self.studio
        studio.qtbot.keyClick(studio.window, Qt.Key.Key_F1, Qt.KeyboardModifier.ControlModifier)
        assert self.dock.isVisible()

    def chapter(self) -> str:
        return self.studio.find("tourChapters", QComboBox).currentText()

    def text(self) -> str:
        return self.studio.find("tourText", QTextBrowser).toPlainText()

    def figures(self) -> str:
        return self.studio.find("tourFigures", QLabel).text()

    def careful(self) -> bool:
        return self.studio.find("tourCareful", QLabel).isVisible()

    def next(self) -> None:
        self.studio.click("tourNext")

    def spread(self, layer: str) -> float:
        return float(np.std(self.studio.shown(layer)))


@pytest.fixture
def tour(studio: Any) -> Tour:
    return Tour(studio)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=[c.preset for c in CHAPTERS])
def test_every_chapter_has_its_preset_and_a_figure_of_it(chapter: Any) -> None:
    snapshot = read_preset(asset("presets") / f"{chapter.preset}.flowmap").snapshot
    assert set(chapter.figures) <= set(snapshot.metrics)
    line = figures_line(chapter, snapshot.metrics)
    for name in chapter.figures:
        value = snapshot.metrics[name]
        assert (f"{value:.1%}" if name in SHARES else f"{value:.3f}") in line
    RunConfig(**(chapter.training or {}))
    assert figures_line(chapter, {}) == ""


def test_the_presets_show_what_the_chapters_say() -> None:
    metrics = [
        read_preset(asset("presets") / f"{c.preset}.flowmap").snapshot.metrics for c in CHAPTERS
    ]
    assert metrics[1]["spread_ratio"] < 0.2  # collapsed
    assert metrics[2]["sliced_w2_8"] > 1.2 * metrics[2]["sliced_w2_1"]  # drifts
    assert metrics[3]["sliced_w2_8"] < 1.2 * metrics[3]["sliced_w2_1"]  # composes
    assert metrics[4]["forbidden_mass_8"] < metrics[4]["forbidden_mass_1"]  # sharper


def test_five_chapters_are_read_by_keyboard_to_the_end(studio: Any, tour: Tour) -> None:
    tour.open()
    for number, title in enumerate(TITLES, start=1):
        assert tour.chapter() == f"{number}. {title}"
        chapter = CHAPTERS[number - 1]
        assert studio.session.snapshot.config.target in ("moons", "checkerboard")
        assert studio.window.windowTitle().startswith(chapter.preset)
        assert studio.session.steps == chapter.steps
        shown = [layer for layer in LAYERS if studio.window.stage.is_layer_visible(layer)]
        assert set(shown) == set(chapter.layers)
        assert "Look:" in tour.text()
        assert tour.figures().startswith("Measured on this preset: ")
        assert QApplication.focusWidget() is studio.find("tourNext")
        playing = studio.window.time_bar.is_playing()
        studio.key(Qt.Key.Key_Space)
        assert studio.window.time_bar.is_playing() is not playing  # as the first chapter says
        studio.key(Qt.Key.Key_Space)
        studio.key(Qt.Key.Key_Return)
    assert not tour.dock.isVisible()
    assert not studio.find("tourAction").isChecked()


def test_the_first_chapter_plays_and_the_second_shows_a_collapse(studio: Any, tour: Tour) -> None:
    tour.open()
    assert studio.window.time_bar.is_playing()
    tour.next()
    assert not studio.window.time_bar.is_playing()
    studio.settled()
    assert studio.session.t == 1.0
    assert tour.spread("one_step") < 0.2 * tour.spread("data")


def test_a_tour_that_is_left_goes_on_where_it_was(
    studio: Any, tour: Tour, open_studio: Any
) -> None:
    tour.open()
    tour.next()
    tour.next()
    studio.find("tourAction").trigger()
    assert not tour.dock.isVisible()
    tour.open()
    assert tour.chapter().startswith("3.")
    studio.window.close()
    other = Tour(open_studio())
    other.studio.until(lambda: other.studio.session.frame is not None)
    assert other.chapter().startswith("3.")
    if other.dock.isHidden():
        other.open()
    assert other.chapter() == f"3. {TITLES[2]}"
    other.studio.find("tourChapters").activated.emit(0)
    assert other.chapter() == f"1. {TITLES[0]}"


def test_unsaved_work_is_not_taken_off_the_stage(studio: Any, tour: Tour) -> None:
    studio.configure()
    studio.train_to_the_end()
    assert studio.session.unsaved
    mine = studio.session.snapshot
    tour.open()
    assert studio.session.snapshot is mine
    assert tour.careful()
    button = studio.find("tourSetUp", QPushButton)
    assert button.text() == "Set up all the same"
    studio.click("tourSetUp")
    assert studio.session.snapshot is not mine
    assert not tour.careful()
    assert button.text() == "Set up"


def test_a_chapter_starts_a_short_training_of_its_own(studio: Any, tour: Tour) -> None:
    tour.open()
    tour.next()
    studio.click("tourTrain")
    config = studio.session.config
    assert (config.target, config.method, config.coupling) == ("moons", "article", "independent")
    studio.until(lambda: len(studio.session.losses) > 0)
    tour.next()  # a run is not given up for the next chapter
    assert tour.careful()
    assert studio.state() == "running"
    studio.trigger("stopAction")
    studio.until(lambda: studio.state() == "idle")
