"""Which lines of the preset reader an input reaches: what guides the fuzzing.

By the tracing of CPython itself, of the reader alone: no library is needed, and it costs little.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from flowmap_studio.core import config, setting
from flowmap_studio.core.presets import files

FOLDER = str(Path(files.__file__).parent)
READER = (FOLDER, config.__file__, setting.__file__)
LOOPS = ("_depth",)
"""Functions that look at every byte: traced, they would take most of the time."""

Line = tuple[CodeType, int, int]


class Coverage:
    """Pairs of lines that followed each other, of all inputs so far."""

    def __init__(self) -> None:
        self.seen: set[Line] = set()
        self._now: set[Line] = set()
        self._last = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note what is reached within it."""
        self._now = set()
        before = sys.gettrace()
        sys.settrace(self._call)
        try:
            yield
        finally:
            sys.settrace(before)

    def is_new(self) -> bool:
        """Whether the last input reached something new; counts as seen afterwards."""
        new = self._now - self.seen
        self.seen |= new
        return bool(new)

    def _call(self, frame: FrameType, event: str, argument: Any) -> Any:
        del event, argument
        code = frame.f_code
        if not code.co_filename.startswith(READER) or code.co_name in LOOPS:
            return None
        self._last = 0
        return self._line

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        del argument
        if event == "line":
            self._now.add((frame.f_code, self._last, frame.f_lineno))
            self._last = frame.f_lineno
        return self._line
