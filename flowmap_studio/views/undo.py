"""Undo and redo of settings."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QUndoCommand

from flowmap_studio.core.config import RunConfig


class ConfigChange(QUndoCommand):
    """From one config to another and back.

    Attributes:
        new: The config after the change.

    Args:
        old: Before.
        new: After.
        put: Makes a config the present one.
    """

    def __init__(self, old: RunConfig, new: RunConfig, put: Callable[[RunConfig], None]) -> None:
        changed = [k for k, v in new.as_dict().items() if old.as_dict()[k] != v]
        super().__init__(", ".join(changed))
        self.new = new
        self._old, self._put = old, put

    def undo(self) -> None:  # noqa: D102 - Qt's
        self._put(self._old)

    def redo(self) -> None:  # noqa: D102 - Qt's
        self._put(self.new)
