"""Earlier runs behind the present one: seen in both plots, chosen from a list, by keys too."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QCheckBox, QPushButton, QToolButton

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.history import TERMS, LossHistory
from flowmap_studio.runtime.quality import QualityHistory
from flowmap_studio.runtime.session import Session
from flowmap_studio.views import theme
from flowmap_studio.views.window import StudioWindow

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")


def losses(level: float, steps: int) -> LossHistory:
    history = LossHistory()
    rows = np.full((steps, len(TERMS)), np.nan, np.float32)
    for term, share in (("match", 0.75), ("consistency", 0.25), ("total", 1.0)):
        rows[:, TERMS.index(term)] = share * level
    history.append(rows)
    return history


def quality(level: float, steps: int) -> QualityHistory:
    return QualityHistory([0, steps], [1.0, level], [1.0, level / 2], [8, 8], floor=0.01)


def ended_with(config: RunConfig) -> Any:
    """The snapshots of a run, as far as they are asked."""
    return SimpleNamespace(newest=SimpleNamespace(config=config))


def end_run(window: StudioWindow, seed: int, level: float, steps: int = 100) -> None:
    """What the session does when another run begins."""
    snapshots = ended_with(RunConfig(target="rings", seed=seed))
    window.session.earlier.keep(snapshots, losses(level, steps), quality(level, steps))


@pytest.fixture
def window(qtbot, qapp):
    theme.apply(qapp, theme.LIGHT)
    session = Session()
    session.begin = lambda: None  # no torch: nothing is evaluated here
    made = StudioWindow(session, theme.LIGHT)
    qtbot.addWidget(made)
    with qtbot.waitActive(made):
        made.show()
    return made


def button(window, name: str = "lossRuns") -> QToolButton:
    return window.findChild(QToolButton, name)


def box(window, number: int) -> QCheckBox:
    return window.findChild(QCheckBox, f"run_{number}")


def open_list(qtbot, window, name: str = "lossRuns") -> Any:
    qtbot.mouseClick(button(window, name), Qt.MouseButton.LeftButton)
    chooser = window.findChild(QApplication.activePopupWidget().__class__, "runChooser")
    assert chooser.isVisible()
    return chooser


def levels(plot) -> dict[int, list[float]]:
    """The last value of every curve that is drawn, by run."""
    found: dict[int, list[float]] = {}
    for run, _, values in plot.run_curves():
        found.setdefault(run, []).append(round(float(values[-1]), 4))
    return found


def test_without_earlier_runs_there_is_nothing_to_choose(window):
    for name in ("lossRuns", "qualityRuns"):
        assert not button(window, name).isEnabled()
        assert "once another run begins" in button(window, name).toolTip()
    assert window.loss_plot.run_curves() == window.quality_plot.run_curves() == []


def test_the_previous_run_is_seen_behind_the_present_one(window):
    window.loss_plot.set_history(losses(0.2, 40))
    end_run(window, seed=3, level=0.5)
    assert levels(window.loss_plot) == {1: [0.5]}  # the total
    assert levels(window.quality_plot) == {1: [0.5, 0.25]}
    assert "Run 1: rings · semigroup · ot · seed 3" in button(window).toolTip()
    run, steps, _ = window.loss_plot.run_curves()[0]
    assert (run, len(steps)) == (1, 100)
    left, right = window.loss_plot._plot.visible_steps()
    assert left <= steps[0]
    assert right >= steps[-1]  # all of it, though the present run is shorter
    end_run(window, seed=4, level=0.1)
    assert levels(window.loss_plot) == {2: [0.1]}


def test_a_run_alone_takes_the_place_of_the_empty_plots_words(window):
    empty = window.loss_plot.findChild(type(window.loss_plot._plot._empty), "emptyLabel")
    assert empty.isVisible()
    end_run(window, seed=0, level=0.5)
    assert not empty.isVisible()
    window.session.earlier.forget()
    assert empty.isVisible()
    assert window.loss_plot.run_curves() == []


def test_boxes_show_and_hide_runs_in_both_plots(qtbot, window):
    for seed, level in enumerate((0.8, 0.4)):
        end_run(window, seed, level, steps=1234)
    open_list(qtbot, window)
    assert not box(window, 1).isChecked()
    assert box(window, 2).isChecked()
    name = "Run 2: rings · semigroup · ot · seed 1"
    assert box(window, 2).text() == name
    assert box(window, 2).accessibleName() == f"{name}, 1,234 steps, one-step W2 0.400"
    qtbot.mouseClick(box(window, 1), Qt.MouseButton.LeftButton, pos=QPoint(6, 10))
    assert levels(window.loss_plot) == {2: [0.4], 1: [0.8]}
    assert levels(window.quality_plot) == {2: [0.4, 0.2], 1: [0.8, 0.4]}
    qtbot.mouseClick(box(window, 2), Qt.MouseButton.LeftButton, pos=QPoint(6, 10))
    assert levels(window.loss_plot) == {1: [0.8]}


def test_the_list_is_used_by_keys_and_the_windows_keys_rest(qtbot, window):
    for seed in range(3):
        end_run(window, seed, 0.5)
    button(window, "qualityRuns").setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(button(window, "qualityRuns"), Qt.Key.Key_Space)
    chooser = QApplication.activePopupWidget()
    assert chooser.objectName() == "runChooser"
    assert QApplication.focusWidget() is box(window, 3)
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Space)
    assert levels(window.loss_plot) == {}
    assert not window.time_bar.is_playing()
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Down)
    assert QApplication.focusWidget() is box(window, 2)
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Space)
    assert list(levels(window.loss_plot)) == [2]
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Escape)
    assert not chooser.isVisible()


def test_all_at_once(qtbot, window):
    for seed in range(3):
        end_run(window, seed, 0.5)
    chooser = open_list(qtbot, window)
    names = ("showAllRuns", "hideAllRuns", "forgetRuns")
    show, hide, forget = (chooser.findChild(QPushButton, name) for name in names)
    qtbot.mouseClick(show, Qt.MouseButton.LeftButton)
    assert sorted(levels(window.quality_plot)) == [1, 2, 3]
    assert not show.isEnabled()
    qtbot.mouseClick(hide, Qt.MouseButton.LeftButton)
    assert levels(window.quality_plot) == {}
    assert not hide.isEnabled()
    qtbot.mouseClick(forget, Qt.MouseButton.LeftButton)
    assert not chooser.isVisible()
    assert not button(window).isEnabled()
    assert window.session.earlier.runs() == ()


def test_without_the_total_the_chosen_terms_are_drawn(window):
    end_run(window, seed=0, level=1.0)
    window.findChild(QCheckBox, "toggle_total").click()
    assert levels(window.loss_plot) == {1: [0.75, 0.25]}  # terms it lacks are left out
    window.findChild(QCheckBox, "toggle_match").click()
    assert levels(window.loss_plot) == {1: [0.25]}
    window.findChild(QCheckBox, "toggle_total").click()
    assert levels(window.loss_plot) == {1: [1.0]}


def test_values_are_those_of_the_run_on_either_axis(window):
    end_run(window, seed=0, level=0.3)
    for on in (False, True):
        window.loss_plot.set_logarithmic(on)
        (_, steps, values), *others = window.loss_plot.run_curves()
        assert others == []
        np.testing.assert_allclose(steps, np.arange(100) + 0.5)
        np.testing.assert_allclose(values, 0.3, rtol=1e-6)


def test_the_read_out_tells_of_earlier_runs(window):
    window.loss_plot.set_history(losses(0.2, 40))
    end_run(window, seed=0, level=0.5)
    within, words = window.loss_plot._describe(20.2)
    assert within == pytest.approx(20.5)
    assert "total" in words
    assert "run 1" in words
    assert "0.5000" in words
    beyond, words = window.loss_plot._describe(80.0)
    assert beyond == pytest.approx(80)
    assert "total" not in words
    assert "run 1" in words
    assert window.loss_plot._describe(300.0)[0] == pytest.approx(39.5)  # nothing goes so far
    window.quality_plot.set_points([0, 40], {"one_step": [1, 0.4], "composed": [1, 0.3]}, 0.01)
    _, words = window.quality_plot._describe(39.0)
    assert "run 1, composed" in words
    assert "0.300" in words
    _, words = window.quality_plot._describe(90.0)
    assert "0.300" not in words
    assert "0.250" in words


def test_curves_and_boxes_have_the_runs_colour_in_either_look(qtbot, window):
    for seed in range(2):
        end_run(window, seed, 0.5)
    window.session.earlier.show(1, True)
    for palette in (theme.DARK, theme.LIGHT):
        window.apply_palette(palette)
        for number in (1, 2):
            assert palette.run_colour(number) in box(window, number).styleSheet()
        curves = window.quality_plot._earlier._curves
        colours = [curve.opts["pen"].color().name() for curve in curves]
        assert colours == [palette.run_colour(number) for number in (2, 2, 1, 1)]
        sign = button(window).icon().pixmap(14, 14).toImage()
        assert sign.pixelColor(4, 3).name() == palette.run_colour(2)


def test_a_runs_tip_tells_unusual_settings(window):
    config = RunConfig(learning_rate=0.01, seed=5)
    window.session.earlier.keep(ended_with(config), losses(0.5, 9), QualityHistory())
    assert box(window, 1).toolTip() == "Learning rate: 0.01"
    assert box(window, 1).accessibleName().endswith("9 steps, one-step W2 –")


def test_a_narrow_button_is_its_sign_alone(window):
    wide = button(window)
    words = wide.sizeHint().width()
    wide.resize(words, 22)
    assert wide.toolButtonStyle() is Qt.ToolButtonStyle.ToolButtonTextBesideIcon
    wide.resize(words - 1, 22)
    assert wide.toolButtonStyle() is Qt.ToolButtonStyle.ToolButtonIconOnly
    assert wide.minimumSizeHint().width() < words


def test_a_long_list_scrolls(qtbot, window):
    for seed in range(20):
        end_run(window, seed, 0.5)
    chooser = open_list(qtbot, window)
    assert chooser.height() < 460
    assert len(chooser.findChildren(QCheckBox)) == 20
    bar = chooser._area.verticalScrollBar()
    assert bar.maximum() > 0
    for _ in range(19):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Down)
    assert QApplication.focusWidget() is box(window, 1)
    assert not box(window, 1).visibleRegion().isEmpty()  # what has the focus is in view
    assert bar.value() > 0
