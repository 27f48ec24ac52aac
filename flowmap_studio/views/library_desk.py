"""Between the preset library and the files: lists, pictures, names, copies and deletions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QFileDialog, QMenu

from flowmap_studio.core.drawing.layers import ALL_LAYERS, BACK_TO_FRONT
from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.library import PresetEntry
from flowmap_studio.core.presets import LayerLook, StageView, read_entry
from flowmap_studio.core.shelf import Deleted, Shelf
from flowmap_studio.resources import asset
from flowmap_studio.views.file_dialogs import PRESET_FILTER
from flowmap_studio.views.preset_details import DetailsDialog, NameDialog
from flowmap_studio.views.recent_files import RecentFiles
from flowmap_studio.views.settings import Settings, deleted_folder, presets_folder
from flowmap_studio.views.texts import tr

if TYPE_CHECKING:
    from flowmap_studio.views.window import StudioWindow

SHIPPED = "shipped:"
"""Favourites that came with the program are remembered by name: it may move."""


class LibraryDesk(QObject):
    """Does what the library asks for and keeps its list true.

    Args:
        window: Its library, session and message bar are used; it is the owner.
        settings: Favourites, order and recent files are remembered there.
    """

    def __init__(self, window: StudioWindow, settings: Settings) -> None:
        super().__init__(window)
        self._window = window
        self._settings = settings
        self._shelf = Shelf(presets_folder(), deleted_folder())
        self._deleted: list[Deleted] = []
        """What can be had back, the last one last."""
        self._library = library = window.library
        session, librarian = window.session, window.session.librarian
        self._shipped = _shipped_folder()
        librarian.listed.connect(lambda entries, _whole: library.set_presets(entries))
        librarian.pictured.connect(library.set_picture)
        librarian.animated.connect(library.set_film)
        library.picture_wanted.connect(librarian.ask_picture)
        library.film_wanted.connect(librarian.ask_film)
        library.preset_activated.connect(window.open_preset)
        library.files_dropped.connect(self.take_in)
        library.reveal_requested.connect(_reveal)
        library.command_wanted.connect(self._do)
        library.undo_wanted.connect(self._undo_deletion)
        library.favourites_changed.connect(self._remember_favourites)
        library.order_changed.connect(lambda name: settings.remember("presetOrder", name))
        library.set_order(settings.text("presetOrder"))
        library.set_favourites(self._remembered_favourites())
        self._recent = RecentFiles(_recent_menu(window), settings, self)
        self._recent.chosen.connect(window.open_preset)
        session.view_reset.connect(library.select_none)  # a preset that is opened says so itself
        session.preset_opened.connect(self._on_opened)
        session.preset_saved.connect(self._recent.add)
        session.view_found.connect(self._show_view)
        self.refresh()

    def refresh(self) -> None:
        """List the user's own presets and the shipped ones again, in the background."""
        folders = [(self._shelf.folder, False)]
        if self._shipped is not None:
            folders.append((self._shipped, True))
        self._window.session.librarian.ask_list(tuple(folders))

    def save(self, path: Path) -> None:
        """Save the map on stage with the view; words of a preset that is replaced stay.

        Raises:
            StudioError: It could not be saved.
        """
        words: dict[str, object] = {"view": self._view()}
        title = None
        try:
            former = read_entry(path, shipped=False, picture=False)
        except (StudioError, OSError):  # there is none, or none that has words
            pass
        else:
            title = former.title
            words |= {"tags": former.tags, "notes": former.notes}
        self._window.session.save_preset(path, title, **words)

    def take_in(self, paths: list[Path]) -> None:
        """Copy dropped presets into the user's folder and open the first of them."""
        taken, refused = [], ""
        for path in paths:
            try:
                taken.append(self._shelf.take_in(path))
            except StudioError as error:
                refused = str(error)
        self.refresh()
        if taken and self._window.open_preset(taken[0]) and len(taken) > 1:
            self._say(tr("Took in {count:,} presets.", count=len(taken)))
        if refused:
            self._window.message_bar.show_message("error", refused)

    def _on_opened(self, path: Path) -> None:
        if path.parent != self._shipped:  # those are at hand in the library anyway
            self._recent.add(path)

    # --- commands -----------------------------------------------------------------------------

    def _do(self, name: str, entry: PresetEntry) -> None:
        commands = {
            "rename": self._ask_name,
            "describe": self._ask_words,
            "duplicate": self._duplicate,
            "export": self._export,
            "delete": self._delete,
        }
        try:
            commands[name](entry)
        except StudioError as error:
            self._window.message_bar.show_message("error", str(error))

    def _ask_name(self, entry: PresetEntry) -> None:
        dialog = NameDialog(entry, self._window)
        dialog.named.connect(lambda name: self._try(self._rename, entry, name))
        self._show(dialog)

    def _ask_words(self, entry: PresetEntry) -> None:
        dialog = DetailsDialog(entry, self._window)
        dialog.described.connect(lambda *words: self._try(self._describe, entry, *words))
        self._show(dialog)

    def _rename(self, entry: PresetEntry, name: str) -> None:
        place = self._shelf.rename(entry.path, name)
        self._recent.replace(entry.path, place)
        marked = self._remembered_favourites()
        if entry.path in marked:
            marked = marked - {entry.path} | {place}
            self._library.set_favourites(marked)
            self._remember_favourites(marked)
        self._changed(place)

    def _describe(self, entry: PresetEntry, title: str, tags: tuple[str, ...], notes: str) -> None:
        self._shelf.describe(entry.path, title or entry.title, tags, notes)
        self._changed(entry.path)

    def _duplicate(self, entry: PresetEntry) -> None:
        place = self._shelf.duplicate(entry.path)
        self._changed(place)
        self._say(tr("Copied {title} to {name}.", title=entry.title, name=place.name))

    def _export(self, entry: PresetEntry) -> None:
        chosen, _ = QFileDialog.getSaveFileName(
            self._window, tr("Export a copy"), entry.path.name, tr(PRESET_FILTER)
        )
        if chosen:
            place = Path(chosen if chosen.endswith(".flowmap") else f"{chosen}.flowmap")
            self._shelf.give_out(entry.path, place)
            self._say(tr("Exported {name}.", name=place.name))

    def _delete(self, entry: PresetEntry) -> None:
        deleted = self._shelf.delete(entry.path)
        self._deleted.append(deleted)
        self._library.set_undoable(True)
        self.refresh()
        self._window.message_bar.offer(
            tr("Deleted {title}.", title=entry.title),
            tr("Undo"),
            lambda: self._try(self._put_back, deleted),
        )

    def _undo_deletion(self) -> None:
        if self._deleted:
            self._try(self._put_back, self._deleted[-1])

    def _put_back(self, deleted: Deleted) -> None:
        if deleted not in self._deleted:  # it was had back by a key already
            return
        self._deleted.remove(deleted)
        self._library.set_undoable(bool(self._deleted))
        place = self._shelf.put_back(deleted)
        self._changed(place)
        self._say(tr("{name} is back.", name=place.name))

    def _try(self, command: object, *arguments: object) -> None:
        try:
            command(*arguments)
        except StudioError as error:
            self._window.message_bar.show_message("error", str(error))

    def _changed(self, path: Path) -> None:
        self._library.select(path)
        self.refresh()

    def _say(self, sentence: str) -> None:
        self._window.message_bar.show_message("info", sentence)

    def _show(self, dialog: QDialog) -> None:
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    # --- the view -----------------------------------------------------------------------------

    def _view(self) -> StageView:
        stage, bar = self._window.stage, self._window.time_bar
        layers = {
            layer: LayerLook(
                stage.is_layer_visible(layer),
                stage.layer_opacity(layer),
                stage.layer_colour(layer),
            )
            for layer in ALL_LAYERS
        }
        order = stage.layer_order()
        moved = () if order == BACK_TO_FRONT else order
        return StageView(bar.time(), bar.steps(), stage.area(), layers, moved)

    def _show_view(self, view: StageView) -> None:
        stage, bar = self._window.stage, self._window.time_bar
        bar.pause()
        bar.set_time(view.t)
        bar.set_steps(view.steps)
        for layer in ALL_LAYERS:
            if (look := view.layers.get(layer)) is not None:
                stage.set_layer_visible(layer, look.visible)
                stage.set_layer_opacity(layer, look.opacity)
                stage.set_layer_colour(layer, look.colour)
        stage.set_layer_order(view.order or BACK_TO_FRONT)
        stage.reset_view(view.area)

    # --- favourites ---------------------------------------------------------------------------

    def _remember_favourites(self, paths: frozenset[Path]) -> None:
        lines = [
            f"{SHIPPED}{path.name}" if path.parent == self._shipped else str(path)
            for path in sorted(paths)
        ]
        self._settings.remember("favourites", "\n".join(lines))

    def _remembered_favourites(self) -> frozenset[Path]:
        lines = [line for line in self._settings.text("favourites").splitlines() if line]
        folder = self._shipped or Path()
        return frozenset(
            folder / line.removeprefix(SHIPPED) if line.startswith(SHIPPED) else Path(line)
            for line in lines
        )


def _shipped_folder() -> Path | None:
    try:
        return asset("presets")
    except FileNotFoundError:  # the studio works without them
        return None


def _recent_menu(window: StudioWindow) -> QMenu:
    """The menu of recent files, below Open."""
    files = window.menuBar().findChild(QMenu, "fileMenu")
    menu = QMenu(tr("Open &recent"), files)
    menu.setObjectName("recentMenu")
    menu.setToolTipsVisible(True)
    files.insertMenu(window.actions_by_name["savePresetAction"], menu)
    return menu


def _reveal(path: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))
