"""Imports without PySide's look at each of them."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from contextlib import contextmanager

UNLOOKED_AT = "__orig_import__"
"""Where PySide keeps the import function that its look goes before: Python's own, but for classes
of Qt, which it makes when they are first imported."""


@contextmanager
def plain_imports() -> Iterator[None]:
    """Keep PySide from looking at import statements while this lasts, in all threads.

    It takes every one of the process through a function in Python, in case it is
    `from __feature__ import ...`. The import of torch has so many of them that it takes a seventh
    longer with Qt than without. Nothing here uses PySide's features.
    """
    import PySide6.QtCore  # noqa: F401 - which brings its function

    looking, plain = builtins.__import__, getattr(builtins, UNLOOKED_AT, None)
    # None in another release, which does otherwise; or another thread is at it already, and will
    # put back what was there before.
    if plain is None or looking is plain:
        yield
        return
    builtins.__import__ = plain
    try:
        yield
    finally:
        builtins.__import__ = looking
