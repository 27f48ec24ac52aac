"""The scrubber's buttons: to the ends, frame by frame, playing, its speed and what its end does."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QMenu, QToolButton

from flowmap_studio.views.icons import icon
from flowmap_studio.views.playback import Playback
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette

SPEEDS = {"¼×": 0.25, "½×": 0.5, "1×": 1.0, "2×": 2.0, "4×": 4.0}
FRAMES = 100
"""Frames between t = 0 and t = 1, for stepping."""


class Transport(QObject):
    """Buttons over a playback.

    Attributes:
        row: Where they stand, to be put into a layout.
        play_action: Plays or pauses.

    Args:
        playback: What they set.
        palette: Colours.
        owner: Its owner.
    """

    stepped = Signal(int)
    """So many frames on, or back."""
    ping_pong_changed = Signal(bool)

    def __init__(self, playback: Playback, palette: Palette, owner: QObject) -> None:
        super().__init__(owner)
        self._playback = playback
        self._palette = palette
        self._buttons: dict[str, QToolButton] = {}
        self.play_action = QAction(tr("Play"), self)
        self.play_action.setObjectName("playAction")
        self.play_action.setToolTip(tr("Play the flow from noise to data (Space)"))
        self.row = QHBoxLayout()
        self.row.setSpacing(0)
        self._add_buttons()
        self._add_speeds()
        playback.playing_changed.connect(self._show_playing)
        self.apply_palette(palette)

    def set_loop(self, on: bool) -> None:
        """Start over at the end, or stop there."""
        self._playback.loop = on
        self._buttons["loop"].setChecked(on)
        if on:
            self.set_ping_pong(False)

    def set_ping_pong(self, on: bool) -> None:
        """Turn round at the ends, or not; it takes the place of the loop."""
        self._playback.ping_pong = on
        self._buttons["ping-pong"].setChecked(on)
        if on:
            self.set_loop(False)
        self.ping_pong_changed.emit(on)

    def add_bookmark_actions(self, actions: Sequence[QAction]) -> None:
        """Put these into the menu of the bookmarks' button."""
        menu = QMenu(self._buttons["bookmark"])
        menu.addActions(actions)
        self._buttons["bookmark"].setMenu(menu)

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._palette = palette
        for name, button in self._buttons.items():
            if name != "play":
                button.setIcon(icon(name, palette))
        self._show_playing(self._playback.playing)

    # --- building -----------------------------------------------------------------------------

    def _add_buttons(self) -> None:
        for name, tip, frames in (
            ("to-start", tr("To the noise, t = 0 (Home)"), -FRAMES),
            ("step-back", tr("One frame back (←)"), -1),
            ("play", tr("Play or pause (Space)"), 0),
            ("step-forward", tr("One frame on (→)"), 1),
            ("to-end", tr("To the data, t = 1 (End)"), FRAMES),
        ):
            button = self._add(name, tip)
            if frames:
                button.clicked.connect(lambda *_, frames=frames: self.stepped.emit(frames))
        self._buttons["play"].setDefaultAction(self.play_action)
        loop = self._add("loop", tr("Start over at the end"))
        loop.setCheckable(True)
        loop.setChecked(True)
        loop.toggled.connect(self.set_loop)
        to_and_fro = self._add("ping-pong", tr("Turn round at the ends (Shift+L)"))
        to_and_fro.setCheckable(True)
        to_and_fro.toggled.connect(self.set_ping_pong)
        marks = self._add("bookmark", tr("Bookmarks on both axes of time"))
        marks.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        marks.setProperty("bareMenu", True)

    def _add(self, name: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName(f"{name}Button")
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        self.row.addWidget(button)
        self._buttons[name] = button
        return button

    def _add_speeds(self) -> None:
        speeds = QComboBox()
        speeds.setObjectName("speedCombo")
        speeds.setAccessibleName(tr("Speed"))
        speeds.setToolTip(tr("Speed of playing; 1× takes 4 s from noise to data"))
        speeds.addItems(list(SPEEDS))
        speeds.setCurrentText("1×")
        speeds.currentTextChanged.connect(self._on_speed)
        self.row.addSpacing(6)
        self.row.addWidget(speeds)

    def _on_speed(self, text: str) -> None:
        self._playback.speed = SPEEDS[text]

    def _show_playing(self, playing: bool) -> None:
        self.play_action.setIcon(icon("pause" if playing else "play", self._palette))
        self.play_action.setText(tr("Pause" if playing else "Play"))
