"""Solvers of velocities, classes of conditional maps, and the stages of a run, in the window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QLabel, QSpinBox, QWidget

from flowmap_studio.core.drawing.layers import STAGE_POINTS, STAGE_SEED
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.randomness import source_noise
from flowmap_studio.views import theme
from flowmap_studio.views.sampling_bar import LARGEST_GUIDANCE, TICKS, SamplingBar

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")


def names(studio: Any) -> list[str]:
    return [label.text() for label in studio.find("layerPanel", QWidget).findChildren(QLabel)]


def test_a_map_has_neither_solver_nor_classes(studio: Any) -> None:
    for name in ("solverCombo", "classCombo", "guidanceSpin", "guidanceSlider"):
        assert not studio.find(name, QWidget).isVisible()
    assert "One step" in names(studio)
    assert "Composed, 8 steps" in names(studio)


def test_a_velocity_is_solved_by_the_chosen_solver(studio: Any) -> None:
    studio.configure(target="rings", method="flow-matching")
    studio.train_to_the_end()
    studio.settled()
    combo, label = studio.find("solverCombo", QComboBox), studio.find("evaluationsLabel", QLabel)
    assert combo.isVisible()
    assert not studio.find("classCombo", QWidget).isVisible()
    assert "Euler, 1 step" in names(studio)
    assert "Euler, 8 steps" in names(studio)
    assert label.text() == "8 evaluations"
    combo.setFocus()
    for _ in range(3):
        studio.qtbot.keyClick(combo, Qt.Key.Key_Down)
    studio.until(lambda: label.text() == "32 evaluations")
    assert "RK4, 8 steps" in names(studio)
    loaded = LoadedMap(studio.session.snapshot)
    noise = source_noise(STAGE_POINTS, 2, STAGE_SEED)
    expected = loaded.at(noise, 1.0, 8, solver="rk4")
    assert np.allclose(studio.shown("composed"), expected, atol=1e-4)
    assert np.allclose(studio.shown("one_step"), loaded.at(noise, 1.0, 1), atol=1e-4)
    studio.qtbot.keyClick(combo, Qt.Key.Key_Down)
    studio.until(lambda: "dopri5, adaptive" in names(studio))
    assert not studio.find("stepsSpin", QSpinBox).isEnabled()


def test_the_caption_tells_the_stage_of_a_run(studio: Any) -> None:
    studio.configure(target="rings", method="rectified-flow", steps=40, reflows=2)
    studio.train_to_the_end()
    studio.settled()
    assert studio.find("stageCaption", QLabel).text().endswith("step 40 · reflow 2")
    studio.find("historySlider").setValue(0)
    caption = studio.find("stageCaption", QLabel)
    studio.until(lambda: caption.text().endswith("step 0 · flow matching"))


def test_a_conditional_map_shows_its_classes(studio: Any) -> None:
    studio.configure(target="rings", labels="on")
    studio.train_to_the_end()
    studio.settled()
    combo, classes = studio.find("classCombo", QComboBox), studio.session.snapshot.classes
    assert [combo.itemText(k) for k in range(combo.count())] == ["all", *classes]
    legend = studio.find("classLegend", QLabel)
    assert legend.isVisible()
    assert all(name in legend.text() for name in classes)
    everything = len(studio.shown("data"))
    combo.setFocus()
    studio.qtbot.keyClick(combo, Qt.Key.Key_Down)
    studio.until(lambda: len(studio.shown("data")) < everything)
    snapshot = studio.session.snapshot
    assert len(studio.shown("data")) == int((snapshot.labels == 0).sum())
    spin = studio.find("guidanceSpin", QDoubleSpinBox)
    spin.setFocus()
    spin.selectAll()
    studio.qtbot.keyClicks(spin, "2.5")
    before = studio.shown("one_step")
    studio.qtbot.keyClick(spin, Qt.Key.Key_Return)
    studio.until(lambda: not np.array_equal(studio.shown("one_step"), before))
    loaded, noise = LoadedMap(snapshot), source_noise(STAGE_POINTS, 2, STAGE_SEED)
    guide = loaded.guide(STAGE_POINTS, STAGE_SEED, classes[0], 2.5)
    assert np.allclose(studio.shown("one_step"), loaded.at(noise, 1.0, 1, guide), atol=1e-4)


def test_guidance_has_one_value_in_slider_and_field(qtbot: Any) -> None:
    bar = SamplingBar()
    qtbot.addWidget(bar)
    bar.show_classes(("a", "b"))
    bar.show()
    told: list[float] = []
    bar.guidance_changed.connect(told.append)
    slider, spin = bar.guidance_slider, bar.guidance_spin
    assert (slider.value() / TICKS, spin.value()) == (1, 1)
    qtbot.keyClick(slider, Qt.Key.Key_PageUp)
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert spin.value() == 2.05
    spin.setValue(3.33)
    assert slider.value() == round(3.33 * TICKS)
    assert spin.value() == 3.33  # finer than the slider
    assert told == [2, 2.05, 3.33]
    bar.show_sampling("euler", None, 0.5)
    assert (slider.value() / TICKS, spin.value()) == (0.5, 0.5)
    assert len(told) == 3
    end = QPoint(slider.width() - 2, slider.height() // 2)
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=end)
    assert spin.value() == LARGEST_GUIDANCE


@pytest.mark.parametrize("palette", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_classes_are_drawn_in_their_colours(qtbot: Any, palette: theme.Palette) -> None:
    from flowmap_studio.views.cloud_view import CloudView

    stage = CloudView(palette)
    qtbot.addWidget(stage)
    stage.resize(600, 600)
    x, y = np.meshgrid(np.linspace(-1, 1, 20), np.linspace(-1, 1, 20))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    labels = (points[:, 0] > 0).astype(int)
    stage.set_clouds({"data": points, "one_step": points}, {"one_step": labels + 8})
    for layer in ("data", "source", "composed"):
        stage.set_layer_visible(layer, False)
    stage.panel.hide()
    image = stage.grab().toImage()
    colours = {image.pixelColor(i, j).name() for i in range(600) for j in range(100, 500)}
    # Class 8 has the first colour again.
    assert palette.class_colour(8) == palette.classes[0]

    def near(colour: str) -> bool:
        wanted = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)])
        found = (np.array([int(c[k : k + 2], 16) for k in (1, 3, 5)]) for c in colours)
        return any(np.abs(wanted - c).max() < 45 for c in found)

    assert near(palette.classes[0])
    assert near(palette.classes[1])
    assert not near(palette.classes[2])


def test_many_classes_leave_the_legend_short(qtbot: Any) -> None:
    from flowmap_studio.views.class_legend import ClassLegend

    parent = QWidget()
    qtbot.addWidget(parent)
    legend = ClassLegend(theme.LIGHT, parent)
    legend.set_names([f"<b>{k}" for k in range(14)])
    assert "and 4 more" in legend.text()
    assert "&lt;b&gt;3" in legend.text()
    legend.set_names([])
    assert legend.isHidden()
