"""What a random user does to a window: each act is one function of the window and a generator."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDockWidget,
    QDoubleSpinBox,
    QLabel,
    QLineEdit,
    QSpinBox,
    QTextEdit,
    QWidget,
)
from shiboken6 import isValid

from flowmap_studio.core.palettes import PALETTES

TEXTS = (
    "",
    "-1",
    "abc",
    "1e999",
    "nan",
    "3",
    "16",
    "0.5",
    "\u0663",
    "\u221e",
    " 7 ",
    "0x10",
    "1,5",
)
KEYS = (
    *(Qt.Key.Key_Space, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End),
    *(Qt.Key.Key_Tab, Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Up, Qt.Key.Key_Down),
    *(Qt.Key.Key_J, Qt.Key.Key_K, Qt.Key.Key_L, Qt.Key.Key_1, Qt.Key.Key_4, Qt.Key.Key_F11),
    *(Qt.Key.Key_F1, Qt.Key.Key_Delete, Qt.Key.Key_PageDown, Qt.Key.Key_BracketLeft),
)
MODIFIERS = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)
NO_KEYS = Qt.KeyboardModifier.NoModifier
LARGEST = 64
"""What is dialled into fields of whole numbers, at most: a larger network would only be slow."""
SIDES = (1, 200, 640, 900, 1280, 1920, 4000)
LEAVES = ("quitAction",)
"""Closing is an act of its own."""

Act = Callable[[Any, random.Random, list[Path]], None]


def _any(kind: type, draw: random.Random) -> Any:
    """A visible, enabled widget of a kind, of any of the program's windows."""
    tops = [top for top in QApplication.topLevelWidgets() if top.isVisible()]
    found = [
        one
        for top in tops
        for one in (top, *top.findChildren(kind))
        if isinstance(one, kind) and one.isVisible() and one.isEnabled()
    ]
    return draw.choice(found) if found else None


def trigger(window: Any, draw: random.Random, files: list[Path]) -> None:
    """Any action of the menus, also those of the docks."""
    del files
    actions = [one for name, one in window.actions_by_name.items() if name not in LEAVES]
    docks = [dock.toggleViewAction() for dock in window.findChildren(QDockWidget)]
    draw.choice([*actions, *actions, *docks]).trigger()


def slide(window: Any, draw: random.Random, files: list[Path]) -> None:
    """Any slider or scroll bar."""
    del window, files
    if (slider := _any(QAbstractSlider, draw)) is not None:
        slider.setValue(draw.randint(slider.minimum(), slider.maximum()))


def dial(window: Any, draw: random.Random, files: list[Path]) -> None:
    """Any field of numbers."""
    del window, files
    box = _any(QAbstractSpinBox, draw)
    if isinstance(box, QSpinBox):
        box.setValue(draw.randint(box.minimum(), min(box.maximum(), box.minimum() + LARGEST)))
    elif isinstance(box, QDoubleSpinBox):
        box.setValue(draw.uniform(box.minimum(), min(box.maximum(), 10.0)))
    elif box is not None:
        box.stepBy(draw.choice((-1, 1)))


def choose(window: Any, draw: random.Random, files: list[Path]) -> None:
    """Any list of choices, as a click would."""
    del window, files
    box = _any(QComboBox, draw)
    if box is not None and box.count():
        at = draw.randrange(box.count())
        box.setCurrentIndex(at)
        box.activated.emit(at)
        box.textActivated.emit(box.itemText(at))


def write(window: Any, draw: random.Random, files: list[Path]) -> None:
    """Any text field, with or without Enter."""
    del window, files
    field = _any(QLineEdit, draw)
    if field is None or field.isReadOnly():
        return
    field.setFocus()
    field.selectAll()
    for letter in draw.choice(TEXTS):  # QTest's own typing aborts at letters beyond Latin ones
        event = QKeyEvent(QEvent.Type.KeyPress, 0, Qt.KeyboardModifier.NoModifier, letter)
        QApplication.sendEvent(field, event)
    if draw.random() < 0.6:
        QTest.keyClick(field, Qt.Key.Key_Return)


def press(window: Any, draw: random.Random, files: list[Path]) -> None:
    """Any button."""
    del window, files
    if (button := _any(QAbstractButton, draw)) is not None:
        button.click()


def key(window: Any, draw: random.Random, files: list[Path]) -> None:
    """Any key, where the focus is."""
    del files
    aim = QApplication.focusWidget() or window
    QTest.keyClick(aim, draw.choice(KEYS), draw.choice(MODIFIERS))


