"""Tool bar, status bar and message bar: nothing is pushed out of sight or jumps about."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QMainWindow,
    QProgressBar,
    QPushButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.target_names import TARGETS
from flowmap_studio.views import message_bar, theme
from flowmap_studio.views.actions import colour_actions, make_actions
from flowmap_studio.views.icons import icon
from flowmap_studio.views.key_reach import KeyReach
from flowmap_studio.views.message_bar import MessageBar
from flowmap_studio.views.status import StudioStatus
from flowmap_studio.views.tool_bar import StudioToolBar

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


@pytest.fixture
def window(qtbot, qapp):
    theme.apply(qapp, theme.LIGHT)
    made = QMainWindow()
    qtbot.addWidget(made)
    names = {row: lambda: None for row in _names()}
    made.actions_by_name = make_actions(made, names, {})
    colour_actions(made.actions_by_name, theme.LIGHT)
    made.tool_bar = StudioToolBar(made.actions_by_name, TARGETS, made)
    made.addToolBar(made.tool_bar)
    made.setStatusBar(StudioStatus(made))
    made.resize(1280, 800)
    with qtbot.waitExposed(made):
        made.show()
    return made


def _names() -> list[str]:
    from flowmap_studio.views.actions import ACTIONS

    return [row.name for row in ACTIONS]


def test_the_tool_bar_says_everything_in_words_at_1280_pixels(window):
    style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon
    assert window.tool_bar.toolButtonStyle() == style
    assert all(label.isVisible() for label in window.tool_bar.findChildren(QLabel))


@pytest.mark.parametrize("width", [900, 1000, 1280, 1920])
def test_no_button_or_choice_is_pushed_out_of_the_tool_bar(qtbot, window, width):
    window.resize(width, 600)
    qtbot.waitUntil(lambda: window.tool_bar.width() == width)
    rest = window.tool_bar.findChild(QToolButton, "qt_toolbar_ext_button")
    qtbot.waitUntil(lambda: not rest.isVisible())
    shown = [*window.tool_bar.findChildren(QToolButton), *window.tool_bar.findChildren(QComboBox)]
    shown.remove(rest)
    assert len(shown) == 9
    for widget in shown:
        assert widget.isVisible()
        assert widget.geometry().right() < width


def test_words_come_back_with_the_room_for_them(qtbot, window):
    window.resize(900, 600)
    qtbot.waitUntil(lambda: window.tool_bar.width() == 900)
    assert window.tool_bar.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonIconOnly
    window.resize(1280, 600)
    labels = window.tool_bar.findChildren(QLabel)
    qtbot.waitUntil(lambda: all(label.isVisible() for label in labels))
    test_the_tool_bar_says_everything_in_words_at_1280_pixels(window)


def test_what_stands_beside_train_stays_while_its_text_changes(window):
    button = window.tool_bar.findChild(QToolButton, "trainButton")
    widths = set()
    window.actions_by_name["trainAction"].setIcon(icon("play", theme.DARK))
    for text in ("Train", "Pause", "Resume"):
        window.actions_by_name["trainAction"].setText(text)
        window.tool_bar.layout().activate()
        widths.add(button.sizeHint().expandedTo(button.minimumSize()).width())
    assert len(widths) == 1


def test_a_long_file_name_is_shortened_in_the_middle_and_told_in_full(window):
    path = str(Path("measurements") / "of_the_second_campaign_cleaned_twice.npy")
    window.tool_bar.show_config(RunConfig(target=path))
    combo = window.tool_bar.target_combo
    assert combo.currentData() == path
    assert combo.currentText().endswith(".npy")
    assert "…" in combo.currentText()
    assert path in combo.toolTip()
    room = combo.fontMetrics().horizontalAdvance(combo.currentText())
    assert room < combo.width() - 30


def test_choices_say_what_they_are_and_why_they_are_locked(window):
    combo = window.tool_bar.method_combo
    window.tool_bar.show_config(RunConfig())
    assert "Two-time map" in combo.toolTip()
    window.tool_bar.set_editable(False, "Stop the run to change this")
    assert combo.toolTip().startswith("Stop the run to change this")
    assert not combo.isEnabled()


def test_figures_of_the_status_bar_stay_where_they_are(window):
    bar = window.statusBar()
    labels = [
        bar.findChild(QLabel, name)
        for name in ("statusDevice", "statusRate", "statusFrame", "statusPoints", "statusState")
    ]

    def places() -> list[int]:
        bar.layout().activate()
        return [label.x() for label in labels]

    before = places()
    assert before == sorted(before)
    for rate, seconds, points, state in (
        (1, 0.0001, 16, "idle"),
        (99_999, 9.9, 1_000_000, "stopping"),
        (62, 0.017, 4096, "running"),
    ):
        bar.show_rate(rate, 0.5)
        bar.show_frame(seconds, points)
        bar.show_state(state)
        assert places() == before


def test_without_a_run_there_is_no_rate(window):
    bar = window.statusBar()
    bar.show_rate(812.3, 0.5)
    assert bar.findChild(QLabel, "statusRate").text() == "812 steps/s"
    bar.show_rate(0.0, 0.0)
    assert bar.findChild(QLabel, "statusRate").text() == "– steps/s"


def test_progress_is_shown_only_while_there_is_a_run(window):
    bar = window.statusBar()
    progress = bar.findChild(QProgressBar, "runProgress")
    for state, shown in (("running", True), ("paused", True), ("idle", False), ("failed", False)):
        bar.show_state(state)
        assert progress.isVisible() is shown


@pytest.mark.parametrize("palette", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_each_kind_of_message_has_a_sign_of_its_own(qtbot, palette):
    bar = MessageBar(palette)
    qtbot.addWidget(bar)
    sign = bar.findChild(QLabel, "messageSign")
    pictures = []
    for kind in ("info", "warning", "error"):
        bar.show_message(kind, "A sentence.")
        assert sign.accessibleName() == kind
        pictures.append(sign.pixmap().toImage())
    assert pictures[0] != pictures[1] != pictures[2] != pictures[0]


def test_the_focused_widget_has_its_own_keys_and_the_window_all_others(qtbot):
    window, told = QMainWindow(), []
    qtbot.addWidget(window)
    centre = QWidget()
    box = QVBoxLayout(centre)
    button, toggle, slider, plain = QPushButton("b"), QCheckBox("c"), QSlider(), QSlider()
    for widget in (button, toggle, slider, plain):
        box.addWidget(widget)
    window.setCentralWidget(centre)
    for key in ("Space", "Right"):
        action = QAction(key, window)
        action.setShortcut(QKeySequence(key))
        action.triggered.connect(lambda _=False, key=key: told.append(key))
        window.addAction(action)
    button.clicked.connect(lambda: told.append("button"))
    KeyReach(window, besides=(plain,))
    with qtbot.waitActive(window):
        window.show()
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Space)
    qtbot.keyClick(button, Qt.Key.Key_Right)
    assert told == ["button", "Right"]
    told.clear()
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert slider.value() == 1
    qtbot.keyClick(slider, Qt.Key.Key_Space)
    assert told == ["Space"]
    told.clear()
    plain.setFocus()
    qtbot.keyClick(plain, Qt.Key.Key_Right)
    assert told == ["Right"]
    assert plain.value() == 0
    # A click leaves the focus where it was, so that Space still plays.
    qtbot.mouseClick(toggle, Qt.MouseButton.LeftButton)
    assert not toggle.hasFocus()


def test_a_narrow_message_keeps_its_sentence_wide(qtbot):
    bar = MessageBar(theme.LIGHT)
    qtbot.addWidget(bar)
    bar.show_message("warning", "One rather long sentence about the samples.", remedy="Use ot")
    label, remedy = bar.findChild(QLabel, "messageText"), bar.findChild(QPushButton)
    for width, below in ((900, False), (320, True)):
        bar.resize(width, bar.sizeHint().height())
        qtbot.waitUntil(lambda: bar.layout().activate() or label.width() > 0.5 * bar.width())
        assert (remedy.y() >= label.geometry().bottom()) is below


def test_news_goes_away_and_what_needs_the_user_stays(qtbot, monkeypatch):
    monkeypatch.setattr(message_bar, "INFO_MS", 30)
    bar = MessageBar(theme.LIGHT)
    qtbot.addWidget(bar)
    for show in (
        lambda: bar.show_message("error", "It broke."),
        lambda: bar.offer("Gone.", "Undo", lambda: None),
    ):
        bar.show_message("info", "Saved.")
        show()
        assert not bar._fading.isActive()
        assert bar.text() != ""
    bar.show_message("info", "Saved.")
    qtbot.waitUntil(lambda: bar.text() == "")
