"""The whole window by keyboard: every control has a name, Tab comes to all of them and goes on."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QTabBar, QWidget

from flowmap_studio.runtime.session import Session
from flowmap_studio.views import theme
from flowmap_studio.views.window import StudioWindow

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")

WIDGETS = [
    "stage",
    "lossPlot",
    "qualityPlot",
    "timeSlider",
    "timeSpin",
    "stepsSpin",
    "historySlider",
    "targetCombo",
    "methodCombo",
    "couplingCombo",
    "deviceCombo",
    "settingsForm",
    "presetList",
    "statusDevice",
    "statusRate",
    "statusFrame",
    "messageBar",
]
ACTIONS = [
    "trainAction",
    "stopAction",
    "resetAction",
    "openAction",
    "savePresetAction",
    "exportAction",
    "playAction",
    "undoAction",
    "redoAction",
]


@pytest.fixture
def window(qtbot, qapp):
    theme.apply(qapp, theme.DARK)
    session = Session()
    session.begin = lambda: None  # no torch: nothing is evaluated here
    made = StudioWindow(session, theme.DARK)
    qtbot.addWidget(made)
    with qtbot.waitActive(made):
        made.show()
    return made


def walked(qtbot, window, start: QWidget) -> list[QWidget]:
    """What has the focus one after the other until Tab comes back to where it began."""
    start.setFocus()
    seen = [start]
    for _ in range(300):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        if QApplication.focusWidget() is start:
            return seen
        seen.append(QApplication.focusWidget())
    pytest.fail(f"Tab is trapped at {seen[-1].objectName()}")


def reachable(window) -> list[QWidget]:
    tab = Qt.FocusPolicy.TabFocus
    found = [w for w in window.findChildren(QWidget) if w.focusPolicy() & tab == tab]
    # A spin box's line and the like are parts of what they belong to.
    return [w for w in found if w.isVisible() and w.isEnabled() and w.focusProxy() is None]


def test_tab_comes_to_every_control_and_round_again(qtbot, window):
    seen = walked(qtbot, window, window.time_bar.time_slider)
    names = {widget.objectName() for widget in seen}
    expected = {w.objectName() for w in reachable(window)} - {"", "qt_spinbox_lineedit"}
    assert expected <= names
    wanted = {"trainButton", "targetCombo", "deviceCombo", "presetList", "smoothingSlider"}
    assert wanted <= names


def test_what_the_focus_comes_to_has_a_name(qtbot, window):
    for widget in walked(qtbot, window, window.time_bar.time_slider):
        text = getattr(widget, "text", str)()
        assert widget.accessibleName() or text, f"{type(widget)} {widget.objectName()}"


@pytest.mark.parametrize(
    ("action", "inside"), [("tourAction", "tourNext"), ("paintAction", "targetCanvas")]
)
def test_panels_that_share_a_place_are_reached_too(qtbot, window, action, inside):
    window.open_preset = lambda _path: False  # nothing is evaluated here
    window.actions_by_name[action].trigger()
    seen = walked(qtbot, window, window.time_bar.time_slider)
    tabs = [widget for widget in seen if isinstance(widget, QTabBar)]
    assert len(tabs) == 2  # losses with this panel, quality with the probes
    assert all(bar.count() == 2 and bar.isVisible() for bar in tabs)
    assert {w.objectName() for w in reachable(window)} - {"", "qt_spinbox_lineedit"} <= {
        widget.objectName() for widget in seen
    }
    assert inside in {widget.objectName() for widget in seen}
    assert all(w.accessibleName() or getattr(w, "text", str)() for w in seen)


def test_the_names_that_outside_checks_look_for_are_there(window):
    assert window.objectName() == "mainWindow"
    assert [name for name in WIDGETS if window.findChild(QWidget, name) is None] == []
    assert [name for name in ACTIONS if window.findChild(QAction, name) is None] == []


def test_check_marks_of_the_layers_follow_the_eyes(qtbot, window):
    action = window.actions_by_name["oneStepAction"]
    assert action.isChecked()
    qtbot.keyClick(window, Qt.Key.Key_3)
    assert not window.stage.is_layer_visible("one_step")
    assert not action.isChecked()
    window.stage.panel.eyes["one_step"].click()
    assert action.isChecked()


def test_f11_hides_all_panels_and_brings_them_back(qtbot, window):
    panels = [dock for dock in window._docks if dock.isVisible()]
    assert len(panels) > 3
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert not any(dock.isVisible() for dock in panels)
    assert not window.menuBar().isVisible()
    assert window.stage.isVisible()
    assert window.time_bar.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert all(dock.isVisible() for dock in panels)
    assert window.tool_bar.isVisible()


@pytest.mark.parametrize(
    ("key", "modifier", "name"),
    [
        (Qt.Key.Key_F1, Qt.KeyboardModifier.NoModifier, "shortcutSheet"),
        (Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier, "commandPalette"),
    ],
)
def test_keys_open_the_dialogs_and_escape_closes_them(qtbot, window, key, modifier, name):
    qtbot.keyClick(window, key, modifier)
    dialog = window.findChild(QWidget, name)
    assert dialog.isVisible()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: window.findChild(QWidget, name) is None)
