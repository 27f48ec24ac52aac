"""Lets what has the focus have its own keys before the window's shortcuts take them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QMainWindow, QSlider

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
        for button in window.findChildren(QAbstractButton):
            if button.focusPolicy() & Qt.FocusPolicy.TabFocus:
                button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.installEventFilter(self)
        for slider in window.findChildren(QSlider):
            if slider not in besides:
                slider.installEventFilter(self)

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
