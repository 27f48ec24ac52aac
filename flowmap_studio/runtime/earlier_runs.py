"""The session's runs that are over, and news of them."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot

from flowmap_studio.core.history import LossHistory
from flowmap_studio.core.past_runs import PastRun, PastRuns
from flowmap_studio.runtime.quality import QualityHistory
from flowmap_studio.runtime.snapshots import SnapshotHistory


class EarlierRuns(QObject):
    """Keeps runs when the session forgets them; views choose which of them are seen."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._past = PastRuns()

    def runs(self) -> tuple[PastRun, ...]:
        """All that are kept, the newest first."""
        return self._past.runs()

    def shown(self) -> tuple[PastRun, ...]:
        """Those to be seen, the newest first."""
        return self._past.shown()

    def keep(
        self, snapshots: SnapshotHistory, losses: LossHistory, quality: QualityHistory
    ) -> None:
        """Take the run that is about to be forgotten, if it has learned anything."""
        newest = snapshots.newest
        if newest is None:
            return
        series = {"one_step": quality.one_step, "composed": quality.composed}
        if self._past.keep(newest.config, losses, quality.steps, series):
            self.changed.emit()

    @Slot(int, bool)
    def show(self, number: int, on: bool) -> None:
        """Show or hide a run."""
        self._past.show(number, on)
        self.changed.emit()

    @Slot()
    def forget(self) -> None:
        """Forget all of them."""
        self._past.clear()
        self.changed.emit()
