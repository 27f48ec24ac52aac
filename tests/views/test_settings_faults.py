"""Damaged or unwritable settings and folders never keep the window from opening."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from platformdirs import user_config_path, user_data_path
from PySide6.QtCore import QByteArray, QSettings
from PySide6.QtGui import QGuiApplication

from flowmap_studio.resources import asset
from flowmap_studio.views import theme

pytestmark = pytest.mark.qt_log_ignore(
    "This plugin does not support ",
    "QVariant::load: ",  # Qt on the damaged value; the window passes it over
)

APP = "flowmap-studio"
TORN = (
    b"",
    b"\0\xff\xfe" * 500,
    b"[General]\ngeometry=@ByteArray(\nstate=@Invalid()\n",
    b"[General]\ngeometry=@Variant(\\0\\0\\0\\x7f)\nstate=7\nfolder=@ByteArray(\\xff)\n",
    b"[General" * 10_000,
)


def settings_file() -> Path:
    path = user_config_path(APP, appauthor=False) / "window.ini"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def works(studio: Any) -> None:
    studio.settled()
    studio.configure(steps=20)
    studio.train_to_the_end()
    assert studio.window.close()


@pytest.mark.parametrize("content", TORN, ids=range(len(TORN)))
def test_a_damaged_file_counts_as_empty(
    open_studio: Callable[..., Any], small_preset: Path, content: bytes
) -> None:
    settings_file().write_bytes(content)
    studio = open_studio(small_preset)
    studio.settled()
    assert studio.message() == ""
    assert studio.window.width() >= studio.window.minimumWidth()
    assert studio.window.close()


def test_a_layout_of_nonsense_is_passed_over(
    open_studio: Callable[..., Any], small_preset: Path
) -> None:
    store = QSettings(str(settings_file()), QSettings.Format.IniFormat)
    store.setValue("geometry", QByteArray(b"\x01\xd9\xd0\xcb" + b"\xff" * 60))
    store.setValue("state", QByteArray(b"\0\0\0\xff" + b"\xfe" * 200))
    store.sync()
    studio = open_studio(small_preset)
    studio.settled()
    assert 0 < studio.window.width() < 20_000
    assert studio.window.close()


def test_a_window_of_a_screen_that_is_gone_comes_back_into_sight(
    open_studio: Callable[..., Any], small_preset: Path
) -> None:
    studio = open_studio(small_preset)
    studio.window.move(9_000, 5_000)  # on a screen that is there no more at the next start
    assert studio.window.close()
    again = open_studio(small_preset)
    frame = again.window.frameGeometry()
    screens = [screen.availableGeometry() for screen in QGuiApplication.screens()]
    seen = [frame.intersected(screen) for screen in screens]
    assert max(part.width() * part.height() for part in seen) > 200 * 200
    assert again.window.close()


def test_without_the_shipped_fonts_the_systems_serve(
    open_studio: Callable[..., Any], small_preset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*parts: str) -> Path:
        if "fonts" in parts:
            raise FileNotFoundError(parts)
        return asset(*parts)

    monkeypatch.setattr(theme, "asset", gone)
    monkeypatch.setattr(theme.QFontDatabase, "families", list)
    theme.load_fonts()
    works(open_studio(small_preset))


@pytest.mark.parametrize("place", ["settings", "data"])
def test_folders_that_cannot_be_made(
    open_studio: Callable[..., Any], small_preset: Path, place: str
) -> None:
    """A file stands where the folder should: as good as a disk that can't be written to."""
    find = user_config_path if place == "settings" else user_data_path
    folder = find(APP, appauthor=False)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("in the way")
    works(open_studio(small_preset))
    assert folder.read_text() == "in the way"


def test_a_settings_file_that_is_a_folder(
    open_studio: Callable[..., Any], small_preset: Path
) -> None:
    settings_file().mkdir()
    works(open_studio(small_preset))