def mouse(window: Any, draw: random.Random, files: list[Path]) -> None:
    """A click, a double click or a drag, with any button, anywhere."""
    del window, files
    aim = _any(QWidget, draw)
    if aim is None:
        return
    at = QPoint(draw.randrange(max(1, aim.width())), draw.randrange(max(1, aim.height())))
    button = draw.choice((Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton))
    kind, none = QEvent.Type, Qt.MouseButton.NoButton
    press, let_go = (kind.MouseButtonPress, at, button), (kind.MouseButtonRelease, at, button)
    deed = draw.randrange(3)
    if deed == 0:
        _point(aim, press, let_go)
    elif deed == 1:
        _point(aim, press, let_go, (kind.MouseButtonDblClick, at, button), let_go)
    elif not _drags(aim):
        away = at + QPoint(draw.randint(-300, 300), draw.randint(-300, 300))
        _point(aim, press, (kind.MouseMove, away, none), (kind.MouseButtonRelease, away, button))


def _drags(aim: QWidget) -> bool:
    """Whether items or chosen words can be dragged out of it: that would wait for a drop."""
    return isinstance(aim, (QLineEdit, QLabel)) or isinstance(
        aim.parent(), (QAbstractItemView, QTextEdit)
    )


def _point(aim: QWidget, *deeds: tuple[QEvent.Type, QPoint, Qt.MouseButton]) -> None:
    """Send these events one after the other, for as long as there is somebody to take them.

    QTest would send the release of a click to a widget that its press has destroyed, which aborts
    the process: a button's menu waits in a loop of its own, in which widgets are deleted. And it
    keeps the button of a double click held, in all later windows of the process.
    """
    if aim.focusPolicy() & Qt.FocusPolicy.ClickFocus:
        aim.setFocus(Qt.FocusReason.MouseFocusReason)
    for kind, at, button in deeds:
        if not isValid(aim):
            return
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else deeds[0][2]
        place = QPointF(aim.mapToGlobal(at))
        QApplication.sendEvent(aim, QMouseEvent(kind, QPointF(at), place, button, held, NO_KEYS))


def wheel(window: Any, draw: random.Random, files: list[Path]) -> None:
    """The wheel over anything."""
    del window, files
    aim = _any(QWidget, draw)
    if aim is None:
        return
    at = QPointF(aim.width() * draw.random(), aim.height() * draw.random())
    turned = QPoint(0, draw.choice((-1200, -120, 120, 1200)))
    event = QWheelEvent(
        at,
        QPointF(aim.mapToGlobal(at.toPoint())),
        QPoint(),
        turned,
        Qt.MouseButton.NoButton,
        draw.choice(MODIFIERS),
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(aim, event)


def resize(window: Any, draw: random.Random, files: list[Path]) -> None:
    """Huge, tiny, full, small and hidden windows."""
    del files
    window.resize(draw.choice(SIDES), draw.choice(SIDES))
    state = draw.choice((window.showNormal, window.showMaximized, window.showMinimized))
    state()
    window.showNormal()


def dock(window: Any, draw: random.Random, files: list[Path]) -> None:
    """Float, hide or move any panel."""
    del files
    panel = draw.choice(window.findChildren(QDockWidget))
    deed = draw.randrange(3)
    if deed == 0:
        panel.setFloating(not panel.isFloating())
    elif deed == 1:
        panel.setVisible(not panel.isVisible())
    else:
        places = (Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea)
        window.addDockWidget(draw.choice(places), panel)


def drop(window: Any, draw: random.Random, files: list[Path]) -> None:
    """Drop any file on the window."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(draw.choice(files)))])
    copy = Qt.DropAction.CopyAction
    plain = Qt.KeyboardModifier.NoModifier
    event = QDropEvent(QPointF(50, 50), copy, data, Qt.MouseButton.LeftButton, plain)
    QApplication.sendEvent(window, event)


def dress(window: Any, draw: random.Random, files: list[Path]) -> None:
    """The system changes between light and dark."""
    del files
    window.apply_palette(draw.choice(list(PALETTES.values())))


ACTS: tuple[tuple[Act, int], ...] = (
    (trigger, 24),
    (slide, 10),
    (dial, 8),
    (choose, 8),
    (write, 8),
    (press, 12),
    (key, 10),
    (mouse, 10),
    (wheel, 4),
    (resize, 2),
    (dock, 3),
    (drop, 2),
    (dress, 1),
)
"""What is done, and how often beside the others."""
