"""What the window remembers between sessions: its layout and the last folder."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path, user_config_path, user_data_path
from PySide6.QtCore import QByteArray, QSettings

APP = "flowmap-studio"


def presets_folder() -> Path:
    """Where the user's own presets lie; made on the first save."""
    return user_data_path(APP, appauthor=False) / "presets"


def deleted_folder() -> Path:
    """Where deleted presets wait for a while to be had back; made by the first of them."""
    return user_data_path(APP, appauthor=False) / "deleted"


def drawings_folder() -> Path:
    """Where targets and sources lie that were drawn by hand; made by the first of them."""
    return user_data_path(APP, appauthor=False) / "drawings"


def recovery_folder() -> Path:
    """Where copies of runs lie that go on, or that a crash cut off; made by the first of them."""
    return user_data_path(APP, appauthor=False) / "recovery"


def heads_file() -> Path:
    """Where the library's list is kept, so that the next start need not read every preset."""
    return user_cache_path(APP, appauthor=False) / "presets.json"


class Settings:
    """A small file in the user's configuration folder; damaged, it counts as empty."""

    def __init__(self) -> None:
        path = user_config_path(APP, appauthor=False) / "window.ini"
        self._store = QSettings(str(path), QSettings.Format.IniFormat)

    def bytes(self, key: str) -> QByteArray | None:
        """Remembered bytes, or None."""
        value = self._store.value(key)
        return value if isinstance(value, QByteArray) else None

    def text(self, key: str) -> str:
        """A remembered text, or ""."""
        value = self._store.value(key)
        return value if isinstance(value, str) else ""

    def remember(self, key: str, value: QByteArray | str) -> None:
        """Keep a value."""
        self._store.setValue(key, value)

    def write(self) -> None:
        """Put everything on disk; a folder that can't be written to is passed over."""
        self._store.sync()
