"""The window, the only place of the command line that leads to Qt."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from flowmap_studio.cli.files import FILE, open_preset
from flowmap_studio.core.errors import StudioError

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


@click.command(hidden=True)
@click.argument("file", metavar="FILE.flowmap", type=FILE)
def window(file: Path) -> int:
    """Open the window on a preset."""
    return open_window(file)


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
        open_preset(file)  # a sentence on the terminal is better than an empty window
    if sys.platform == "linux" and not any(os.environ.get(name) for name in DISPLAYS):
        raise StudioError(
            "There is no display to open the window on; the commands of "
            "flowmap-studio --help work without one."
        )
    from flowmap_studio.app import main

    return main([str(file)] if file is not None else [])
