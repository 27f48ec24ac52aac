"""Layers of probes, traces, groups and read-outs, used and seen as a user does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QDockWidget, QLabel, QSlider, QToolButton, QWidget

from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.probes import fold_share, trajectories

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")
PROBES = ("grid", "velocity", "trajectories", "area", "likelihood", "density", "semigroup")


def answered(studio: Any, name: str) -> Any:
    """The answer for a probe of what is on stage."""
    probes = studio.session.probes
    studio.until(lambda: name in probes.answers and probes.is_fresh(name))
    return probes.answers[name]


def set_time(studio: Any, t: float) -> None:
    studio.find("timeSlider", QSlider).setValue(round(1000 * t))
    studio.settled()


def pixel(studio: Any, place: Any) -> QPoint:
    """Where on the stage's viewport a place in data units is."""
    plot = studio.window.stage.plot
    scene = plot.box.mapViewToScene(plot.box.viewRect().center())
    assert not scene.isNull()
    from PySide6.QtCore import QPointF

    return plot.mapFromScene(plot.box.mapViewToScene(QPointF(*map(float, place))))


def only(studio: Any, layer: str) -> None:
    """Close the eyes of all other clouds."""
    for other in ("source", "data", "one_step", "composed"):
        studio.window.stage.set_layer_visible(other, other == layer)


# Layers


def test_keys_show_each_probe_and_hide_it_again(studio: Any) -> None:
    stage = studio.window.stage
    for key, layer in zip("567890R", PROBES, strict=True):
        before = stage.grab().toImage()
        studio.qtbot.keyClick(studio.window, key)
        assert stage.is_layer_visible(layer)
        assert stage.panel.eyes[layer].isVisible()
        assert answered(studio, layer).sentence == ""
        studio.until(lambda before=before: stage.grab().toImage() != before)
        studio.qtbot.keyClick(studio.window, key)
        assert not stage.is_layer_visible(layer)
        assert not stage.panel.eyes[layer].isVisible()


def test_hidden_layers_cost_nothing(studio: Any) -> None:
    set_time(studio, 0.5)
    assert not studio.session.probes._prober.isRunning()
    assert studio.session.probes.answers == {}


def test_the_grid_follows_the_time(studio: Any) -> None:
    studio.trigger("gridAction")
    set_time(studio, 0.0)
    square = answered(studio, "grid").value
    # At t = 0 the lines are straight: along each either x or y stays the same.
    ends = np.flatnonzero(np.isnan(square.x))
    lines = np.split(np.stack([square.x, square.y], axis=1), ends)[1:-1]
    assert all(np.ptp(line[1:], axis=0).min() < 1e-5 for line in lines)
    set_time(studio, 1.0)
    moved = answered(studio, "grid").value
    drawn = studio.window.probe_desk.lines["grid"].getData()
    np.testing.assert_array_equal(drawn[0], moved.x)
    assert np.nanmax(np.abs(moved.x - square.x)) > 0.01


def test_colour_order_and_opacity_are_in_the_layer_panel(studio: Any) -> None:
    stage = studio.window.stage
    studio.click("layerPanelGrip")
    studio.click("moreLayers")
    studio.trigger("trajectoriesAction")
    answered(studio, "trajectories")
    menu = stage.panel.menus["trajectories"]
    assert menu.isVisible()
    item = studio.window.probe_desk.trajectories
    own = item.opts["pen"].color().name()
    menu.colours[0].trigger()
    assert item.opts["pen"].color().name() == stage._palette.text
    menu.own_colour.trigger()
    assert item.opts["pen"].color().name() == own
    before = stage.layer_order()
    menu.backward.trigger()
    place = before.index("trajectories")
    assert stage.layer_order().index("trajectories") == place - 1
    assert item.zValue() < stage._item(before[place - 1]).zValue()
    menu.forward.trigger()
    assert stage.layer_order() == before
    studio.find("opacity_trajectories", QSlider).setValue(30)
    assert item.opacity() == pytest.approx(0.3)


# Traces and groups


