"""How many points the stage has is the user's choice."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel

from flowmap_studio.core.drawing.layers import STAGE_COUNTS, STAGE_POINTS, STAGE_SEED
from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.film_limits import Look, Timing
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.native.library import library
from flowmap_studio.core.probing.values import Trace
from flowmap_studio.core.randomness import source_noise
from flowmap_studio.resources import asset
from flowmap_studio.runtime.frames import LIGHT_POINTS
from flowmap_studio.views.export import points_content
from flowmap_studio.views.lattice_check import LatticeCheck
from flowmap_studio.views.stage_layers import picking

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")
MANY = 65_536


def choose(studio: Any, count: int) -> None:
    combo = studio.find("pointsCombo", QComboBox)
    combo.setFocus()
    while combo.currentData() < count:
        studio.qtbot.keyClick(combo, Qt.Key.Key_Down)
    assert combo.currentData() == count


def counts(studio: Any) -> tuple[int, int]:
    return len(studio.shown("one_step")), len(studio.shown("composed"))


def test_a_choice_shows_so_many_points_from_the_same_noise(studio: Any) -> None:
    combo = studio.find("pointsCombo", QComboBox)
    assert [combo.itemData(row) for row in range(combo.count())] == list(STAGE_COUNTS)
    assert combo.currentText() == f"{STAGE_POINTS:,} points"
    before = studio.shown("composed")
    choose(studio, MANY)
    seen = []
    studio.session.frame_changed.connect(lambda _frame: seen.append(counts(studio)))
    studio.until(lambda: counts(studio) == (MANY, MANY))
    loaded, noise = LoadedMap(studio.session.snapshot), source_noise(MANY, 2, STAGE_SEED)
    after = studio.shown("composed")
    assert np.allclose(after, loaded.at(noise, 1.0, 8), atol=1e-4)
    assert np.allclose(after[:STAGE_POINTS], before, atol=1e-4)
    assert len(studio.shown("source")) == MANY
    assert studio.find("statusPoints", QLabel).text() == f"{MANY:,} points"
    assert "for now" not in studio.find("stageCaption", QLabel).text()


def test_of_large_clouds_some_points_are_shown_at_once(studio: Any) -> None:
    studio.session.looks_up = False
    choose(studio, MANY)
    studio.until(lambda: counts(studio) == (MANY, MANY))
    caption, seen = studio.find("stageCaption", QLabel), []
    studio.session.frame_changed.connect(
        lambda frame: seen.append((frame.request.t, *counts(studio), caption.text()))
    )
    studio.find("timeSlider").setValue(500)
    studio.until(lambda: len(seen) == 2)
    (t, some, fewer, words), (_, one_step, composed, after) = seen
    assert t == 0.5
    assert (some, one_step, composed) == (LIGHT_POINTS, MANY, MANY)
    assert fewer < some
    assert words.endswith(f"some of {MANY:,} points for now")
    assert "for now" not in after


def test_a_held_slider_shows_light_clouds_and_a_released_one_all(studio: Any) -> None:
    studio.session.looks_up = False
    choose(studio, MANY)
    studio.until(lambda: counts(studio) == (MANY, MANY))
    slider, seen = studio.find("timeSlider"), []
    slider.setSliderDown(True)
    studio.session.frame_changed.connect(lambda _frame: seen.append(counts(studio)))
    for place in (900, 700, 500):
        slider.setValue(place)
        studio.until(lambda place=place: studio.session.frame.request.t == place / 1000)
    studio.qtbot.wait(50)
    # Fewer where the machine is slow; see `runtime.pace`.
    assert all(0 < one_step <= LIGHT_POINTS for one_step, _ in seen)
    slider.setSliderDown(False)
    studio.until(lambda: counts(studio) == (MANY, MANY))


def test_images_are_as_many_as_there_is_room_for(studio: Any) -> None:
    studio.configure(target="digits", coupling="independent")
    combo = studio.find("pointsCombo", QComboBox)
    studio.until(lambda: not combo.isEnabled())
    assert "as many as there is room for" in combo.toolTip()
    studio.configure(target="rings", coupling="ot")
    studio.until(combo.isEnabled)


def test_a_point_of_a_large_cloud_is_traced(studio: Any) -> None:
    """Also one that is left out while the slider moves."""
    studio.session.looks_up = False
    choose(studio, MANY)
    studio.until(lambda: counts(studio) == (MANY, MANY))
    desk = studio.window.probe_desk
    desk._trace_row(MANY - 1)
    slider = studio.find("timeSlider")
    slider.setSliderDown(True)
    slider.setValue(300)
    studio.until(lambda: counts(studio)[0] == LIGHT_POINTS)
    desk.follow_neighbours()
    assert len(desk.followed.members)
    slider.setSliderDown(False)
    studio.qtbot.keyClick(studio.window, Qt.Key.Key_T)
    assert studio.session.probes.trace.rows == (0,)  # the one after the last


def test_a_lasso_holds_what_the_even_odd_rule_says() -> None:
    draw = np.random.default_rng(3)
    points, corners = draw.normal(size=(1000, 2)), draw.normal(size=(12, 2))
    points[:20, 1] = corners[0, 1]  # as high as a corner
    corners[5, 1] = corners[4, 1]  # a level edge
    (x, y), ends = points.T, np.roll(corners, -1, axis=0)
    crossings = np.zeros(len(points), int)
    for (x0, y0), (x1, y1) in zip(corners, ends, strict=True):
        for row in range(len(points)):
            if (y0 > y[row]) != (y1 > y[row]):
                crossings[row] += x[row] < x0 + (y[row] - y0) / (y1 - y0) * (x1 - x0)
    found = picking.inside(points, corners)
    assert np.array_equal(found, crossings % 2 == 1)
    assert 0 < found.sum() < len(points)
    assert picking.inside(points[:0], corners).shape == (0,)


def test_points_that_are_not_all_made_are_not_exported(studio: Any, tmp_path: Path) -> None:
    studio.session.looks_up = False
    choose(studio, MANY)
    studio.until(lambda: counts(studio) == (MANY, MANY))
    slider = studio.find("timeSlider")
    slider.setSliderDown(True)
    slider.setValue(300)
    studio.until(lambda: counts(studio)[0] == LIGHT_POINTS)
    with pytest.raises(StudioError, match=f"Only {LIGHT_POINTS:,} of {MANY:,} points are made"):
        points_content(tmp_path / "a.npy", studio.session.frame)
    slider.setSliderDown(False)
    studio.until(lambda: counts(studio) == (MANY, MANY))
    saved = np.load(io.BytesIO(points_content(tmp_path / "a.npy", studio.session.frame)))
    assert np.allclose(saved, studio.shown("one_step"))


def test_points_that_are_rounded_are_not_exported(studio: Any, tmp_path: Path) -> None:
    if library() is None:
        pytest.skip("needs the compiled library")
    assert studio.window.open_preset(asset("presets", "moons.flowmap"))
    studio.session.looks_up = False
    slider = studio.find("timeSlider")
    slider.setSliderDown(True)
    slider.setValue(300)
    studio.until(lambda: studio.session.frame.request.t == pytest.approx(0.3))
    with pytest.raises(StudioError, match="still in motion and rounded"):
        points_content(tmp_path / "a.npy", studio.session.frame)
    slider.setSliderDown(False)
    studio.settled()
    saved = np.load(io.BytesIO(points_content(tmp_path / "a.npy", studio.session.frame)))
    assert np.array_equal(saved, studio.session.frame.clouds["one_step"])


def test_a_run_that_goes_on_is_shown_and_not_the_large_cloud_of_before(studio: Any) -> None:
    studio.configure(target="rings", steps=100_000)
    studio.session.start()
    studio.until(lambda: studio.session.snapshot.step > 0)
    studio.session.pause()
    studio.until(lambda: studio.session.state.name == "PAUSED")
    studio.session.set_steps(64)
    combo = studio.find("pointsCombo", QComboBox)
    combo.setCurrentIndex(combo.count() - 1)
    studio.until(lambda: studio.session._evaluator._large)
    step = studio.session.frame.request.snapshot.step
    studio.session.resume()
    studio.until(lambda: studio.session.frame.request.snapshot.step > step)
    studio.session.stop()
    studio.until(lambda: studio.session.state.name == "IDLE")


def test_the_window_closes_while_a_film_of_a_million_points_is_made(
    studio: Any, tmp_path: Path
) -> None:
    session = studio.session
    combo = studio.find("pointsCombo", QComboBox)
    combo.setCurrentIndex(combo.count() - 1)
    session.render_film(tmp_path / "a.gif", Look((64, 64)), Timing(4, 1))
    studio.qtbot.wait(300)
    (thread,) = session.films.workers()
    assert thread.isRunning()
    session.shutdown()
    assert not thread.isRunning()
    assert not list(tmp_path.iterdir())


def test_a_conditional_map_and_cached_steps_have_as_many_points(studio: Any) -> None:
    studio.configure(target="rings", labels="on")
    studio.train_to_the_end()
    studio.settled()
    few, session = session_labels(studio), studio.session
    choose(studio, LIGHT_POINTS)
    studio.until(lambda: counts(studio) == (LIGHT_POINTS, LIGHT_POINTS))
    many = session_labels(studio)
    for layer in ("source", "one_step", "composed"):
        assert len(many[layer]) == LIGHT_POINTS
        assert np.array_equal(many[layer][:STAGE_POINTS], few[layer])
    composed = studio.shown("composed")
    studio.find("latticeCheck", LatticeCheck).click()
    studio.until(lambda: session.frame.cached_error is not None)
    _, largest = session.frame.cached_error
    apart = np.linalg.norm(studio.shown("composed") - composed, axis=1)
    assert len(apart) == LIGHT_POINTS
    assert 0 < apart.mean() < 2 * largest * session.snapshot.normalisation.scale[0]
    # A trace of the last point knows its class, too.
    session.probes.follow(Trace(session.frame.clouds["source"][[-1]], 0.0, (LIGHT_POINTS - 1,)))
    paths = studio.window.probe_desk.followed.path
    studio.until(lambda: paths.paths is not None)
    end = session.frame.clouds["one_step"][-1]
    assert np.linalg.norm(paths.paths.positions[-1, 0] - end) < 1e-3


def session_labels(studio: Any) -> dict[str, np.ndarray]:
    return dict(studio.session.frame.labels)
