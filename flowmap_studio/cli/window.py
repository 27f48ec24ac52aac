"""The window, the only place of the command line that leads to Qt."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path

from flowmap_studio.core.errors import StudioError

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
WRONG = 2
"""Exit status of wrong usage or input, or without a display; the others are in `program`."""


def show(arguments: list[str] | None = None) -> int:
    """The window alone, which tells of a refused file itself.

    Args:
        arguments: At most a file; those of the process when None.

    Returns:
        The exit status.
    """
    try:
        check_display()
    except StudioError as error:
        from flowmap_studio.cli import console

        console.error(str(error))
        return WRONG
    return load_window()(arguments)


def open_window(file: Path | None) -> int:
    """Open the window and stay until it is closed.

    Args:
        file: What to show first.

    Returns:
        The exit status.

    Raises:
        StudioError: The file is no sound preset, or there is no display.
    """
    if file is not None:
        from flowmap_studio.cli.files import open_preset

        open_preset(file)  # a sentence on the terminal is better than an empty window
    check_display()
    return load_window()([str(file)] if file is not None else [])


def load_window() -> Callable[[list[str] | None], int]:
    """Import the window as quickly as it goes; returns `flowmap_studio.app.main`.

    Importing makes some 200,000 objects, which stay. To look for garbage among them took a twelfth
    of the time until the window is painted; it begins with the window (`app.create_window`).
    """
    gc.disable()
    from flowmap_studio.runtime.plain_imports import plain_imports

    with plain_imports():
        from flowmap_studio.app import main
    return main


def check_display() -> None:
    """Raises: StudioError: There is no display to open a window on."""
    if sys.platform == "linux" and not any(os.environ.get(name) for name in DISPLAYS):
        raise StudioError(
            "There is no display to open the window on; the commands of "
            "flowmap-studio --help work without one."
        )
