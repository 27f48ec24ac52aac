"""The main window: passes the intents of its parts to the session, and its news to them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QPaintEvent,
    QShowEvent,
    QUndoStack,
)
from PySide6.QtWidgets import QApplication, QDialog

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.drawing.layers import STAGE_COUNTS
from flowmap_studio.core.errors import StudioError
from flowmap_studio.runtime.session import Session
from flowmap_studio.views import theme
from flowmap_studio.views.about import AboutDialog
from flowmap_studio.views.actions import ACTIONS, colour_actions, follow_layers, make_actions
from flowmap_studio.views.bookmark_desk import BookmarkDesk
from flowmap_studio.views.command_palette import CommandPalette
from flowmap_studio.views.compare_desk import CompareDesk
from flowmap_studio.views.dropping import dropped_files, dropped_folders
from flowmap_studio.views.export_desk import ExportDesk
from flowmap_studio.views.file_dialogs import (
    TARGET_ENDINGS,
    ask_preset_to_open,
    ask_preset_to_save,
)
from flowmap_studio.views.library_desk import LibraryDesk
from flowmap_studio.views.paint_desk import PaintDesk
from flowmap_studio.views.panels import is_docked
from flowmap_studio.views.probe_desk import ProbeDesk, stage_handlers
from flowmap_studio.views.recovery_offer import RecoveryOffer
from flowmap_studio.views.run_desk import RunDesk
from flowmap_studio.views.session_mirror import SessionMirror
from flowmap_studio.views.settings_desk import SettingsDesk
from flowmap_studio.views.shortcut_sheet import ShortcutSheet
from flowmap_studio.views.texts import tr
from flowmap_studio.views.tour_desk import TourDesk
from flowmap_studio.views.window_parts import WindowParts

COMPARE_SHARE = 0.29
"""Of the window's height, for the compare panel when it opens."""
UNPAINTED_MS = 1000
DROPPABLE = (".flowmap", *TARGET_ENDINGS)


