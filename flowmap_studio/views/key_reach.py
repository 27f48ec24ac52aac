"""Lets what has the focus have its own keys before the window's shortcuts take them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QMainWindow, QSlider, QWidget

BUTTON_KEYS = (Qt.Key.Key_Space,)
SLIDER_KEYS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End)

SPACE_PLAYS = "spacePlays"
"""Property of a button that leaves Space to the window; Enter presses it."""


class KeyReach(QObject):
    """Without it Space would play, and arrows would move t, whatever the Tab key has chosen.

    A button is reached by Tab alone, so that Space still plays after a click.

    Args:
        window: Whose buttons and sliders it serves; those in its own dialogs are left alone.
        besides: Sliders whose keys are the window's shortcuts anyway.
    """

    def __init__(self, window: QMainWindow, besides: tuple[QSlider, ...] = ()) -> None:
        super().__init__(window)
        buttons = window.findChildren(QAbstractButton)
        for button in buttons:
            if button.focusPolicy() & Qt.FocusPolicy.TabFocus:
                button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._served = {*buttons, *window.findChildren(QSlider)} - {*besides}
        # Only where the focus is: a filter of each would be called for all that happens to it.
        QApplication.instance().focusChanged.connect(self._follow_focus)

    def _follow_focus(self, before: QWidget | None, now: QWidget | None) -> None:
        if before in self._served:
            before.removeEventFilter(self)
        if now in self._served:
            now.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102 - Qt's
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            own = _own_keys(watched)
            if event.key() in own and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
                event.accept()
                return True
        return super().eventFilter(watched, event)


def _own_keys(widget: QObject) -> tuple[Qt.Key, ...]:
    if widget.property(SPACE_PLAYS):
        return ()
    return SLIDER_KEYS if isinstance(widget, QSlider) else BUTTON_KEYS
