"""A heading that opens and closes what lies below it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton, QWidget

from flowmap_studio.views.texts import tr


class Disclosure(QToolButton):
    """A text with a little arrow; checked while its content is open.

    Args:
        text: The heading.
        content: What it shows and hides.
        opened: Whether it starts open.
        quiet: A smaller heading inside a group.
    """

    def __init__(self, text: str, content: QWidget, *, opened: bool, quiet: bool = False) -> None:
        super().__init__()
        self._content = content
        self.setText(text)
        self.setToolTip(
            tr(
                "Show or hide more settings" if quiet else "Show or hide the {group} settings",
                group=text,
            )
        )
        self.setCheckable(True)
        self.setChecked(opened)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setProperty("quiet", quiet)
        self.toggled.connect(self._show)
        self._show(opened)

    def _show(self, opened: bool) -> None:
        self._content.setVisible(opened)
        self.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)
