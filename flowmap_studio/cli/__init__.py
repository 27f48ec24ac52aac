"""The command line: one file per command. Whatever computes is imported when a command runs."""

from flowmap_studio.cli.program import main

__all__ = ["main"]
