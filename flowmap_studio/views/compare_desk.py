"""Between the compare panel and the session: what takes part, and which row is on stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from flowmap_studio.core.comparison_table import Entry, Row, entries_to_train
from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.presets import read_preset
from flowmap_studio.runtime.frames import MOST_PANES, Rival, Sampling
from flowmap_studio.runtime.session import State
from flowmap_studio.views.file_dialogs import PRESET_FILTER
from flowmap_studio.views.settings import presets_folder
from flowmap_studio.views.texts import tr

if TYPE_CHECKING:
    from flowmap_studio.views.window import StudioWindow


class CompareDesk(QObject):
    """Connects the compare panel with the session.

    Args:
        window: Its panel, session and message bar are used; it is the owner.
    """

    def __init__(self, window: StudioWindow) -> None:
        super().__init__(window)
        self._window = window
        self._session = session = window.session
        self._control = control = session.comparison
        self._panel = panel = window.compare_panel
        panel.start_wanted.connect(self._start)
        panel.cancel_wanted.connect(control.cancel)
        panel.stage_wanted.connect(self._add_stage)
        panel.presets_wanted.connect(self._ask_presets)
        panel.clear_wanted.connect(control.clear)
        panel.table.rows_ticked.connect(self._show_rows)
        control.changed.connect(self._on_changed)
        control.progressed.connect(panel.set_progress)
        control.failed.connect(self._on_failed)
        session.state_changed.connect(self._on_state)
        session.snapshots_changed.connect(self._on_state)
        session.config_changed.connect(self._on_state)
        session.sampling_changed.connect(self._on_sampling)
        session.preset_opened.connect(lambda _path: session.set_sampling(rival=None, panes=()))
        self._on_state()

    def add_presets(self, paths: list[Path]) -> None:
        """Measure these presets beside the rows of the same target."""
        try:
            snapshots = [(path.stem, read_preset(path).snapshot) for path in paths]
        except StudioError as error:
            self._window.message_bar.show_message("error", str(error))
            return
        entries = [Entry(name, made.config, made) for name, made in snapshots]
        self._control.start(entries, keep=True)

    def _start(self, methods: tuple[str, ...]) -> None:
        if not self._window.form.commit():
            self._on_failed(tr("Correct the marked setting before comparing."), "")
            return
        config = self._session.config
        if config.parametrisation != "residual":  # the only form that all methods have
            config = config.replace(parametrisation="residual", method="article")
        try:
            self._control.start(entries_to_train(config, methods))
        except StudioError as error:
            self._on_failed(str(error), "")

    def _add_stage(self) -> None:
        snapshot = self._session.snapshot
        if snapshot is not None:
            name = tr("On stage, step {step:,}", step=snapshot.step)
            self._control.start([Entry(name, snapshot.config, snapshot)], keep=True)

    def _ask_presets(self) -> None:
        folder = str(presets_folder())
        chosen, _ = QFileDialog.getOpenFileNames(
            self._window, tr("Presets to compare"), folder, tr(PRESET_FILTER)
        )
        if chosen:
            self.add_presets([Path(path) for path in chosen])

    def _show_rows(self, rows: tuple[Row, ...]) -> None:
        shown = self._session.snapshot
        if rows and (shown is None or shown.config.target != rows[0].snapshot.config.target):
            self._session.show_snapshot(rows[0].snapshot)
        rivals = tuple(map(_rival, rows))
        if len(rivals) > 1:
            self._session.set_sampling(rival=None, panes=rivals)
            return
        self._session.set_sampling(rival=rivals[0] if rivals else None, panes=())
        if rivals:
            self._window.stage.set_layer_visible("composed", True)

    def _on_changed(self) -> None:
        rows = self._control.rows
        self._panel.set_rows(rows, self._control.floor)
        images = any(row.snapshot.image is not None for row in rows)
        self._panel.table.set_most(1 if images else MOST_PANES)
        self._panel.set_running(self._control.running)

    def _on_state(self, *_: object) -> None:
        busy = self._session.state in (State.RUNNING, State.STOPPING)
        if busy:  # the run is to be seen
            self._session.set_sampling(panes=())
        reason = tr("Pause or stop the run first: it would spoil the times") if busy else ""
        target = Path(self._session.config.target).name
        there = self._session.snapshot is not None
        self._panel.set_available(reason, has_map=there, target=target)

    def _on_sampling(self, sampling: Sampling) -> None:
        if sampling.rival is None and not sampling.panes:
            self._panel.table.untick()

    def _on_failed(self, sentence: str, details: str) -> None:
        self._window.message_bar.show_message("error", sentence, details=details)


def _rival(row: Row) -> Rival:
    """What of a row is shown on stage."""
    distance, evaluations = row.figures["sliced_w2"], round(row.evaluations)
    note = tr(
        "sliced W2 {distance:.3f}, {evaluations:,} evaluation"
        if evaluations == 1
        else "sliced W2 {distance:.3f}, {evaluations:,} evaluations",
        distance=distance,
        evaluations=evaluations,
    )
    return Rival(row.name, row.snapshot, row.steps, row.solver, note)
