"""The preset library: a searchable list of maps with their pictures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QLabel, QLineEdit, QListView, QMenu, QVBoxLayout, QWidget

from flowmap_studio.core.library import PresetEntry
from flowmap_studio.views.preset_delegate import PresetDelegate
from flowmap_studio.views.preset_model import ENTRY_ROLE, PresetModel, PresetSearch
from flowmap_studio.views.theme import LIGHT, Palette

NO_PRESETS = "No presets yet. Train a map and press Save preset."


class PresetList(QListView):
    """A list whose rows are chosen by a single click, Enter or Return."""

    chosen = Signal(QModelIndex)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("presetList")
        self.setAccessibleName("Presets")
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.clicked.connect(self.chosen)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102 - Qt's
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.chosen.emit(self.currentIndex())
            return
        super().keyPressEvent(event)


class PresetLibrary(QWidget):
    """Sends the path of the preset that the user wants to see.

    Args:
        palette: Colours.
    """

    presetActivated = preset_activated = Signal(object)  # noqa: N815 - Qt's habit; a Path
    filesDropped = files_dropped = Signal(object)  # noqa: N815 - a list[Path]
    revealRequested = reveal_requested = Signal(object)  # noqa: N815 - a Path

    def __init__(self, palette: Palette = LIGHT, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("presetLibrary")
        self.setAccessibleName("Preset library")
        self.setAcceptDrops(True)
        # So that a dock's colour shows between search and list too.
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._selected: Path | None = None
        self._menu_path: Path | None = None
        self._model = PresetModel(self)
        self._found = PresetSearch(self)
        self._found.setSourceModel(self._model)
        self._delegate = PresetDelegate(palette, self)
        self._build()
        self.apply_palette(palette)
        self.set_presets([])

    def set_presets(self, entries: Sequence[PresetEntry]) -> None:
        """Show these presets in this order; the selection stays where its preset stays."""
        self._model.set_entries(entries)
        self._show_selected()
        self._update_empty()

    def select(self, path: Path) -> None:
        """Mark the preset of a path as the one on stage; none where it is not listed."""
        self._selected = path
        self._show_selected()

    def select_none(self) -> None:
        """Mark none: what is on stage is no listed preset."""
        self._selected = None
        self._show_selected()

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
        self._search = QLineEdit()
        self._search.setObjectName("presetSearch")
        self._search.setAccessibleName("Search presets")
        self._search.setPlaceholderText("Search presets")
        self._search.setToolTip("Words of the title, target, method or coupling, in any order")
        self._search.setClearButtonEnabled(True)
        self._search.setAcceptDrops(False)  # a dropped file is opened, not typed
        self._search.textChanged.connect(self._on_search)
        self._list = PresetList()
        self._list.setModel(self._found)
        self._list.setItemDelegate(self._delegate)
        self._list.chosen.connect(self._on_chosen)
        self._list.customContextMenuRequested.connect(self._on_menu)
        self._empty = self._overlay("presetsEmpty")
        self._empty.setProperty("muted", True)
        self._drop_frame = self._overlay("presetsDrop")
        self._drop_frame.setText("Drop to open")
        self._drop_frame.hide()
        self._menu = QMenu(self)
        self._menu.setObjectName("presetMenu")
        self._menu.addAction("Open").triggered.connect(self._on_open)
        self._menu.addAction("Show in folder").triggered.connect(self._on_reveal)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 8)
        box.setSpacing(6)
        box.addWidget(self._search)
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

    # --- inside -------------------------------------------------------------------------------

    def _show_selected(self) -> None:
        source = QModelIndex() if self._selected is None else self._model.index_of(self._selected)
        index = self._found.mapFromSource(source)
        self._list.setCurrentIndex(index)
        if index.isValid():
            self._list.scrollTo(index)
        else:
            self._list.clearSelection()

    def _on_search(self, text: str) -> None:
        self._found.search(text)
        self._show_selected()
        self._update_empty()

    def _update_empty(self) -> None:
        words = f"Nothing matches “{self._search.text()}”."
        self._empty.setText(words if self._model.rowCount() else NO_PRESETS)
        self._empty.setVisible(self._found.rowCount() == 0)

    def _on_chosen(self, index: QModelIndex) -> None:
        self._selected = index.data(ENTRY_ROLE).path
        self.presetActivated.emit(self._selected)

    def _on_menu(self, place: QPoint) -> None:
        index = self._list.indexAt(place)
        if index.isValid():
            self._menu_path = index.data(ENTRY_ROLE).path
            self._menu.popup(self._list.viewport().mapToGlobal(place))

    def _on_open(self) -> None:
        self.presetActivated.emit(self._menu_path)

    def _on_reveal(self) -> None:
        self.revealRequested.emit(self._menu_path)


def dropped_presets(event: QDropEvent) -> list[Path]:
    """The `.flowmap` files that a drag or drop carries."""
    return dropped_files(event, (".flowmap",))


def dropped_files(event: QDropEvent, endings: Collection[str]) -> list[Path]:
    """The files that a drag or drop carries whose names end so."""
    paths = (Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile())
    return [path for path in paths if path.suffix.lower() in endings]
