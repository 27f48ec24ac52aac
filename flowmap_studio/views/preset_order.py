"""The button that sorts the preset library."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton

from flowmap_studio.views.preset_model import ORDERS
from flowmap_studio.views.texts import tr


class OrderButton(QToolButton):
    """A menu of the orders, one of which is chosen."""

    chosen = Signal(str)  # a name of `ORDERS`

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("presetOrder")
        self.setText("⇅")
        self.setAccessibleName(tr("Order of the presets"))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setProperty("bareMenu", True)
        menu = QMenu(self)
        self._group = QActionGroup(self)
        for name in ORDERS:
            action = menu.addAction(tr(name))
            action.setData(name)
            action.setCheckable(True)
            self._group.addAction(action)
        self._group.actions()[0].setChecked(True)
        self._group.triggered.connect(lambda action: self._tell(action.data()))
        self.setMenu(menu)
        self._show()

    def choose(self, name: str) -> None:
        """Choose an order, if there is such a one, and tell it."""
        for action in self._group.actions():
            if action.data() == name:
                action.setChecked(True)
                self._tell(name)

    def _tell(self, name: str) -> None:
        self._show()
        self.chosen.emit(name)

    def _show(self) -> None:
        self.setToolTip(
            tr("How the presets are sorted; now: {name}", name=self._group.checkedAction().text())
        )
