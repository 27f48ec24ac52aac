"""Comparisons in a thread of their own, and what the window sees of them."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from flowmap_studio.core.comparison_table import Entry, Row, Update
from flowmap_studio.core.errors import StudioError, unforeseen
from flowmap_studio.runtime.workers import Worker

if TYPE_CHECKING:  # torch comes with it
    from flowmap_studio.core.comparison import Comparison

POINTS = 4096
"""Samples that each row is judged by: as many as the stage shows."""
TELL_SECONDS = 0.1
"""Progress without a row is told at most this often."""


class ComparisonThread(Worker):
    """Runs one comparison.

    Args:
        entries: What takes part.
    """

    updated = Signal(object)  # Update
    floor_found = Signal(object)  # figures of data against data
    ended = Signal(str, str)  # one sentence, or "" when all is well; details

    def __init__(self, entries: Sequence[Entry]) -> None:
        super().__init__()
        self._entries = entries
        self._stop = threading.Event()
        self._comparison: Comparison | None = None

    def request_stop(self) -> None:
        """End at the next training step or row; returns at once."""
        self._stop.set()
        if self._comparison is not None:
            self._comparison.interrupt()

    def run(self) -> None:  # noqa: D102 - QThread's
        sentence = details = ""
        try:
            self._compare()
        except StudioError as error:
            sentence = str(error)
        except BaseException as error:  # noqa: BLE001 - nothing may leave a thread's edge
            sentence = unforeseen("The comparison stopped by an unexpected error", error)
            details = traceback.format_exc()
        self.ended.emit(sentence, details)

    def _compare(self) -> None:
        from flowmap_studio.core.comparison import Comparison

        comparison = self._comparison = Comparison(self._entries, POINTS)
        if self._stop.is_set():  # asked before there was anything to tell
            return
        told = 0.0
        updates = comparison.run()
        try:
            for update in updates:
                now = time.monotonic()
                if update.row is None and not update.failed and now - told < TELL_SECONDS:
                    continue
                told = now
                if update.row is not None:
                    self.floor_found.emit(comparison.floor)
                self.updated.emit(update)
                if self._stop.is_set():
                    return
        finally:
            updates.close()


class ComparisonControl(QObject):
    """Starts and ends comparisons and keeps their rows (GUI thread); one at a time.

    Attributes:
        rows: Of the table, in the order in which they came.
        floor: Figures of data against data; empty before there are any.
        running: Whether a comparison goes on.
    """

    changed = Signal()  # rows or running
    progressed = Signal(str, float)  # what is done, share of the whole
    failed = Signal(str, str)  # one sentence, details

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []
        self.floor: Mapping[str, float] = {}
        self._thread: ComparisonThread | None = None
        self._left: list[ComparisonThread] = []

    @property
    def running(self) -> bool:
        """Whether a comparison goes on."""
        return self._thread is not None

    def workers(self) -> list[Worker]:
        """The threads that have not ended yet."""
        self._left = [thread for thread in self._left if thread.isRunning()]
        return [*self._left]

    def start(self, entries: Sequence[Entry], *, keep: bool = False) -> None:
        """Compare; nothing happens while another comparison goes on.

        Args:
            entries: What takes part.
            keep: Whether the rows stay, if they are of the same target, and new ones are added.
        """
        if self.running or not entries:
            return
        same = self.rows and self.rows[0].snapshot.config.target == entries[0].config.target
        if not (keep and same):
            self.rows, self.floor = [], {}
        self._thread = ComparisonThread(entries)
        self._left = [*self.workers(), self._thread]
        self._thread.updated.connect(self._on_updated)
        self._thread.floor_found.connect(self._on_floor)
        self._thread.ended.connect(self._on_ended)
        self._thread.begin()
        self.progressed.emit("Preparing", 0.0)
        self.changed.emit()

    def cancel(self) -> None:
        """End it; the rows that are there stay."""
        if self._thread is not None:
            self._thread.request_stop()

    def clear(self) -> None:
        """Forget the rows."""
        self.rows, self.floor = [], {}
        self.changed.emit()

    @Slot(object)
    def _on_updated(self, update: Update) -> None:
        self.progressed.emit(update.text, update.fraction)
        if update.failed:
            self.failed.emit(update.text, "")
        if update.row is not None:
            self.rows.append(update.row)
            self.changed.emit()

    @Slot(object)
    def _on_floor(self, floor: Mapping[str, float]) -> None:
        self.floor = floor

    @Slot(str, str)
    def _on_ended(self, sentence: str, details: str) -> None:
        self._thread = None
        if sentence:
            self.failed.emit(sentence, details)
        self.progressed.emit("", 0.0)
        self.changed.emit()