class StudioWindow(WindowParts):
    """The studio.

    Attributes:
        session: The owner of all application state.
    """

    def __init__(self, session: Session, palette: theme.Palette) -> None:
        super().__init__(session, palette)
        self.setAcceptDrops(True)
        self._palette = palette
        self._undo = QUndoStack(self)
        self._begun = False
        self._preset: Path | None = None  # whose map is on stage
        self._build_actions()
        self._build_panels(palette)
        self._place()
        self._wire_views()
        self._wire_session()
        self._restore()
        self.time_bar.time_slider.setFocus()  # or the first Space would press the first button
        # Torch is imported behind the painted window; this is for one that is never painted. Its
        # time counts from the event loop on: to build all this may take as long.
        QTimer.singleShot(0, self._begin_unpainted)

    # --- building -----------------------------------------------------------------------------

    def _build_actions(self) -> None:
        bar, stage = self.time_bar, self.stage
        handlers = {
            "openAction": self.choose_and_open,
            "savePresetAction": self.choose_and_save,
            "exportAction": lambda: self._exports.choose(),
            "copyPictureAction": lambda: self._exports.copy_picture(),
            "quitAction": self.close,
            "undoAction": self._undo.undo,
            "redoAction": self._undo.redo,
            "trainAction": lambda: self._changes.train(),
            "stopAction": self.session.stop,
            "resetAction": self.session.reset,
            "frameBackAction": bar.frame_back,
            "frameOnAction": bar.frame_on,
            "tenBackAction": lambda: bar.step_frames(-10),
            "tenOnAction": lambda: bar.step_frames(10),
            "toStartAction": bar.to_start,
            "toEndAction": bar.to_end,
            "compareAction": self.toggle_compare,
            "playBackAction": bar.play_backward,
            "holdAction": bar.pause,
            "playOnAction": bar.play,
            "fewerStepsAction": lambda: bar.set_steps(bar.steps() - 1),
            "moreStepsAction": lambda: bar.set_steps(bar.steps() + 1),
            "sourceAction": lambda: stage.toggle_layer("source"),
            "dataAction": lambda: stage.toggle_layer("data"),
            "oneStepAction": lambda: stage.toggle_layer("one_step"),
            "composedAction": lambda: stage.toggle_layer("composed"),
            "fitAction": stage.fit,
            "stageOnlyAction": self.toggle_stage_only,
            "paintAction": lambda: self._drawings.toggle(),
            "tourAction": lambda: self._tour.toggle(),
            "commandsAction": self.show_commands,
            "shortcutsAction": self.show_shortcuts,
            "aboutAction": self.show_about,
            **stage_handlers(self),
        }
        existing = {"playAction": bar.transport.play_action}
        self.actions_by_name = make_actions(self, handlers, existing)
        colour_actions(self.actions_by_name, self._palette)

    def _wire_views(self) -> None:
        session, bar = self.session, self.time_bar
        bar.time_changed.connect(session.set_time)
        bar.steps_changed.connect(session.set_steps)
        bar.sampling.solver_changed.connect(lambda name: session.set_sampling(solver=name))
        bar.sampling.label_changed.connect(lambda name: session.set_sampling(label=name))
        bar.sampling.guidance_changed.connect(lambda scale: session.set_sampling(guidance=scale))
        bar.lattice_check.toggled.connect(lambda on: session.set_sampling(cached=on))
        bar.points_combo.chosen.connect(lambda count: session.set_sampling(points=count))
        bar.scrubbing_changed.connect(session.set_moving)
        bar.playing_changed.connect(session.set_playing)
        bar.history_changed.connect(session.show_history)
        bar.live_requested.connect(session.show_live)
        self.stage.set_composed_steps(bar.steps())
        for dock, name in (
            (self._compare_dock, "compareAction"),
            (self._tour_dock, "tourAction"),
            (self._paint_dock, "paintAction"),
        ):
            dock.toggleViewAction().toggled.connect(self.actions_by_name[name].setChecked)
        follow_layers(self.actions_by_name, self.stage)

    def _wire_session(self) -> None:
        session = self.session
        self._changes = SettingsDesk(self, self._undo)
        self._mirror = SessionMirror(self, self._undo, self._palette)
        self._desk = CompareDesk(self)
        self._offer = RecoveryOffer(session, self.message_bar, self)
        self._exports = ExportDesk(self, self._palette)
        self._shelf = LibraryDesk(self, self._settings)
        self._tour = TourDesk(self, self._tour_dock, self._settings)
        self._drawings = PaintDesk(self, self._paint_dock)
        self.probe_desk = ProbeDesk(self, self._palette)
        self.bookmark_desk = BookmarkDesk(self)
        self._runs = RunDesk(self, self._palette)
        session.message.connect(self.message_bar.show_message)
        session.failed.connect(self._show_failure)
        session.view_reset.connect(self._forget_preset)  # one that is opened says so itself
        session.preset_opened.connect(self._on_preset_opened)
        session.preset_saved.connect(self._on_preset_saved)

    # --- what outside callers and dialogs use -------------------------------------------------

    def open_preset(self, path: Path | str) -> bool:
        """Open a preset, or say in the message bar why not; returns whether it was opened."""
        try:
            self.session.open_preset(Path(path))
        except StudioError as error:
            self.message_bar.show_message("error", str(error))
            return False
        return True

    def open_last(self) -> bool:
        """Show what was on stage when the window was closed last, if it is still there."""
        path = self._settings.text("preset")
        if not path or not Path(path).is_file():
            return False
        try:
            self.session.open_preset(Path(path))
        except StudioError:  # nobody asked for it: the first map is shown instead
            return False
        with suppress(ValueError):
            self.time_bar.set_time(float(self._settings.text("time")))
        return True

    def save_preset(self, path: Path | str) -> bool:
        """Save the map on stage, or say why not; returns whether it was saved."""
        try:
            self._shelf.save(Path(path))
        except StudioError as error:
            self.message_bar.show_message("error", str(error))
            return False
        return True

    def offer_recovery(self) -> None:
        """Offer the run that a crash cut off, if there is one."""
        self._offer.look()

    def export(self, path: Path | str) -> bool:
        """Export what the ending says: see `ExportDesk.export`."""
        return self._exports.export(Path(path))

    def edit_config(self, config: RunConfig) -> None:
        """Make a config the present one in a way that can be undone."""
        self._changes.edit(config)

    def set_target(self, target: str) -> None:
        """Choose a name, a point file or a picture to learn; not while a run goes on."""
        self._changes.set_target(target)

    # --- dialogs ------------------------------------------------------------------------------

    def choose_and_open(self) -> None:
        """Ask for a preset and open it."""
        if path := ask_preset_to_open(self, self._settings):
            self.open_preset(path)

    def choose_and_save(self) -> None:
        """Ask for a place and save the map on stage there."""
        if path := ask_preset_to_save(self, Path(self.session.config.target).stem):
            self.save_preset(path)

    def show_shortcuts(self) -> None:
        """Show all keys."""
        self._show_dialog(ShortcutSheet(self))

    def show_commands(self) -> None:
        """Let the user find an action by its name."""
        actions = [(row.menu, self.actions_by_name[row.name]) for row in ACTIONS]
        docks = [("View", dock.toggleViewAction()) for dock in self._docks]
        languages = [("Language", action) for action in self._languages.actions()]
        self._show_dialog(CommandPalette([*actions, *docks, *languages], self))

    def show_about(self) -> None:
        """Say what this program is."""
        self._show_dialog(AboutDialog(self))

    def _show_dialog(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def toggle_compare(self) -> None:
        """Show or hide the panel that compares methods and maps."""
        shown = self._compare_dock.isHidden()
        self._compare_dock.setVisible(shown)
        if shown and is_docked(self, self._compare_dock):
            height = round(COMPARE_SHARE * self.height())
            self.resizeDocks([self._compare_dock], [height], Qt.Orientation.Vertical)

    def toggle_stage_only(self) -> None:
        """Hide or show everything but stage and scrubber."""
        self._stage_only.toggle()

    def refresh_library(self) -> None:
        """Read the lists of shipped and own presets again, in the background."""
        self._shelf.refresh()

    def follow_system(self) -> None:
        """Take light or dark from the system."""
        app = QApplication.instance()
        self.apply_palette(theme.system_palette(app))

    def apply_palette(self, palette: theme.Palette) -> None:
        """Put a palette on the whole window."""
        theme.apply(QApplication.instance(), palette)
        self._palette = palette
        for view in (
            self.stage,
            self.stages,
            self.time_bar,
            self.loss_plot,
            self.quality_plot,
            self.form,
            self.library,
            self.message_bar,
            self.compare_panel,
            self.tour_panel,
            self.paint_panel,
            self._mirror,
            self._exports,
            self.probe_panel,
            self.probe_desk,
            self._runs,
        ):
            view.apply_palette(palette)
        colour_actions(self.actions_by_name, palette)

    # --- news from the session ----------------------------------------------------------------

    def _show_failure(self, sentence: str, details: str) -> None:
        self.message_bar.show_message("error", sentence, details=details)

    def _forget_preset(self) -> None:
        self._preset = None

    def _on_preset_opened(self, path: Path) -> None:
        self._preset = path
        self._undo.clear()
        self.message_bar.hide()
        self.library.select(path)
        self.setWindowTitle(f"{path.stem} – Flow Map Studio")
        self._mirror.show_state(self.session.state)

    def _on_preset_saved(self, path: Path) -> None:
        self._preset = path
        self.refresh_library()
        self.library.select(path)
        self.setWindowTitle(f"{path.stem} – Flow Map Studio")
        self.message_bar.show_message("info", tr("Saved {name}.", name=path.name))

    # --- intents of the views -----------------------------------------------------------------

    def _on_dropped(self, paths: list[Path]) -> None:
        """Open the first preset, or learn the first point file, picture or folder of images."""
        presets = [path for path in paths if path.suffix.lower() == ".flowmap"]
        if presets:
            self.open_preset(presets[0])
        elif paths:
            self.set_target(str(paths[0]))

    # --- Qt's events --------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102 - Qt's
        super().showEvent(event)
        if not self._placed:  # another style sheet in the meantime lays the docks out anew
            self._placed = True
            self._arrange()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102 - Qt's
        super().paintEvent(event)
        if not self._begun:
            QTimer.singleShot(0, self._begin)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: D102 - Qt's
        if _dropped(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: D102 - Qt's
        event.acceptProposedAction()
        self._on_dropped(_dropped(event))

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: D102 - Qt's
        self.time_bar.pause()
        self._stage_only.leave()  # the next start shows all panels
        self._tour_dock.hide()  # its chapter would stand beside another map
        self._settings.remember("preset", str(self._preset or ""))
        self._settings.remember("time", f"{self.session.t:.3f}")
        self._settings.remember("points", f"{self.session.sampling.points}")
        self._settings.remember("geometry", self.saveGeometry())
        self._settings.remember("state", self.saveState())
        self._settings.write()
        self.hide()  # before the wait for the threads
        self.session.shutdown()
        self._offer.withdraw()
        super().closeEvent(event)

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self.session.begin()

    def _begin_unpainted(self) -> None:
        QTimer.singleShot(UNPAINTED_MS, self._begin)

    def _restore(self) -> None:
        geometry, state = self._settings.bytes("geometry"), self._settings.bytes("state")
        self._placed = geometry is not None and state is not None
        if self._placed:
            self.restoreGeometry(geometry)
            self.restoreState(state)
        points = self._settings.text("points")
        if points in map(str, STAGE_COUNTS):
            self.session.set_sampling(points=int(points))


def _dropped(event: QDropEvent) -> list[Path]:
    """The files and folders that a drag or drop carries and the window can use."""
    return [*dropped_files(event, DROPPABLE), *dropped_folders(event)]
