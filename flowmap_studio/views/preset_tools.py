"""The line above the preset library's list: search, order, favourites, and more."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from flowmap_studio.views.preset_list import SearchLine
from flowmap_studio.views.preset_order import OrderButton
from flowmap_studio.views.texts import tr


class PresetTools(QWidget):
    """Says what the list shall show, and in which order."""

    searched = Signal(str)
    list_wanted = Signal(bool)  # whether its first row is chosen as well
    order_chosen = Signal(str)
    favourites_only_toggled = Signal(bool)
    more_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._search = self._make_search()
        self._order = OrderButton()
        self._order.chosen.connect(self.order_chosen)
        self._only = _button("presetFavourites", "★")
        self._only.setCheckable(True)
        self._only.setAccessibleName(tr("Favourites only"))
        self._only.setToolTip(tr("Show favourites only (Ctrl+B marks the current preset)"))
        self._only.toggled.connect(self.favourites_only_toggled)
        more = _button("presetMore", "⋯")
        more.setAccessibleName(tr("More about the current preset"))
        more.setToolTip(tr("Rename, describe, duplicate, export or delete the current preset"))
        more.clicked.connect(self.more_wanted)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self._search, 1)
        for button in (self._order, self._only, more):
            row.addWidget(button)

    @property
    def text(self) -> str:
        """What is searched for."""
        return self._search.text()

    @property
    def favourites_only(self) -> bool:
        """Whether only favourites are wanted."""
        return self._only.isChecked()

    def choose_order(self, name: str) -> None:
        """Sort so, if there is such an order."""
        self._order.choose(name)

    def _make_search(self) -> SearchLine:
        search = SearchLine()
        search.setObjectName("presetSearch")
        search.setAccessibleName(tr("Search presets"))
        search.setPlaceholderText(tr("Search presets"))
        search.setToolTip(tr("Words of title, target, method, tags or notes, in any order"))
        search.setClearButtonEnabled(True)
        search.setAcceptDrops(False)  # a dropped file is opened, not typed
        search.textChanged.connect(self.searched)
        search.returnPressed.connect(lambda: self.list_wanted.emit(True))
        search.down_pressed.connect(lambda: self.list_wanted.emit(False))
        return search


def _button(name: str, text: str) -> QToolButton:
    button = QToolButton()
    button.setObjectName(name)
    button.setText(text)
    return button
