"""Between the bookmarks, both sliders and the keys."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from flowmap_studio.views.texts import tr
from flowmap_studio.views.time_bar import TICKS

if TYPE_CHECKING:
    from flowmap_studio.views.window import StudioWindow


class BookmarkDesk(QObject):
    """Adds, finds and shows bookmarks.

    Args:
        window: Its session, time bar and message bar are used; it is the owner.
    """

    def __init__(self, window: StudioWindow) -> None:
        super().__init__(window)
        self._window = window
        self._marks = window.session.bookmarks
        self._marks.changed.connect(self._show)
        window.session.snapshots_changed.connect(self._on_snapshots)
        names = ("bookmarkTimeAction", "nextTimeAction", "previousTimeAction")
        names += ("bookmarkStepAction", "nextStepAction", "previousStepAction")
        window.time_bar.transport.add_bookmark_actions(
            [window.actions_by_name[name] for name in names]
        )

    def toggle_time(self) -> None:
        """Bookmark the flow time on stage, or delete the bookmark there."""
        self._marks.toggle_time(self._window.time_bar.time())

    def toggle_step(self) -> None:
        """Bookmark the training step on stage, or delete the bookmark there."""
        snapshot = self._window.session.snapshot
        if snapshot is not None:
            self._marks.toggle_step(snapshot.step)

    def go_to_time(self, direction: int) -> None:
        """Show the next bookmarked flow time (1) or the one before (-1)."""
        bar = self._window.time_bar
        bar.pause()
        t = self._marks.time_from(bar.time(), direction)
        if t is None:
            self._say(tr("There is no bookmark yet; press B to add one."))
        else:
            bar.set_time(t)

    def go_to_step(self, direction: int) -> None:
        """Show the next bookmarked training step (1) or the one before (-1)."""
        session = self._window.session
        step = None
        if session.snapshot is not None:
            step = self._marks.step_from(session.snapshot.step, direction)
        if step is None:
            self._say(tr("There is no bookmarked step yet; press Shift+B to add one."))
        else:
            session.show_history(_place(session.snapshots.steps, step))

    def _on_snapshots(self) -> None:
        if not len(self._window.session.snapshots):
            self._marks.forget_steps()
        self._show()

    def _show(self) -> None:
        bar = self._window.time_bar
        bar.time_slider.set_bookmarks([round(t * TICKS) for t in self._marks.times])
        steps = self._window.session.snapshots.steps
        places = [_place(steps, step) for step in self._marks.steps] if steps else []
        bar.history.slider.set_bookmarks(places)

    def _say(self, sentence: str) -> None:
        self._window.message_bar.show_message("info", sentence)


def _place(steps: list[int], step: int) -> int:
    """Where a step is in the history; it may have been thinned out since."""
    return min(bisect_left(steps, step), len(steps) - 1)
