"""Between the tour's panel and the studio: a chapter sets the stage up, where nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QDockWidget

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.drawing.layers import LAYERS
from flowmap_studio.resources import asset
from flowmap_studio.runtime.session import State
from flowmap_studio.views.panels import make_room
from flowmap_studio.views.settings import Settings
from flowmap_studio.views.tour_chapters import CHAPTERS, figures_line

if TYPE_CHECKING:
    from flowmap_studio.views.window import StudioWindow

KEY = "tourChapter"


class TourDesk(QObject):
    """Opens the tour where it was left and does what its chapters ask for.

    Args:
        window: Its panel, session, stage and scrubber are used; it is the owner.
        dock: Holds the panel.
        settings: The chapter is remembered there.
    """

    def __init__(self, window: StudioWindow, dock: QDockWidget, settings: Settings) -> None:
        super().__init__(window)
        self._window = window
        self._dock = dock
        self._settings = settings
        self._panel = panel = window.tour_panel
        panel.chapter_wanted.connect(self.go_to)
        panel.set_up_wanted.connect(self._set_up)
        panel.training_wanted.connect(self._train)
        panel.finished.connect(self._finish)
        panel.show_chapter(self._remembered())

    def toggle(self) -> None:
        """Open the tour at the chapter where it was left, or close it."""
        if not self._dock.isHidden():
            self._dock.hide()
            return
        make_room(self._window, self._dock)
        self.go_to(self._remembered())
        self._panel.take_focus()

    def go_to(self, at: int) -> None:
        """Show a chapter and set the studio up for it, if nothing unsaved is on stage."""
        self._panel.show_chapter(at)
        self._settings.remember(KEY, str(at))
        session = self._window.session
        idle = session.state in (State.IDLE, State.FAILED)
        if idle and not session.unsaved:
            self._set_up()
        else:
            self._panel.set_careful(careful=True)

    def _set_up(self) -> None:
        chapter, window = self._panel.chapter(), self._window
        try:
            path = asset("presets", f"{chapter.preset}.flowmap")
        except FileNotFoundError as error:
            window.message_bar.show_message("error", str(error))
            return
        if not window.open_preset(path):
            return
        self._panel.set_careful(careful=False)
        bar = window.time_bar
        bar.pause()
        bar.set_steps(chapter.steps)
        bar.set_time(chapter.t)
        for layer in LAYERS:
            window.stage.set_layer_visible(layer, layer in chapter.layers)
        if chapter.play:
            bar.transport.set_loop(True)
            bar.play()
        snapshot = window.session.snapshot
        self._panel.show_figures(figures_line(chapter, snapshot.metrics if snapshot else {}))

    def _train(self) -> None:
        """A short training with the settings that the chapter is about."""
        window, chapter = self._window, self._panel.chapter()
        config = RunConfig(**(chapter.training or {}))
        window.time_bar.pause()
        window.time_bar.set_time(1.0)
        if window.session.state in (State.IDLE, State.FAILED):
            window.edit_config(config)
            window.session.start()
        else:
            window.session.restart_with(config)
        self._panel.set_careful(careful=False)
        self._panel.show_figures("")

    def _finish(self) -> None:
        self._settings.remember(KEY, "0")
        self._dock.hide()
        self._panel.show_chapter(0)

    def _remembered(self) -> int:
        text = self._settings.text(KEY)
        at = int(text) if text.isascii() and text.isdecimal() else 0
        return at if at < len(CHAPTERS) else 0
