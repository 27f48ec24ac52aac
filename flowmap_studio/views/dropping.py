"""What a drag or drop carries."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from PySide6.QtGui import QDropEvent


def dropped_presets(event: QDropEvent) -> list[Path]:
    """The `.flowmap` files that a drag or drop carries."""
    return dropped_files(event, (".flowmap",))


def dropped_files(event: QDropEvent, endings: Collection[str]) -> list[Path]:
    """The files that a drag or drop carries whose names end so."""
    return [path for path in _dropped_paths(event) if path.suffix.lower() in endings]


def dropped_folders(event: QDropEvent) -> list[Path]:
    """The folders that a drag or drop carries."""
    return [path for path in _dropped_paths(event) if path.is_dir()]


def _dropped_paths(event: QDropEvent) -> list[Path]:
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
