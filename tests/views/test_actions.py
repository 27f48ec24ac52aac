"""Menus, palette and shortcut sheet show the one table of actions and do what it says."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDockWidget, QLabel, QLineEdit, QMainWindow, QTreeWidget, QWidget

from flowmap_studio.views.about import AboutDialog
from flowmap_studio.views.actions import ACTIONS, MENUS, make_actions
from flowmap_studio.views.command_palette import CommandPalette
from flowmap_studio.views.menus import make_menus
from flowmap_studio.views.panels import LEFT, RIGHT, StageOnly, add_dock, make_dock
from flowmap_studio.views.shortcut_sheet import COLUMNS, ShortcutSheet

# The offscreen platform says this of every window that is shown.
pytestmark = pytest.mark.qt_log_ignore(
    "This plugin does not support (propagateSizeHints|raise|grabbing the keyboard)"
)
NAMES = [row.name for row in ACTIONS]


@pytest.fixture
def done() -> list[str]:
    return []


@pytest.fixture
def window(qtbot, done):
    made = QMainWindow()
    qtbot.addWidget(made)
    made.setCentralWidget(QWidget())
    handlers = {name: _noting(done, name) for name in NAMES}
    made.actions_by_name = make_actions(made, handlers, {})
    made.docks = (
        add_dock(made, QLabel("1", make_dock(made, "oneDock", "One")), LEFT),
        add_dock(made, QLabel("2", make_dock(made, "twoDock", "Two")), RIGHT),
    )
    made.menus = make_menus(made, made.actions_by_name, made.docks)
    made.resize(700, 400)
    with qtbot.waitActive(made):
        made.show()
    return made


def _noting(done: list[str], name: str):
    return lambda: done.append(name)


@pytest.fixture
def palette(qtbot, window):
    actions = [(row.menu, window.actions_by_name[row.name]) for row in ACTIONS]
    made = CommandPalette(actions, window)
    with qtbot.waitExposed(made):
        made.show()
    return made


def rows(palette) -> list[str]:
    tree = palette.findChild(QTreeWidget, "commandList")
    items = [tree.topLevelItem(at) for at in range(tree.topLevelItemCount())]
    return [item.text(0) for item in items if not item.isHidden()]


def test_each_action_stands_in_its_menu_once(window):
    assert list(window.menus) == list(MENUS)
    for menu in MENUS:
        shown = [action.objectName() for action in window.menus[menu].actions()]
        assert [name for name in shown if name in NAMES] == [
            row.name for row in ACTIONS if row.menu == menu
        ]
    assert sorted(menu for menus in COLUMNS for menu in menus) == sorted(MENUS)


def test_no_key_does_two_things():
    keys = [QKeySequence(key).toString() for row in ACTIONS for key in row.keys]
    assert len(keys) == len(set(keys))
    assert all(keys)


def test_keys_and_menus_do_the_actions(qtbot, window, done):
    qtbot.keyClick(window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(window, Qt.Key.Key_BracketRight)
    assert done == ["exportAction", "moreStepsAction"]
    window.menus["Run"].actions()[0].trigger()
    assert done[-1] == "trainAction"


def test_a_closed_panel_comes_back_through_the_view_menu(window):
    dock = window.docks[0]
    dock.close()
    assert dock.isHidden()
    toggle = dock.findChild(QAction, "oneDockAction")
    assert toggle in window.menus["View"].actions()
    assert not toggle.isChecked()
    toggle.trigger()
    assert dock.isVisible()


def test_stage_only_puts_back_what_was_there_and_no_more(window):
    one, two = window.docks
    two.close()
    only = StageOnly(window, (*window.docks, window.menuBar()))
    before = one.size()
    only.toggle()
    assert only.on
    assert one.isHidden()
    assert window.menuBar().isHidden()
    only.toggle()
    assert not only.on
    assert one.isVisible()
    assert window.menuBar().isVisible()
    assert one.size() == before
    assert two.isHidden()  # the user had closed it
    only.leave()
    assert one.isVisible()


def test_the_palette_finds_words_in_any_order_and_does_what_is_marked(qtbot, palette, done):
    search = palette.findChild(QLineEdit, "commandSearch")
    assert len(rows(palette)) == len(ACTIONS)
    qtbot.keyClicks(search, "PRESET sav")
    assert rows(palette) == ["File: Save preset"]
    qtbot.keyClick(search, Qt.Key.Key_Return)
    assert done == ["savePresetAction"]
    assert not palette.isVisible()


def test_the_palette_is_walked_with_the_arrow_keys(qtbot, palette, done):
    search = palette.findChild(QLineEdit, "commandSearch")
    qtbot.keyClicks(search, "composed steps")
    assert rows(palette) == ["Time: Fewer composed steps", "Time: More composed steps"]
    qtbot.keyClick(search, Qt.Key.Key_Down)
    qtbot.keyClick(search, Qt.Key.Key_Return)
    assert done == ["moreStepsAction"]


def test_the_palette_says_when_nothing_fits_and_does_nothing(qtbot, palette, done):
    search = palette.findChild(QLineEdit, "commandSearch")
    empty = palette.findChild(QLabel, "commandsEmpty")
    assert not empty.isVisible()
    qtbot.keyClicks(search, "xyzzy")
    assert empty.isVisible()
    qtbot.keyClick(search, Qt.Key.Key_Return)
    assert done == []
    search.clear()
    assert not empty.isVisible()


def test_what_cannot_be_done_now_is_not_in_the_palette(qtbot, window):
    window.actions_by_name["stopAction"].setEnabled(False)
    made = CommandPalette([("Run", window.actions_by_name["stopAction"])], window)
    assert rows(made) == []


def test_the_shortcut_sheet_tells_every_key(window):
    sheet = ShortcutSheet(window)
    texts = [label.text() for label in sheet.findChildren(QLabel)]
    for row in ACTIONS:
        if row.keys:
            assert row.text.rstrip("…") in texts
            assert row.key_text() in texts


def test_about_tells_the_versions(window):
    from importlib.metadata import version

    import PySide6

    facts = AboutDialog(window).findChild(QLabel, "aboutVersions").text()
    assert f"Version {version('flowmap-studio')}" in facts
    assert PySide6.__version__ in facts
    assert f"torch {version('torch')}" in facts


def test_docks_can_be_closed_moved_and_floated(window):
    features = window.docks[0].features()
    for feature in ("Closable", "Movable", "Floatable"):
        assert features & QDockWidget.DockWidgetFeature[f"DockWidget{feature}"]