def test_a_click_on_a_point_traces_it_from_noise_to_data(studio: Any) -> None:
    only(studio, "one_step")
    shown = studio.shown("one_step")
    row = int(np.argmin(shown[:, 0]))  # one that lies alone
    plot = studio.window.stage.plot
    studio.qtbot.mouseClick(
        plot.viewport(), Qt.MouseButton.LeftButton, pos=pixel(studio, shown[row])
    )
    paths = answered(studio, "trace").value
    loaded = LoadedMap(studio.session.snapshot)
    noise = studio.session.frame.clouds["source"][[row]]
    expected = trajectories(loaded, noise, paths.times.tolist()).positions
    np.testing.assert_allclose(paths.positions, expected, atol=1e-9)
    path = studio.window.probe_desk.followed.path
    np.testing.assert_allclose(path.heads()[0], shown[row], atol=1e-4)
    assert "→" in studio.find("probe_trace", QLabel).text()
    set_time(studio, 0.0)
    np.testing.assert_allclose(path.heads()[0], noise[0], atol=1e-6)


def test_a_click_on_the_data_traces_it_back(studio: Any) -> None:
    only(studio, "data")
    shown = studio.shown("data")
    row = int(np.argmax(shown[:, 1]))
    plot = studio.window.stage.plot
    studio.qtbot.mouseClick(
        plot.viewport(), Qt.MouseButton.LeftButton, pos=pixel(studio, shown[row])
    )
    paths = answered(studio, "trace").value
    if paths.converged[0]:
        np.testing.assert_allclose(paths.positions[-1, 0], shown[row], atol=1e-4)
    else:
        assert "nearest" in studio.find("probe_trace", QLabel).text()


def test_a_lasso_follows_its_points(studio: Any) -> None:
    only(studio, "one_step")
    shown = studio.shown("one_step")
    plot, middle = studio.window.stage.plot, np.median(shown[:, 0])
    low, high = shown.min(axis=0) - 0.1, shown.max(axis=0) + 0.1
    corners = [(low[0], low[1]), (middle, low[1]), (middle, high[1]), (low[0], high[1])]
    places = [pixel(studio, corner) for corner in corners]
    studio.qtbot.keyClick(studio.window, Qt.Key.Key_G)
    assert studio.find("lassoAction").isChecked()
    view = studio.window.stage.view()
    studio.qtbot.mousePress(plot.viewport(), Qt.MouseButton.LeftButton, pos=places[0])
    for place in places[1:]:
        studio.qtbot.mouseMove(plot.viewport(), place)
    studio.qtbot.mouseRelease(plot.viewport(), Qt.MouseButton.LeftButton, pos=places[-1])
    rows = studio.window.probe_desk.followed.rows
    assert abs(len(rows) - len(shown) / 2) < 100  # to within a pixel
    assert shown[rows, 0].max() < middle + 0.1
    np.testing.assert_array_equal(view, studio.window.stage.view())  # nothing was panned
    set_time(studio, 0.3)
    group = studio.window.probe_desk.followed.group
    np.testing.assert_array_equal(group.points, studio.shown("one_step")[rows])
    assert studio.find("probe_group", QLabel).text().startswith(f"{len(rows):,} points")
    studio.qtbot.keyClick(studio.window, Qt.Key.Key_Backspace, Qt.KeyboardModifier.ShiftModifier)
    assert len(group) == 0


def test_trace_and_group_by_keyboard(studio: Any) -> None:
    studio.qtbot.keyClick(studio.window, Qt.Key.Key_T)
    first = answered(studio, "trace").value
    studio.qtbot.keyClick(studio.window, Qt.Key.Key_T)
    second = answered(studio, "trace").value
    source = studio.session.frame.clouds["source"]
    np.testing.assert_allclose(first.positions[0, 0], source[0], atol=1e-5)
    np.testing.assert_allclose(second.positions[0, 0], source[1], atol=1e-5)
    studio.qtbot.keyClick(studio.window, Qt.Key.Key_G, Qt.KeyboardModifier.ShiftModifier)
    assert len(studio.window.probe_desk.followed.group) == 64


# Read-outs


def test_the_panel_measures_while_it_is_seen(studio: Any) -> None:
    fold = studio.find("probe_folds", QLabel)
    assert fold.text() == "–"
    assert "folds" not in studio.session.probes.answers
    studio.find("probesDock", QDockWidget).raise_()
    for name in ("folds", "energy", "data_likelihood", "residual"):
        answered(studio, name)
    share = fold_share(LoadedMap(studio.session.snapshot))
    assert fold.text() == f"{100 * share:.1f} %"
    assert studio.find("probe_data_likelihood", QLabel).text().endswith("nats")
    assert "σ at s = " in studio.find("residualCaption", QLabel).text()
    pixels = studio.window.probe_panel.residual_pixels()
    opaque = pixels[..., 3] > 0
    np.testing.assert_array_equal(opaque, np.triu(np.ones_like(opaque), 1))


