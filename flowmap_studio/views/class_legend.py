"""The stage's legend of classes, for conditional maps."""

from __future__ import annotations

import html
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel, QWidget

from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette

MOST_NAMES = 10
"""Further classes are counted, or the legend would cover the clouds."""
LONGEST = 18
"""Letters of a name."""


class ClassLegend(QLabel):
    """A colour and a name for each class; hidden where there are none.

    Attributes:
        names: Of the classes.
    """

    def __init__(self, palette: Palette, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("classLegend")
        self.setAccessibleName(tr("Classes"))
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._palette = palette
        self.names: tuple[str, ...] = ()
        self.hide()

    def set_names(self, names: Sequence[str]) -> None:
        """Show these classes, in their order."""
        if list(names) == list(self.names):
            return
        self.names = tuple(names)
        self._write()

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._palette = palette
        back = QColor(palette.panel)
        self.setStyleSheet(
            f"color: {palette.text}; background: rgba({back.red()}, {back.green()}, {back.blue()},"
            f" 0.86); border: 1px solid {palette.border}; border-radius: 8px; padding: 4px 8px;"
        )
        self._write()

    def _write(self) -> None:
        shown = self.names[:MOST_NAMES]
        lines = [
            f"<span style='color:{self._palette.class_colour(number)}'>●</span>&nbsp; "
            f"{html.escape(name if len(name) <= LONGEST else name[: LONGEST - 1] + '…')}"
            for number, name in enumerate(shown)
        ]
        if more := len(self.names) - len(shown):
            lines.append(tr("and {more:,} more", more=more))
        self.setText("<br>".join(lines))
        self.setVisible(bool(self.names))
        self.adjustSize()
