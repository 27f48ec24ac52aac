"""The preset library: a searchable, sorted list of maps with their pictures."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from flowmap_studio.core.library import PresetEntry
from flowmap_studio.views.dropping import dropped_presets
from flowmap_studio.views.preset_delegate import PresetDelegate
from flowmap_studio.views.preset_list import PresetList
from flowmap_studio.views.preset_menu import PresetMenu
from flowmap_studio.views.preset_model import ENTRY_ROLE, FAVOURITE_ROLE, PresetModel
from flowmap_studio.views.preset_motion import PresetMotion
from flowmap_studio.views.preset_pictures import PresetPictures
from flowmap_studio.views.preset_tools import PresetTools
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import LIGHT, Palette

NO_PRESETS = "No presets yet. Train a map and press Save preset."
OF_THE_SHIPPED = ("open", "favourite", "duplicate", "export", "reveal")
"""What may be done with presets that came with the program."""


class PresetLibrary(QWidget):
    """Sends what the user wants of which preset.

    Args:
        palette: Colours.
    """

    presetActivated = preset_activated = Signal(object)  # noqa: N815 - Qt's habit; a Path
    filesDropped = files_dropped = Signal(object)  # noqa: N815 - a list[Path]
    revealRequested = reveal_requested = Signal(object)  # noqa: N815 - a Path
    command_wanted = Signal(str, object)  # a name of the menu, PresetEntry
    undo_wanted = Signal()  # of a deletion
    favourites_changed = Signal(object)  # frozenset of Paths
    order_changed = Signal(str)
    picture_wanted = Signal(object)  # Path
    film_wanted = Signal(object)  # Path; None when none is wanted any more

    def __init__(self, palette: Palette = LIGHT, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("presetLibrary")
        self.setAccessibleName(tr("Preset library"))
        self.setAcceptDrops(True)
        # So that a dock's colour shows between search and list too.
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._selected: Path | None = None  # on stage
        self._current: Path | None = None  # where the keys are
        self._moving = False
        self._favourites: frozenset[Path] = frozenset()
        self._pictures = PresetPictures(self)
        self._pictures.wanted.connect(self.picture_wanted)
        self._model = PresetModel(self)
        self._motion = PresetMotion(self)
        self._motion.wanted.connect(self.film_wanted)
        self._motion.moved.connect(self._repaint)
        self._delegate = PresetDelegate(palette, self._picture, self)
        self._build()
        self.apply_palette(palette)
        self.set_presets([])

    def set_presets(self, entries: Sequence[PresetEntry]) -> None:
        """Show these presets in this order; the selection stays where its preset stays."""
        self._pictures.clear()
        self._motion.forget()
        with self._current_kept():
            self._model.set_entries(entries)
        self._update_empty()

    def set_picture(self, path: Path, png: bytes | None) -> None:
        """Show the picture of a preset that was wanted; None where it has none."""
        self._pictures.take(path, png)
        self._repaint(path)

    def set_film(self, path: Path, pictures: Sequence[bytes]) -> None:
        """Show the moving picture of a preset while it is looked at."""
        self._motion.take(path, pictures)

    def set_undoable(self, undoable: bool) -> None:
        """Let Ctrl+Z in the list be about a deletion, or not."""
        self._list.can_undo = undoable

    def set_favourites(self, paths: Collection[Path]) -> None:
        """Say which presets the user has marked, without telling anyone."""
        self._favourites = frozenset(paths)
        with self._current_kept():
            self._model.set_favourites(self._favourites, alone=self._tools.favourites_only)
        self._update_empty()

    def set_order(self, name: str) -> None:
        """Sort so, if there is such an order."""
        self._tools.choose_order(name)

    def select(self, path: Path) -> None:
        """Mark the preset of a path as the one on stage; none where it is not listed."""
        self._selected = self._current = path
        self._show_current()

    def select_none(self) -> None:
        """Mark none: what is on stage is no listed preset."""
        self._selected = self._current = None
        self._show_current()

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._delegate.colours = palette
        self._list.viewport().update()
        self._drop_frame.setStyleSheet(
            f"QLabel {{ border: 2px dashed {palette.accent}; border-radius: 8px; "
            f"background: {palette.panel}; color: {palette.text}; }}"
        )

    # --- building -----------------------------------------------------------------------------

    def _build(self) -> None:
        self._tools = PresetTools()
        self._tools.searched.connect(self._on_search)
        self._tools.list_wanted.connect(self._enter_list)
        self._tools.order_chosen.connect(self._on_order)
        self._tools.favourites_only_toggled.connect(
            lambda _on: self.set_favourites(self._favourites)
        )
        self._tools.more_wanted.connect(self._on_more)
        self._list = PresetList()
        self._list.setModel(self._model)
        self._list.setItemDelegate(self._delegate)
        self._list.selectionModel().currentChanged.connect(self._on_current)
        self._list.chosen.connect(self._on_chosen)
        self._list.command.connect(self._on_key)
        self._list.undo_wanted.connect(self.undo_wanted)
        self._list.looked_at.connect(self._on_looked_at)
        self._list.customContextMenuRequested.connect(self._on_menu)
        self._empty = self._overlay("presetsEmpty")
        self._empty.setProperty("muted", True)
        self._drop_frame = self._overlay("presetsDrop")
        self._drop_frame.setText(tr("Drop to open"))
        self._drop_frame.hide()
        self._menu = PresetMenu(self)
        self._menu.wanted.connect(self._do)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 8)
        box.setSpacing(6)
        box.addWidget(self._tools)
        box.addWidget(self._list, 1)

    def _overlay(self, name: str) -> QLabel:
        label = QLabel(self._list)
        label.setObjectName(name)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        return label

    # --- Qt's events --------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102 - Qt's
        super().resizeEvent(event)
        self.layout().activate()
        self._empty.setGeometry(self._list.rect().adjusted(12, 0, -12, 0))
        self._drop_frame.setGeometry(self._list.rect().adjusted(1, 1, -1, -1))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: D102 - Qt's
        if dropped_presets(event):
            self._drop_frame.show()
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:  # noqa: D102 - Qt's
        if dropped_presets(event):
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: D102 - Qt's
        del event
        self._drop_frame.hide()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: D102 - Qt's
        self._drop_frame.hide()
        paths = dropped_presets(event)
        if paths:
            event.acceptProposedAction()
            self.filesDropped.emit(paths)

    # --- pictures -----------------------------------------------------------------------------

    def _picture(self, entry: PresetEntry) -> bytes | None:
        """What a row shows now; a picture that was not read yet is asked for."""
        path = entry.path
        if (moving := self._motion.picture(path)) is not None:
            return moving
        if not entry.unread:
            return entry.thumbnail
        return self._pictures.get(path)

    def _repaint(self, path: Path) -> None:
        index = self._model.index_of(path)
        if index.isValid():
            self._list.viewport().update(self._list.visualRect(index))

    def _on_looked_at(self, index: QModelIndex) -> None:
        self._motion.follow(index.data(ENTRY_ROLE).path if index.isValid() else None)

    # --- inside -------------------------------------------------------------------------------

    @contextmanager
    def _current_kept(self) -> Iterator[None]:
        """Within it rows come, go and move; the current one stays where its preset stays."""
        self._moving = True
        try:
            yield
        finally:
            self._moving = False
        self._show_current()

    def _on_current(self, index: QModelIndex) -> None:
        if not self._moving:
            self._current = index.data(ENTRY_ROLE).path if index.isValid() else None

    def _show_current(self) -> None:
        """Put the keys' place on the row they were on; where it is gone, on what is on stage."""
        places = [self._model.index_of(path) for path in (self._current, self._selected) if path]
        index = next(filter(QModelIndex.isValid, places), QModelIndex())
        self._moving = True
        self._list.setCurrentIndex(index)
        self._moving = False
        if index.isValid():
            self._list.scrollTo(index)
        else:
            self._list.clearSelection()

    def _beside(self, path: Path) -> Path | None:
        """The preset in the row below, or above the last one."""
        row = self._model.index_of(path).row()
        rows = (self._model.index(at, 0) for at in (row + 1, row - 1))
        return next((at.data(ENTRY_ROLE).path for at in rows if at.isValid()), None)

    def _on_search(self, text: str) -> None:
        with self._current_kept():
            self._model.search(text)
        self._update_empty()

    def _enter_list(self, choose: bool) -> None:
        """Go from the search to the first row that it found, or to the current one."""
        index = self._list.currentIndex()
        if not index.isValid():
            index = self._model.index(0, 0)
        if not index.isValid():
            return
        self._list.setCurrentIndex(index)
        self._list.setFocus()
        if choose:
            self._on_chosen(index)

    def _on_order(self, name: str) -> None:
        with self._current_kept():
            self._model.order_by(name)
        self.order_changed.emit(name)

    def _update_empty(self) -> None:
        words = tr("Nothing matches “{text}”.", text=self._tools.text)
        if self._tools.favourites_only and not self._tools.text:
            words = tr("No favourites yet. Press Ctrl+B on a preset to mark it.")
        self._empty.setText(words if self._model.count() else tr(NO_PRESETS))
        self._empty.setVisible(self._model.rowCount() == 0)

    def _on_chosen(self, index: QModelIndex) -> None:
        self._do("open", index.data(ENTRY_ROLE))

    def _on_key(self, name: str) -> None:
        self._do(name, self._list.currentIndex().data(ENTRY_ROLE))

    def _on_menu(self, place: QPoint) -> None:
        index = self._list.indexAt(place)
        if index.isValid():
            self._menu.set_entry(index.data(ENTRY_ROLE), favourite=index.data(FAVOURITE_ROLE))
            self._menu.popup(self._list.viewport().mapToGlobal(place))

    def _on_more(self) -> None:
        index = self._list.currentIndex()
        if index.isValid():
            self._on_menu(self._list.visualRect(index).center())

    def _do(self, name: str, entry: PresetEntry) -> None:
        if entry.shipped and name not in OF_THE_SHIPPED:
            return
        if name == "delete":
            self._current = self._beside(entry.path)  # not what is on stage: Delete twice takes two
        if name == "open":
            self._selected = entry.path
            self.presetActivated.emit(entry.path)
        elif name == "reveal":
            self.revealRequested.emit(entry.path)
        elif name == "favourite":
            self.set_favourites(self._favourites ^ {entry.path})
            self.favourites_changed.emit(self._favourites)
        else:
            self.command_wanted.emit(name, entry)
