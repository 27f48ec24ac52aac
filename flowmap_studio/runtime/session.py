"""The single owner of application state (GUI thread)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from flowmap_studio.core.errors import PresetError, StudioError
from flowmap_studio.core.film_limits import Look, Timing
from flowmap_studio.core.history import LossHistory
from flowmap_studio.core.presets import read_preset, write_preset
from flowmap_studio.core.probing.values import Following
from flowmap_studio.runtime.bookmarks import Bookmarks
from flowmap_studio.runtime.comparing import ComparisonControl
from flowmap_studio.runtime.exporting import FilmControl, FilmOrder
from flowmap_studio.runtime.librarian import Librarian
from flowmap_studio.runtime.on_stage import CORES_WHEN_IDLE
from flowmap_studio.runtime.probes import ProbeControl
from flowmap_studio.runtime.run_control import State
from flowmap_studio.runtime.staged_run import DONE, StagedRun
from flowmap_studio.runtime.workers import join

__all__ = ["Session", "State"]

CLOSE_SECONDS = 1.5
"""Longest wait for the threads at the end; what takes longer ends behind the closed window."""


class Session(StagedRun):
    """Stage, run, presets, films, probes and comparison; views listen to its signals.

    Attributes:
        comparison: Maps measured beside each other.
        films: Films of the flow that are exported.
        librarian: Reads the library's presets.
        probes: What is probed of the map on stage.
        bookmarks: Places on both axes of time to come back to.

    Args:
        parent: Its owner.
        recovery: Folder of the copies of runs; none are kept when None.
    """

    preset_opened = Signal(object)  # Path
    view_found = Signal(object)  # StageView, of a preset that has just been opened
    preset_saved = Signal(object)  # Path

    def __init__(
        self,
        parent: QObject | None = None,
        recovery: Path | None = None,
        heads: Path | None = None,
    ) -> None:
        super().__init__(parent, recovery)
        self._preserved = False
        self.comparison = ComparisonControl(self)
        self.films = FilmControl(self)
        self.bookmarks = Bookmarks(self)
        self.probes = ProbeControl(self)
        self.frame_changed.connect(self.probes.show_frame)
        self.librarian = Librarian(self, heads)

    def begin(self) -> None:
        """Start answering: the evaluator imports torch, so call it once the window is painted."""
        if not self._ended and not self._evaluator.isRunning():
            self._evaluator.begin()

    # --- presets ------------------------------------------------------------------------------

    def open_preset(self, path: Path) -> None:
        """Show a preset; a run in progress is given up.

        Raises:
            PresetError: The file is no sound preset; everything stays as it was.
        """
        preset = read_preset(path)
        self._control.abandon()
        self._forget_run()
        self.config = preset.snapshot.config
        self.config_changed.emit(self.config)
        self._sound_target = self.config.target
        self.snapshots.add(preset.snapshot)
        self.quality.load(preset.snapshot)
        self.quality_changed.emit()
        if preset.training is not None:  # an unfinished run has its losses with it
            self.losses = LossHistory.restored(preset.training.history)
            self.losses_changed.emit()
        self.view_reset.emit()
        self._show(preset.snapshot)
        self.preset_opened.emit(path)
        if preset.view is not None:
            self.view_found.emit(preset.view)

    def save_preset(self, path: Path, title: str | None = None, **words: Any) -> None:
        """Save the map on stage.

        Args:
            path: Where.
            title: One line; the file's name when None.
            words: Further fields of `Preset`: notes, tags, view.

        Raises:
            PresetError: It could not be saved, or there is no map yet.
        """
        self.write_copy(path, title, **words)
        self.unsaved = False
        if self.state in DONE and self.snapshot is self.snapshots.newest:
            self._discard_copies()
        self.preset_saved.emit(path)

    def write_copy(self, path: Path, title: str | None = None, **words: Any) -> None:
        """Write the map on stage to a file without calling it saved; raises as `save_preset`."""
        from flowmap_studio.core.packing import pack

        snapshot = self.snapshot
        if snapshot is None:
            raise PresetError("There is no map to save yet; press Train or open a preset first.")
        metrics = self.quality.metrics_at(snapshot.step)
        write_preset(path, replace(pack(snapshot, title or path.stem, metrics), **words))

    def render_film(
        self, path: Path, look: Look, timing: Timing, following: Following | None = None
    ) -> None:
        """Begin to export a film of the flow on stage; `films` tells how it goes.

        Args:
            path: Where it goes; its ending says as what.
            look: Of its pictures.
            timing: Its speed and length.
            following: The group and the traced point that it shows.

        Raises:
            StudioError: There is no map, another film is rendered, or the file can't hold it.
        """
        if self.snapshot is None:
            raise StudioError("There is no map to export yet; press Train or open a preset first.")
        threads = 1 if self.training else CORES_WHEN_IDLE
        sampling, shown = self.sampling.fitted(self.snapshot), following or Following()
        self.films.start(
            FilmOrder(path, self.snapshot, self.steps, sampling, look, timing, threads, shown)
        )

    # --- the end ------------------------------------------------------------------------------

    def preserve(self) -> None:
        """Leave the run to the next start: it is not the user who ends the program."""
        self._preserved = True

    def shutdown(self) -> None:
        """Stop all threads and wait a little for them; the session is of no use afterwards."""
        if self._ended:
            return
        self._ended = True
        if not (self._preserved or self._lost):
            self._discard_copies()
        self._settling.stop()
        self._control.abandon()
        self.comparison.cancel()
        others = [
            *self.comparison.workers(),
            *self.films.workers(),
            *self.librarian.workers(),
            *self.probes.workers(),
        ]
        workers = [*self._control.workers(), *others, self._evaluator]
        join(workers, CLOSE_SECONDS)
        for copy in filter(None, (self._copy, self._coming)):
            copy.release()
