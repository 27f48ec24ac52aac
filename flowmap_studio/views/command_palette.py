"""The command palette: every action by typing a part of its name."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QLabel,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from flowmap_studio.views.texts import tr

ACTION_ROLE = int(Qt.ItemDataRole.UserRole) + 1
WIDTH, HEIGHT = 460, 380
MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class CommandPalette(QDialog):
    """A search line over a list; Enter or a click does what is marked and closes the palette.

    Args:
        actions: In the order of the list, each with the name of its menu; those that can't be
            used now stay out.
        parent: The window; the palette hangs from its upper edge.
    """

    def __init__(self, actions: Sequence[tuple[str, QAction]], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("commandPalette")
        self.setWindowTitle(tr("Find an action"))
        self._search = QLineEdit()
        self._search.setObjectName("commandSearch")
        self._search.setAccessibleName(tr("Find an action"))
        self._search.setPlaceholderText(tr("What do you want to do?"))
        self._search.setClearButtonEnabled(True)
        self._search.textChanged.connect(self._filter)
        self._search.returnPressed.connect(self._do_marked)
        self._search.installEventFilter(self)
        self._list = self._build_list(actions)
        self._empty = QLabel(tr("No action has these words in its name."))
        self._empty.setObjectName("commandsEmpty")
        self._empty.setProperty("muted", True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        box = QVBoxLayout(self)
        box.setContentsMargins(10, 10, 10, 10)
        box.addWidget(self._search)
        box.addWidget(self._list, 1)
        box.addWidget(self._empty, 1)
        self.resize(WIDTH, HEIGHT)
        top = parent.mapToGlobal(parent.rect().topLeft())
        self.move(top.x() + (parent.width() - WIDTH) // 2, top.y() + 72)
        self._filter("")

    def _build_list(self, actions: Sequence[tuple[str, QAction]]) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setObjectName("commandList")
        tree.setAccessibleName(tr("Actions"))
        tree.setHeaderHidden(True)
        tree.setRootIsDecorated(False)
        tree.setUniformRowHeights(True)
        tree.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the arrow keys work from the search line
        tree.setColumnCount(2)
        tree.header().setStretchLastSection(False)
        tree.header().setSectionResizeMode(0, tree.header().ResizeMode.Stretch)
        tree.header().setSectionResizeMode(1, tree.header().ResizeMode.ResizeToContents)
        tree.itemClicked.connect(self._do)
        for menu, action in actions:
            if not action.isEnabled():
                continue
            name = f"{tr(menu)}: {action.text().replace('&', '').rstrip('…')}"
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            row = QTreeWidgetItem(tree, [name, keys])
            row.setToolTip(0, action.toolTip())
            row.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            row.setData(0, ACTION_ROLE, action)
        return tree

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102 - Qt's
        if watched is self._search and isinstance(event, QKeyEvent) and event.key() in MOVES:
            if event.type() == QEvent.Type.KeyPress:
                self._list.keyPressEvent(event)
            return True
        return super().eventFilter(watched, event)

    def _rows(self) -> list[QTreeWidgetItem]:
        return [self._list.topLevelItem(at) for at in range(self._list.topLevelItemCount())]

    def _filter(self, text: str) -> None:
        words = text.casefold().split()
        first = None
        for row in self._rows():
            action = row.data(0, ACTION_ROLE)
            named = f"{row.text(0)} {action.toolTip()}".casefold()
            row.setHidden(not all(word in named for word in words))
            first = first or (None if row.isHidden() else row)
        self._list.setCurrentItem(first)
        self._list.setVisible(first is not None)
        self._empty.setVisible(first is None)

    def _do_marked(self) -> None:
        row = self._list.currentItem()
        if row is not None and not row.isHidden():
            self._do(row)

    def _do(self, row: QTreeWidgetItem, column: int = 0) -> None:
        del column
        self.accept()  # first, so that what the action opens comes on top
        row.data(0, ACTION_ROLE).trigger()
