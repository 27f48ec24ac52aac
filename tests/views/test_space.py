"""Maps of more than two axes: how they are seen, picked, followed and filmed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDialog, QLabel, QSpinBox, QWidget

from flowmap_studio.core.probes import trajectories
from flowmap_studio.core.projections import principal_axes
from flowmap_studio.views import file_dialogs
from tests.views.test_stage_probes import answered, only, pixel, preset_of, set_time

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")
SPREADS = (0.2, 1.0, 3.0)
"""Of the three axes: the first principal axis is the last of them."""


@pytest.fixture
def studio(open_studio: Any, tmp_path: Path) -> Any:
    points = tmp_path / "three.npy"
    np.save(points, np.random.default_rng(1).normal(scale=SPREADS, size=(600, 3)))
    studio = open_studio(preset_of(tmp_path, target=str(points)))
    studio.settled()
    return studio


def choose(studio: Any, way: str) -> None:
    combo = studio.find("projectionCombo", QComboBox)
    combo.setCurrentIndex(combo.findText(way))


def test_principal_axes_are_seen_first_and_others_when_chosen(studio: Any) -> None:
    data = studio.session.snapshot.data
    assert studio.find("projectionBar", QWidget).isVisible()
    np.testing.assert_allclose(studio.shown("data"), data @ principal_axes(data), atol=1e-5)
    choose(studio, "Chosen axes")
    studio.find("xAxisSpin", QSpinBox).setValue(3)
    studio.find("yAxisSpin", QSpinBox).setValue(1)
    np.testing.assert_allclose(studio.shown("data"), data[:, [2, 0]], atol=1e-6)
    choose(studio, "Random tour")
    before = studio.shown("data")
    studio.until(lambda: not np.allclose(studio.shown("data"), before, atol=1e-3))


def test_a_click_traces_the_point_that_is_seen_there(studio: Any) -> None:
    only(studio, "one_step")
    studio.trigger("trajectoriesAction")
    shown = studio.shown("one_step")
    row = int(np.argmax(shown[:, 0]))  # one that lies alone
    viewport = studio.window.stage.plot.viewport()
    studio.qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=pixel(studio, shown[row]))
    paths = answered(studio, "trace").value
    from flowmap_studio.core.loaded_map import LoadedMap

    noise = studio.session.frame.clouds["source"][[row]]
    loaded = LoadedMap(studio.session.snapshot)
    expected = trajectories(loaded, noise, paths.times.tolist()).positions
    np.testing.assert_allclose(paths.positions, expected, atol=1e-9)
    assert paths.positions.shape[2] == 3
    assert studio.find("probe_trace", QLabel).text().count(",") == 4  # three coordinates, twice
    head = studio.window.probe_desk.followed.head
    np.testing.assert_allclose(head.points[0], shown[row], atol=1e-4)
    choose(studio, "Chosen axes")  # what is followed turns with the clouds
    np.testing.assert_allclose(head.points[0], studio.shown("one_step")[row], atol=1e-4)
    way = studio.window.probe_desk.followed.shape()
    np.testing.assert_allclose([way.x[-2], way.y[-2]], paths.positions[-1, 0, :2], atol=1e-6)
    assert answered(studio, "trajectories").value.positions.shape[2] == 3
    ways = studio.window.probe_desk.trajectories.shape()
    first = answered(studio, "trajectories").value.positions[:, 0]
    np.testing.assert_allclose(ways.x[: len(first)], first[:, 0], atol=1e-6)


def test_a_lasso_takes_the_points_that_are_seen_in_it(studio: Any) -> None:
    only(studio, "one_step")
    shown = studio.shown("one_step")
    low, high = shown.min(axis=0) - 0.05, shown.max(axis=0) + 0.05
    corners = [(low[0], low[1]), (0.0, low[1]), (0.0, high[1]), (low[0], high[1])]
    places = [pixel(studio, corner) for corner in corners]
    viewport = studio.window.stage.plot.viewport()
    studio.qtbot.keyClick(studio.window, Qt.Key.Key_G)
    studio.qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=places[0])
    for place in places[1:]:
        studio.qtbot.mouseMove(viewport, place)
    studio.qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=places[-1])
    followed = studio.window.probe_desk.followed
    wanted = np.flatnonzero(shown[:, 0] < 0)
    assert len(np.setxor1d(followed.rows, wanted)) < 0.05 * len(wanted)  # to within a pixel
    set_time(studio, 0.4)
    np.testing.assert_allclose(followed.group.points, studio.shown("one_step")[followed.rows])
    members = studio.session.frame.clouds["one_step"][followed.rows]
    spread = float(np.sqrt(members.var(axis=0).mean()))
    assert f"spread {spread:.3f}" in studio.find("probe_group", QLabel).text()


def test_a_film_of_a_tour_turns(
    studio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(studio, "data")  # it does not move by itself
    choose(studio, "Random tour")
    path = tmp_path / "tour.gif"
    monkeypatch.setattr(file_dialogs.QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    studio.trigger("exportAction")
    dialog = studio.window.findChildren(QDialog, "filmDialog")[-1]
    values = {"filmWidth": 300, "filmHeight": 300, "filmFps": 1, "filmSeconds": 3}
    for name, value in values.items():
        dialog.findChild(QWidget, name).setValue(value)
    studio.qtbot.mouseClick(dialog.findChild(QWidget, "filmRender"), Qt.MouseButton.LeftButton)
    studio.until(lambda: not studio.session.films.running)
    with Image.open(path) as film:
        pictures = []
        for number in range(film.n_frames):
            film.seek(number)
            pictures.append(np.asarray(film.convert("RGB"), int)[:240, 60:])  # without the caption
    assert np.abs(pictures[0] - pictures[-1]).mean() > 1
