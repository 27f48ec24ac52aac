"""Symmetries of a drawing: every stroke is repeated mirrored or turned about the middle."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtGui import QTransform

SYMMETRIES: Mapping[str, tuple[int, bool, bool]] = {
    "No symmetry": (1, False, False),
    "Left and right": (1, True, False),
    "Top and bottom": (1, False, True),
    "Four quarters": (1, True, True),
    "3 turns": (3, False, False),
    "6 turns": (6, False, False),
    "6 mirrored turns": (6, True, False),
}
"""Turns by equal angles, and whether the left and the upper half are mirrored too."""


def copies(name: str, side: float) -> list[QTransform]:
    """The transforms of a square's points that a stroke is repeated by, the stroke itself first.

    Args:
        name: Of one of `SYMMETRIES`.
        side: Of the square.
    """
    turns, across, down = SYMMETRIES[name]
    flips = [(1, 1), *([(-1, 1)] if across else []), *([(1, -1)] if down else [])]
    if across and down:
        flips.append((-1, -1))
    made = []
    for turn in range(turns):
        for x, y in flips:
            transform = QTransform().translate(side / 2, side / 2).rotate(360 * turn / turns)
            made.append(transform.scale(x, y).translate(-side / 2, -side / 2))
    return made