def test_figures_of_another_map_are_shown_no_more(studio: Any, small_preset: Path) -> None:
    studio.find("probesDock", QDockWidget).raise_()
    for name in ("folds", "residual"):
        answered(studio, name)
    assert studio.find("probe_folds", QLabel).text() != "–"
    shown: list[str] = []

    def note() -> None:
        shown.extend(
            studio.find(name, QLabel).text() for name in ("probe_folds", "residualCaption")
        )
        assert not studio.window.probe_panel.residual_pixels().size

    studio.session.probes.forgotten.connect(note)  # the panel was told before
    assert studio.window.open_preset(small_preset)
    studio.until(lambda: bool(shown))
    assert shown == ["–", "Semigroup residual: –"]
    studio.settled()
    answered(studio, "folds")
    studio.until(lambda: studio.find("probe_folds", QLabel).text() != "–")


def test_a_velocity_says_what_it_does_not_have(open_studio: Any, tmp_path: Path) -> None:
    studio = open_studio(preset_of(tmp_path, method="flow-matching"))
    studio.settled()
    studio.find("probesDock", QDockWidget).raise_()
    assert answered(studio, "residual").value is None
    assert answered(studio, "folds").value is None
    assert "cannot fold" in studio.find("probe_folds", QLabel).text()
    assert "composes by itself" in studio.find("residualCaption", QLabel).text()


def test_maps_of_other_dimensions_have_no_layers(open_studio: Any, tmp_path: Path) -> None:
    points = tmp_path / "three.npy"
    np.save(points, np.random.default_rng(1).normal(size=(300, 3)))
    studio = open_studio(preset_of(tmp_path, target=str(points)))
    studio.settled()
    studio.trigger("gridAction")
    assert answered(studio, "grid").value is None
    assert "3 axes" in studio.message()
    assert studio.window.stage.panel.note("grid") == "none"


def preset_of(folder: Path, **changes: Any) -> Path:
    """A preset of the untrained map of a small config."""
    from flowmap_studio.core.config import RunConfig
    from flowmap_studio.core.packing import pack
    from flowmap_studio.core.presets import write_preset
    from flowmap_studio.core.run import Run
    from flowmap_studio.core.targets import open_for
    from tests.views.conftest import SMALL

    config = RunConfig(**SMALL | changes)
    path = folder / "made.flowmap"
    write_preset(path, pack(Run(config, *open_for(config)).snapshot(), "Made", {}))
    return path


# Timeline


def test_bookmarks_of_the_flow_time(studio: Any) -> None:
    slider = studio.find("timeSlider", QSlider)
    key = studio.qtbot.keyClick
    key(studio.window, Qt.Key.Key_N)
    assert "no bookmark yet" in studio.message()
    for t in (0.2, 0.7):
        slider.setValue(round(1000 * t))
        key(studio.window, Qt.Key.Key_B)
    assert slider.bookmarks() == (200, 700)
    for expected in (200, 700, 200):
        key(studio.window, Qt.Key.Key_N)
        assert slider.value() == expected
    key(studio.window, Qt.Key.Key_P)
    assert slider.value() == 700
    key(studio.window, Qt.Key.Key_B)  # deletes it
    assert slider.bookmarks() == (200,)


def test_bookmarks_of_the_training_history(studio: Any) -> None:
    studio.configure(steps=60)
    studio.train_to_the_end()
    slider, shift = studio.find("historySlider", QSlider), Qt.KeyboardModifier.ShiftModifier
    studio.until(lambda: slider.maximum() > 0)
    slider.setValue(0)
    studio.qtbot.keyClick(studio.window, Qt.Key.Key_B, shift)
    slider.setValue(slider.maximum())
    assert studio.session.snapshot.step == 60
    studio.qtbot.keyClick(studio.window, Qt.Key.Key_N, shift)
    assert slider.value() == 0
    assert studio.session.snapshot.step == studio.session.bookmarks.steps[0]
    assert slider.bookmarks() == (0,)


def test_to_and_fro_takes_the_place_of_the_loop(studio: Any) -> None:
    button = studio.find("ping-pongButton", QToolButton)
    studio.click("ping-pongButton")
    assert button.isChecked()
    assert not studio.find("loopButton", QToolButton).isChecked()
    assert studio.find("pingPongAction").isChecked()
    studio.click("loopButton")
    assert not button.isChecked()
    assert studio.find("bookmarkButton", QWidget).menu().actions()
