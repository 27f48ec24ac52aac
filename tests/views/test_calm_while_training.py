"""What changes many times a second costs the window little: a run waits for what it costs."""

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QWidget

from flowmap_studio.core.drawing.layers import STAGE_POINTS
from flowmap_studio.core.history import RARE_TERMS
from flowmap_studio.runtime.frames import DRAG_POINTS, PLAY_POINTS
from flowmap_studio.views.figure_label import keep_size
from flowmap_studio.views.playback import CALM_MS, FRAME_MS

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


class Layouts(QObject):
    """Counts how often a widget is laid out anew."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.count = 0
        widget.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.LayoutRequest
        return False

    def after(self, change: Any) -> int:
        """How many layouts a change brings about."""
        QApplication.processEvents()
        self.count = 0
        change()
        QApplication.processEvents()
        return self.count


def test_a_label_that_keeps_its_size_lays_nothing_out_anew(qtbot):
    box = QWidget()
    qtbot.addWidget(box)
    row, free, kept = QHBoxLayout(box), QLabel("1"), QLabel("1")
    row.addWidget(free)
    row.addWidget(kept)
    keep_size(kept, 60)
    box.show()
    layouts = Layouts(box)
    assert layouts.after(lambda: free.setText("1.234")) > 0
    assert layouts.after(lambda: kept.setText("1.234")) == 0
    assert kept.text() == "1.234"
    assert kept.height() >= kept.fontMetrics().height()  # nothing is cut off


def test_figures_of_a_run_do_not_lay_the_window_out(studio):
    window = studio.window
    layouts = Layouts(window)
    # Label by label, as they differ from one record to the next.
    names = ("statusRate", "statusFrame", "statusPoints", "historyLabel")
    labels = [studio.find(name, QLabel) for name in names]
    labels += [studio.find(f"value_{term}", QLabel) for term in ("match", "total")]
    for label in labels:
        before = label.text()
        assert layouts.after(lambda label=label: label.setText("12,345")) == 0, label.objectName()
        label.setText(before)


def test_axes_that_stay_are_not_drawn_anew_with_each_record(studio):
    studio.configure(steps=100_000)
    plot = studio.window.loss_plot

    def drawn() -> list[Any]:
        plot.grab()
        return [plot._plot.axes[side].picture for side in ("left", "bottom")]

    rows = np.full((200, 4 + len(RARE_TERMS)), 0.5, np.float32)
    history = type(studio.session.losses)()
    history.append(rows)
    plot.set_history(history)
    before = drawn()
    assert None not in before
    history.append(rows[:1])
    plot.set_history(history)
    assert len(plot.curve_data("match")[0])
    assert [a is b for a, b in zip(before, drawn(), strict=True)] == [True, True]


def test_time_moves_less_often_while_a_run_goes_on(studio):
    bar = studio.window.time_bar
    moves = bar.playback._timer
    assert moves.interval() == FRAME_MS
    studio.configure(steps=10**8)
    studio.click("trainButton")
    studio.until(lambda: studio.state() == "running")
    assert moves.interval() == CALM_MS
    bar.play()
    before = bar.time()
    studio.until(lambda: bar.time() != before)  # it does go on
    bar.pause()
    studio.click("trainButton")
    studio.until(lambda: studio.state() == "paused")
    assert moves.interval() == FRAME_MS
    studio.trigger("stopAction")
    studio.until(lambda: studio.state() == "idle")
    assert moves.interval() == FRAME_MS


def test_fewer_composed_points_while_time_plays_beside_a_run_and_all_afterwards(studio):
    studio.configure(steps=10**8)
    studio.click("trainButton")
    studio.until(lambda: studio.state() == "running")
    studio.until(lambda: len(studio.shown("composed")) == DRAG_POINTS)
    studio.window.time_bar.play()
    studio.until(lambda: len(studio.shown("composed")) == PLAY_POINTS)
    assert len(studio.shown("one_step")) == STAGE_POINTS
    studio.window.time_bar.pause()
    studio.until(lambda: len(studio.shown("composed")) == DRAG_POINTS)
    studio.trigger("stopAction")
    studio.until(lambda: studio.state() == "idle")
    studio.until(lambda: len(studio.shown("composed")) == STAGE_POINTS)
