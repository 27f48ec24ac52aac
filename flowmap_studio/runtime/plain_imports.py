"""Imports that PySide does not look at."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from contextlib import contextmanager

PYTHONS_OWN = "__orig_import__"
"""Where PySide keeps it, beside the other built-ins."""


@contextmanager
def plain_imports() -> Iterator[None]:
    """Let import statements be Python's own while this lasts, in all threads.

    PySide takes every import statement of the process through a function in Python, in case it is
    `from __feature__ import ...`. The import of torch has so many of them that it takes a seventh
    longer with Qt than without. Nothing here uses PySide's features.
    """
    import PySide6.QtCore  # noqa: F401 - which brings its function

    looked_at, own = builtins.__import__, getattr(builtins, PYTHONS_OWN, None)
    if own is None:  # another release, which does otherwise
        yield
        return
    builtins.__import__ = own
    try:
        yield
    finally:
        builtins.__import__ = looked_at
