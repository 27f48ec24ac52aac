"""One sentence to the user, with a remedy to click where there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QWidget,
)

from flowmap_studio.views.icons import icon
from flowmap_studio.views.texts import told, tr
from flowmap_studio.views.theme import Palette

SIGN = 18
"""Logical pixels of the sign before the sentence."""
INFO_MS = 10_000
"""After so long a piece of news goes away by itself; warnings, errors and offers stay."""
NARROW = 480
"""Logical pixels; narrower bars have their buttons below the sentence."""


class MessageBar(QFrame):
    """Shows the newest message until it is closed or replaced."""

    remedy_chosen = Signal()
    answered = Signal(bool)  # to `ask`: whether the first of its buttons

    def __init__(self, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("messageBar")
        self._details = ""
        self._kind = "info"
        self._offered: Callable[[], None] | None = None
        self._palette = palette
        self._sign = QLabel()
        self._sign.setObjectName("messageSign")
        self._label = QLabel()
        self._label.setObjectName("messageText")
        self._label.setWordWrap(True)
        self._label.setTextFormat(Qt.TextFormat.PlainText)  # names of files are shown as they are
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._remedy = QPushButton()
        self._remedy.setObjectName("messageRemedy")
        self._remedy.clicked.connect(self._on_remedy)
        self._refusal = QPushButton()
        self._refusal.setObjectName("messageRefusal")
        self._refusal.clicked.connect(lambda: self._answer(yes=False))
        self._copy = QPushButton(tr("Copy details"))
        self._copy.setObjectName("messageCopy")
        self._copy.clicked.connect(self._on_copy)
        self._close = QToolButton()
        self._close.setObjectName("messageClose")
        self._close.setToolTip(tr("Close"))
        self._close.setAccessibleName(tr("Close message"))
        self._close.clicked.connect(self.hide)
        words, buttons = QHBoxLayout(), QHBoxLayout()
        words.setSpacing(8)
        words.addWidget(self._sign)
        words.addWidget(self._label, 1)
        buttons.addStretch(1)
        for button in (self._remedy, self._refusal, self._copy, self._close):
            buttons.addWidget(button)
        self._box = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._box.setContentsMargins(12, 6, 6, 6)
        self._box.setSpacing(8)
        self._box.addLayout(words, 1)
        self._box.addLayout(buttons)
        self._fading = QTimer(self)
        self._fading.setSingleShot(True)
        self._fading.setInterval(INFO_MS)
        self._fading.timeout.connect(self.hide)
        self.apply_palette(palette)
        self.hide()

    def show_message(self, kind: str, text: str, remedy: str = "", details: str = "") -> None:
        """Show a sentence.

        Args:
            kind: "info", "warning" or "error".
            text: The sentence; one of core or runtime is translated here.
            remedy: Text of the button that offers a cure, or "".
            details: Text for the clipboard, or "".
        """
        self._details = details
        self._offered = None
        self._kind = kind
        self._show_sign()
        self._label.setText(told(text))
        self.setAccessibleName(told(text))
        self._remedy.setText(remedy)
        self._remedy.setVisible(bool(remedy))
        self._refusal.hide()
        self._copy.setVisible(bool(details))
        self.setProperty("kind", kind)
        self.style().unpolish(self)
        self.style().polish(self)
        self.show()
        if kind == "info" and not remedy:
            self._fading.start()
        else:
            self._fading.stop()

    def offer(
        self,
        text: str,
        remedy: str,
        do: Callable[[], None],
        kind: str = "info",
        details: str = "",
    ) -> None:
        """Tell something and offer a button that does something about it.

        Args:
            text: The sentence.
            remedy: Text of the button.
            do: What it does.
            kind: As for `show_message`.
            details: As for `show_message`.
        """
        self.show_message(kind, text, remedy=remedy, details=details)
        self._offered = do

    def ask(self, text: str, accept: str, refuse: str) -> None:
        """Show a question with two buttons; closing the bar is no answer.

        Args:
            text: The sentence.
            accept: Text of the first button.
            refuse: Text of the second one.
        """
        self.show_message("warning", text, remedy=accept)
        self._refusal.setText(refuse)
        self._refusal.show()

    def text(self) -> str:
        """The sentence that is shown, or "" when there is none."""
        return "" if self.isHidden() else self._label.text()

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._palette = palette
        self._close.setIcon(icon("close", palette))
        self._show_sign()

    def _show_sign(self) -> None:
        """Not by colour alone: each kind has a shape of its own."""
        palette = self._palette
        colours = {"warning": palette.warning, "error": palette.danger}
        tinted = replace(palette, text=colours.get(self._kind, palette.accent))
        sign = icon(self._kind, tinted).pixmap(QSize(SIGN, SIGN), self.devicePixelRatioF())
        self._sign.setPixmap(sign)
        self._sign.setAccessibleName(tr(self._kind))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102 - Qt's
        super().resizeEvent(event)
        # Beside the buttons a sentence would be a tall column of single words.
        narrow = event.size().width() < NARROW
        way = QBoxLayout.Direction
        self._box.setDirection(way.TopToBottom if narrow else way.LeftToRight)

    def _on_remedy(self) -> None:
        if self._offered is not None:
            self.hide()
            self._offered()
        elif self._refusal.isHidden():
            self.hide()
            self.remedy_chosen.emit()
        else:
            self._answer(yes=True)

    def _answer(self, *, yes: bool) -> None:
        self.hide()
        self.answered.emit(yes)

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._details)
