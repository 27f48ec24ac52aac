"""Listing preset files for the library: headers only, torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PresetEntry:
    """One line of the preset library.

    Attributes:
        path: Where the file lies.
        title: Title to show, plain text.
        subtitle: Target, method, coupling and training step in one short line.
        thumbnail: PNG bytes, or None where the file holds none that is usable.
        shipped: Whether it came with the program (and so cannot be renamed or deleted).
        tags: Short words.
        notes: Free text.
        modified: When the file was last changed, in nanoseconds since 1970.
        score: One-step sliced W2 in units of the data's spread; None where none was measured.
        unread: Whether the file holds a picture that was not read along with its head.
    """

    path: Path
    title: str
    subtitle: str
    thumbnail: bytes | None
    shipped: bool
    tags: tuple[str, ...] = ()
    notes: str = ""
    modified: int = 0
    score: float | None = None
    unread: bool = False
