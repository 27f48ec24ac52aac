"""Labels of figures that change many times a second."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel


def keep_size(label: QLabel, width: int) -> None:
    """Give a label of one line its size, whatever it will say.

    Where a label may grow, each new text lays the whole main window out anew, its docks and tool
    bars included: 1 to 1.5 ms a time.

    Args:
        label: In its final font.
        width: Logical pixels of its widest text, padding included.
    """
    label.ensurePolished()  # the style sheet's padding counts
    label.setFixedSize(width, label.sizeHint().height())
