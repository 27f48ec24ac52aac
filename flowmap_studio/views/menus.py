"""The menu bar, made from the table of actions and the docks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDockWidget, QMainWindow, QMenu

from flowmap_studio.views.actions import ACTIONS, MENUS
from flowmap_studio.views.texts import tr


def make_menus(
    window: QMainWindow, actions: Mapping[str, QAction], docks: Iterable[QDockWidget]
) -> dict[str, QMenu]:
    """Fill the window's menu bar.

    Args:
        window: Whose menu bar it is.
        actions: By name, see `make_actions`.
        docks: Each gets an entry in View, so that a closed one can be had back.

    Returns:
        The menus by their names.
    """
    bar = window.menuBar()
    bar.setObjectName("menuBar")
    made = {}
    for name in MENUS:
        # In English each menu opens by its first letter; a translation has another one marked.
        menu = bar.addMenu(tr(f"&{name}"))
        menu.setObjectName(f"{name.lower()}Menu")
        menu.setToolTipsVisible(True)
        part = 0
        for row in (row for row in ACTIONS if row.menu == name):
            if row.part != part:
                menu.addSeparator()
                part = row.part
            menu.addAction(actions[row.name])
        made[name] = menu
    _add_docks(made["View"], docks)
    return made


def _add_docks(menu: QMenu, docks: Iterable[QDockWidget]) -> None:
    menu.addSeparator()
    for dock in docks:
        toggle = dock.toggleViewAction()
        toggle.setObjectName(f"{dock.objectName()}Action")
        toggle.setToolTip(tr("Show or hide the panel {title}", title=dock.windowTitle()))
        menu.addAction(toggle)
