"""The stage of images: what is drawn where, what a click picks, and when it takes the stage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor

from flowmap_studio.core.film_limits import Look, Timing
from flowmap_studio.core.palettes import DARK, LIGHT
from flowmap_studio.resources import asset
from flowmap_studio.views.image_grid import ImagePanel
from flowmap_studio.views.image_stage import ImageStage

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


def pictures(count: int, height: int = 4, width: int = 4, channels: int = 1) -> np.ndarray:
    """Each of one grey: its number, ten times."""
    made = np.arange(count, dtype=np.uint8)[:, None, None, None] * 10
    return np.broadcast_to(made, (count, height, width, channels)).copy()


@pytest.fixture
def stage(qtbot):
    made = ImageStage(LIGHT)
    qtbot.addWidget(made)
    made.resize(900, 600)
    made.set_pictures(
        {"one_step": pictures(20), "composed": pictures(20), "data": pictures(9)}
        | {name: pictures(9) for name in ("way", "mix")}
    )
    return made


def colour_at(widget, place: QPointF) -> int:
    return QColor(widget.grab().toImage().pixel(place.toPoint())).red()


@pytest.mark.parametrize("channels", [1, 3])
def test_every_cell_finds_its_image(channels: int) -> None:
    panel = ImagePanel()
    panel.set_area(QRectF(10, 20, 300, 200))
    panel.set_pictures(pictures(12, 3, 6, channels))
    assert panel.shown == 12
    for index in range(12):
        cell = panel.cell(index)
        assert panel.index_at(cell.center()) == index
        assert cell.width() / cell.height() == pytest.approx(2)
        assert QRectF(10, 20, 300.01, 200.01).contains(cell)
    assert panel.index_at(QPointF(5, 5)) is None


def test_images_are_drawn_where_they_are_found(stage) -> None:
    for name in ("one_step", "composed", "data", "way", "mix"):
        for index in (0, 3, 8):
            assert colour_at(stage, stage.centre_of(name, index)) == 10 * index
    assert np.array_equal(stage.displayed("data"), pictures(9))


def test_a_click_picks_and_shift_click_picks_the_other(stage, qtbot) -> None:
    picked, other = [], []
    stage.picked.connect(picked.append)
    stage.other_picked.connect(other.append)
    where = stage.centre_of("composed", 5).toPoint()
    qtbot.mouseClick(stage, Qt.MouseButton.LeftButton, pos=where)
    qtbot.mouseClick(stage, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, where)
    qtbot.mouseClick(stage, Qt.MouseButton.RightButton, pos=where)
    in_data = stage.centre_of("data", 1).toPoint()
    qtbot.mouseClick(stage, Qt.MouseButton.LeftButton, pos=in_data)
    assert (picked, other) == ([5], [5, 5])


def test_the_image_under_the_pointer_is_enlarged(stage, qtbot) -> None:
    stage.show()
    cell = stage.centre_of("one_step", 7)
    beside = cell + QPointF(90, 0)
    before = colour_at(stage, beside)
    qtbot.mouseMove(stage, cell.toPoint())
    assert before != 70
    assert colour_at(stage, beside) == 70


def test_palettes_reach_the_paper(stage) -> None:
    stage.apply_palette(DARK)
    assert QColor(stage.grab().toImage().pixel(1, 1)).name() == DARK.stage


def test_digits_take_the_stage_and_points_give_it_back(open_studio, qtbot) -> None:
    window = open_studio(asset("presets", "digits-conditional.flowmap")).window
    stages = window.stages

    def shown() -> None:
        frame = window.session.frame
        assert frame is not None
        assert frame.request.snapshot.image is not None
        assert stages.shown() is stages.images

    qtbot.waitUntil(shown)
    window.session.set_sampling(label="3", picked=4, other=2)

    def chosen() -> None:
        frame = window.session.frame
        assert frame.request.sampling.picked == 4
        assert frame.request.full

    qtbot.waitUntil(chosen)
    frame = window.session.frame
    assert set(frame.labels["one_step"]) == {3}
    assert frame.strips["way"].shape == frame.strips["mix"].shape == (9, 64)
    t = frame.request.t
    np.testing.assert_allclose(frame.strips["mix"][0], frame.clouds["one_step"][4], atol=1e-5)
    np.testing.assert_allclose(frame.strips["mix"][-1], frame.clouds["one_step"][2], atol=1e-5)
    np.testing.assert_allclose(frame.strips["way"][0], frame.clouds["source"][4], atol=1e-5)
    assert 0 <= t <= 1
    assert stages.images.displayed("way").shape == (9, 8, 8, 1)
    assert window.open_preset(asset("presets", "moons.flowmap"))
    qtbot.waitUntil(lambda: stages.shown() is window.stage)


def test_images_are_exported_as_pictures_and_films(open_studio, qtbot, tmp_path: Path) -> None:
    window = open_studio(asset("presets", "digits.flowmap")).window
    qtbot.waitUntil(lambda: window.stages.shown() is window.stages.images)
    assert not window.export(tmp_path / "a.svg")
    assert "this map makes images" in window.message_bar.text()
    assert window.export(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000
    window.session.render_film(tmp_path / "a.gif", Look((160, 160)), Timing(4, 1))
    qtbot.waitUntil(lambda: not window.session.films.running, timeout=120_000)
    with Image.open(tmp_path / "a.gif") as film:
        assert (film.size, film.n_frames) == ((160, 160), 4)
