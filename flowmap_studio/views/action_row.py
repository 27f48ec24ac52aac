"""One row of the table of actions."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QKeySequence


@dataclass(frozen=True)
class ActionRow:
    """One action.

    Attributes:
        name: Object name.
        menu: Menu that it stands in.
        text: What it says.
        keys: Shortcuts in Qt's portable form.
        tip: What it does.
        icon: Name of its icon, or "".
        checkable: Whether it switches something on and off; its owner keeps it true to that.
        part: Parts of a menu are kept apart by a line.
    """

    name: str
    menu: str
    text: str
    keys: tuple[str, ...] = ()
    tip: str = ""
    icon: str = ""
    checkable: bool = False
    part: int = 0

    def key_text(self) -> str:
        """The shortcuts as this system writes them, or ""."""
        native = QKeySequence.SequenceFormat.NativeText
        return ", ".join(QKeySequence(keys).toString(native) for keys in self.keys)
