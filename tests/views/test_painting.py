"""Targets drawn by hand, as a user draws them: brush, symmetry, text, files, and learning them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QLineEdit, QToolButton, QWidget

from flowmap_studio.core.presets import read_preset
from flowmap_studio.views.paint_canvas import PaintCanvas
from flowmap_studio.views.paint_sheet import SIDE
from flowmap_studio.views.paint_symmetry import SYMMETRIES, copies
from flowmap_studio.views.settings import drawings_folder

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


class Easel:
    """The panel as its user sees it."""

    def __init__(self, studio: Any) -> None:
        self.studio = studio
        studio.qtbot.keyClick(studio.window, Qt.Key.Key_D, CONTROL | SHIFT)
        assert studio.find("paintDock", QWidget).isVisible()

    @property
    def canvas(self) -> PaintCanvas:
        return self.studio.window.paint_panel.canvas()

    def dark(self) -> np.ndarray:
        """(SIDE, SIDE) what is drawn: true where a pixel is rather dark than light."""
        return self.canvas.sheet.darkness() > 127

    def stroke(self, *places: tuple[float, float]) -> None:
        """Draw along places given as shares of the square."""
        square = self.canvas._square()
        points = [
            QPoint(round(square.x() + x * square.width()), round(square.y() + y * square.height()))
            for x, y in places
        ]
        qtbot, left = self.studio.qtbot, Qt.MouseButton.LeftButton
        qtbot.mousePress(self.canvas, left, pos=points[0])
        for point in points[1:]:
            qtbot.mouseMove(self.canvas, point)
        qtbot.mouseRelease(self.canvas, left, pos=points[-1])

    def choose(self, button: str) -> None:
        self.studio.find(button, QToolButton).click()


@pytest.fixture
def easel(studio: Any) -> Easel:
    return Easel(studio)


def at(dark: np.ndarray, x: float, y: float) -> bool:
    return bool(dark[round(y * SIDE), round(x * SIDE)])


@pytest.mark.parametrize("name", list(SYMMETRIES))
def test_symmetries_are_groups(name: str) -> None:
    """The images of a point under all copies are the same set wherever in it one begins."""
    transforms = copies(name, 100)

    def orbit(point: QPointF) -> set[tuple[float, float]]:
        images = (transform.map(point) for transform in transforms)
        return {(round(p.x(), 3), round(p.y(), 3)) for p in images}

    start = QPointF(83.0, 71.0)
    assert transforms[0].map(start) == start
    assert len(orbit(start)) == len(transforms)
    assert all(orbit(transform.map(start)) == orbit(start) for transform in transforms)


def test_brush_eraser_and_undo(studio: Any, easel: Easel) -> None:
    assert easel.canvas.sheet.is_blank()
    easel.stroke((0.2, 0.5), (0.8, 0.5))
    assert at(easel.dark(), 0.5, 0.5)
    assert not at(easel.dark(), 0.5, 0.7)
    easel.choose("eraserTool")
    easel.stroke((0.5, 0.2), (0.5, 0.8))
    assert not at(easel.dark(), 0.5, 0.5)
    assert at(easel.dark(), 0.3, 0.5)
    easel.canvas.setFocus()
    studio.key(Qt.Key.Key_Z, CONTROL)
    assert at(easel.dark(), 0.5, 0.5)
    studio.key(Qt.Key.Key_Z, CONTROL)
    assert easel.canvas.sheet.is_blank()
    studio.key(Qt.Key.Key_Z, CONTROL | SHIFT)
    assert at(easel.dark(), 0.5, 0.5)
    assert studio.session.config.target == "rings"  # the window's own undo was not meant


def test_a_stroke_is_repeated_by_the_symmetry(studio: Any, easel: Easel) -> None:
    studio.find("symmetryCombo", QComboBox).setCurrentText("Four quarters")
    studio.find("brushWidth").setValue(40)
    easel.stroke((0.2, 0.1), (0.2, 0.3))
    dark = easel.dark()
    for x, y in ((0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8)):
        assert at(dark, x, y)
    assert (dark == dark[:, ::-1]).mean() > 0.999
    assert (dark == dark[::-1]).mean() > 0.999


def test_the_pen_is_moved_by_keys(studio: Any, easel: Easel) -> None:
    assert QApplication.focusWidget() is easel.canvas
    t = studio.session.t
    studio.key(Qt.Key.Key_Up, SHIFT)
    studio.key(Qt.Key.Key_Space)
    for _ in range(3):
        studio.key(Qt.Key.Key_Right, SHIFT)
    studio.key(Qt.Key.Key_Space)
    studio.key(Qt.Key.Key_Down, SHIFT)
    rows, columns = np.nonzero(easel.dark())
    assert columns.max() - columns.min() == pytest.approx(120 + 24, abs=3)
    assert (rows.max() + rows.min()) / 2 == pytest.approx(SIDE / 2 - 40, abs=1)
    assert studio.session.t == t  # arrows of the canvas are not the scrubber's
    assert not studio.window.time_bar.is_playing()


def test_a_text_fills_the_canvas(studio: Any, easel: Easel) -> None:
    line = studio.find("paintText", QLineEdit)
    studio.qtbot.keyClicks(line, "Hi")
    studio.qtbot.keyClick(line, Qt.Key.Key_Return)
    rows, columns = np.nonzero(easel.dark())
    assert max(np.ptp(rows), np.ptp(columns)) == pytest.approx(0.86 * SIDE, abs=3)
    assert (columns.max() + columns.min()) / 2 == pytest.approx(SIDE / 2, abs=2)


def drop(easel: Easel, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    how = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0))
    QApplication.sendEvent(easel.canvas, QDragEnterEvent(QPoint(50, 50), *how))
    QApplication.sendEvent(easel.canvas, QDropEvent(QPointF(50, 50), *how))


def test_a_picture_and_a_point_file_are_dropped(studio: Any, easel: Easel, tmp_path: Path) -> None:
    picture = tmp_path / "disc.png"
    image = Image.new("RGBA", (300, 150), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((75, 0, 225, 150), fill="black")
    image.save(picture)
    drop(easel, picture)
    assert at(easel.dark(), 0.5, 0.5)
    assert not at(easel.dark(), 0.1, 0.5)
    assert studio.session.config.target == "rings"  # drawn, not yet learned
    easel.choose("paintClear")
    assert easel.canvas.sheet.is_blank()
    points = tmp_path / "corners.csv"
    points.write_text("x,y\n-5,-5\n5,-5\n5,5\n0,0\n")
    drop(easel, points)
    low, high = 0.07, 0.93
    dark = easel.dark()
    assert at(dark, low, high)
    assert at(dark, high, high)
    assert at(dark, high, low)
    assert not at(dark, low, low)  # y points up
    bad = tmp_path / "bad.csv"
    bad.write_text("1,2\n3,four\n")
    drop(easel, bad)
    assert "'four' is not a number" in studio.message()
    (tmp_path / "no.png").write_text("text")
    drop(easel, tmp_path / "no.png")
    assert studio.message().startswith("no.png is not a picture")


def test_nothing_drawn_is_nothing_to_learn(studio: Any, easel: Easel) -> None:
    studio.click("paintLearn")
    assert studio.message().startswith("Nothing is drawn yet")
    assert studio.state() == "idle"


def test_a_drawing_is_learned_and_the_run_follows_the_brush(studio: Any, easel: Easel) -> None:
    studio.configure(steps=100_000_000)
    easel.stroke((0.1, 0.2), (0.9, 0.2))  # above the middle
    studio.click("paintLearn")
    path = drawings_folder() / "drawing 1.png"
    assert studio.session.config.target == str(path)
    studio.until(lambda: len(studio.session.losses) > 0)
    data = studio.session.snapshot.data
    assert data[:, 1].min() > 0.5
    easel.stroke((0.1, 0.8), (0.9, 0.8))
    studio.until(lambda: studio.session.snapshot.data[:, 1].min() < -0.5)
    assert studio.state() == "running"
    assert studio.session.config.target == str(path)

    def in_the_middle() -> int:
        return int((np.abs(studio.session.snapshot.data[:, 1]) < 0.1).sum())

    studio.click("trainButton")  # a held run takes it when it goes on
    studio.until(lambda: studio.state() == "paused")
    file = path.read_bytes()
    easel.stroke((0.1, 0.5), (0.9, 0.5))
    studio.until(lambda: not studio.window._drawings._timer.isActive())
    assert path.read_bytes() == file
    assert in_the_middle() == 0
    studio.click("trainButton")
    studio.until(lambda: in_the_middle() > 100)
    studio.until(lambda: studio.state() == "running")
    studio.trigger("stopAction")
    studio.until(lambda: studio.state() == "idle")


def test_a_run_that_is_not_to_follow_keeps_its_picture(studio: Any, easel: Easel) -> None:
    studio.configure(steps=100_000_000)
    studio.find("paintLive", QCheckBox).setChecked(False)
    easel.stroke((0.1, 0.2), (0.9, 0.2))
    studio.click("paintLearn")
    studio.until(lambda: len(studio.session.losses) > 0)
    path = drawings_folder() / "drawing 1.png"
    file = path.read_bytes()
    easel.stroke((0.1, 0.8), (0.9, 0.8))
    studio.until(lambda: not studio.window._drawings._timer.isActive())
    assert path.read_bytes() == file
    studio.trigger("stopAction")
    studio.until(lambda: studio.state() == "idle")
    assert path.read_bytes() != file  # the next run has it
    assert studio.session.snapshot.data[:, 1].min() > 0.5


def test_going_on_begins_from_the_weights(studio: Any, easel: Easel) -> None:
    studio.configure()
    easel.stroke((0.1, 0.2), (0.9, 0.2))
    studio.click("paintLearn")
    studio.until(lambda: len(studio.session.losses) > 0)
    studio.until(lambda: studio.state() == "idle")
    learned = studio.session.snapshot.weights
    session = studio.session
    first = []
    session.snapshots_changed.connect(
        lambda: first.append(session.snapshot) if session.snapshot.step == 0 else None
    )
    session.learn_on()
    studio.until(lambda: bool(first))
    assert all(np.array_equal(first[0].weights[n], learned[n]) for n in learned)
    studio.until(lambda: studio.state() == "idle")


def test_the_source_is_drawn_too_and_a_preset_of_it_is_shared(
    studio: Any, easel: Easel, tmp_path: Path
) -> None:
    studio.configure()
    easel.stroke((0.1, 0.2), (0.9, 0.2))
    easel.choose("sourcePage")
    assert easel.canvas.sheet.is_blank()
    easel.stroke((0.1, 0.9), (0.3, 0.9))
    studio.click("paintLearn")
    config = studio.session.config
    assert config.source == str(drawings_folder() / "drawn source 1.png")
    studio.until(lambda: len(studio.session.losses) > 0)
    studio.until(lambda: studio.state() == "idle")
    studio.find("timeSlider").setValue(0)
    studio.settled()
    source = studio.shown("source")
    assert source[:, 0].max() < -0.5
    assert source[:, 1].max() < -1.2
    saved = tmp_path / "drawn.flowmap"
    assert studio.window.save_preset(saved)
    shared = read_preset(saved).snapshot
    assert (shared.config.target, shared.config.source) == ("drawing 1.png", "drawn source 1.png")
    # Cleared: the source is normal again, and another file begins.
    easel.choose("paintClear")
    easel.choose("targetPage")
    easel.choose("paintClear")
    easel.stroke((0.5, 0.1), (0.5, 0.9))
    studio.click("paintLearn")
    assert studio.session.config.source == "normal"
    assert studio.session.config.target == str(drawings_folder() / "drawing 2.png")
    studio.until(lambda: studio.session.snapshot.config.source == "normal")
    studio.until(lambda: studio.state() == "idle")
