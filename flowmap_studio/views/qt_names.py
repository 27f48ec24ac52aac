"""pyqtgraph without its copy of Qt: nearly half of the time that its import takes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from types import ModuleType

from PySide6 import QtCore, QtGui, QtWidgets

COPIED = (QtCore, QtGui, QtWidgets)
LISTING = "__dir__"


def import_pyqtgraph() -> None:
    """Import pyqtgraph so that it looks a name of Qt up when it is used.

    It copies all names of three of Qt's modules into its own. PySide makes a class when it is first
    looked at, and would so make hundreds that nobody uses: 180 of the 450 ms of the whole import.
    Nothing else changes: the names are the same ones, found later.
    """
    if "pyqtgraph" in sys.modules:
        return
    with ExitStack() as as_before:
        for module in COPIED:
            listing = vars(module).get(LISTING)
            as_before.callback(_list_by, module, listing)
            _list_by(module, partial(_lend, module, listing))
        import pyqtgraph  # noqa: F401 - from here on it is there


def _list_by(module: ModuleType, listing: Callable[[], list[str]] | None) -> None:
    if listing is None:
        delattr(module, LISTING)
    else:
        setattr(module, LISTING, listing)


def _lend(module: ModuleType, listing: Callable[[], list[str]] | None) -> list[str]:
    """Called by pyqtgraph for the names to copy: its mirror then finds them by itself (PEP 562)."""
    mirror = sys.modules.get(f"pyqtgraph.Qt.{module.__name__.rpartition('.')[2]}")
    if mirror is None:  # another release, built otherwise: let it copy
        return list(vars(module)) if listing is None else listing()

    def look_up(name: str) -> object:
        found = getattr(module, name)
        setattr(mirror, name, found)
        return found

    setattr(mirror, "__getattr__", look_up)  # noqa: B010 - a module's, unknown to mypy
    return []
