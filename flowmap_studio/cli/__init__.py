"""The command line: one file per command. Whatever computes is imported when a command runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; without arguments the window opens, and nothing is read.

    Args:
        argv: Arguments after the program's name; those of the process when None.

    Returns:
        The exit status, see `program.main`.
    """
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments:
        from flowmap_studio.cli.window import show

        return show([])
    from flowmap_studio.cli.program import main as read_and_run

    return read_and_run(arguments)
