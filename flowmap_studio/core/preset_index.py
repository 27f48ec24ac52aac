"""The library's lines of whole folders: each file is opened once for as long as it is unchanged."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from flowmap_studio.core.errors import PresetError
from flowmap_studio.core.library import PresetEntry
from flowmap_studio.core.presets import read_entry

SUFFIX = ".flowmap"
FIRST_BATCH = 64
"""Lines after which a listing is told for the first time; every further one is twice as long."""

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds."""


class PresetIndex:
    """Heads of preset files by path; use it from one thread."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Stamp, PresetEntry | None]] = {}

    def listing(
        self, folders: Sequence[tuple[Path, bool]]
    ) -> Iterator[tuple[list[PresetEntry], bool] | None]:
        """List folders file by file, so that the caller may do other things in between.

        Args:
            folders: Each with whether its presets came with the program. One that can't be read
                is empty.

        Yields:
            None after every file; now and then the entries so far and whether they are all, sorted
            by folder and file name.
        """
        files = [(file, shipped) for folder, shipped in folders for file in _files(folder)]
        entries: list[PresetEntry] = []
        due = FIRST_BATCH
        for (path, stamp), shipped in files:
            if (entry := self._entry(path, stamp, shipped)) is not None:
                entries.append(entry)
            if len(entries) >= due:
                yield list(entries), False
                due *= 2
            yield None
        seen = {path for (path, _), _ in files}
        self._known = {path: known for path, known in self._known.items() if path in seen}
        yield entries, True

    def _entry(self, path: Path, stamp: Stamp, shipped: bool) -> PresetEntry | None:
        known = self._known.get(path)
        if known is not None and known[0] == stamp:
            entry = known[1]
            return entry and replace(entry, shipped=shipped)
        try:
            found = read_entry(path, shipped=shipped, picture=False)
        except (PresetError, OSError):
            found = None  # opening it by hand says what is wrong with it
        self._known[path] = stamp, found
        return found


def _files(folder: Path) -> list[tuple[Path, Stamp]]:
    """The preset files of a folder by name; their content is not looked at."""
    try:
        with os.scandir(folder) as items:
            found = [(Path(i.path), _stamp(i)) for i in items if i.name.endswith(SUFFIX)]
    except OSError:
        return []
    return sorted(found, key=lambda file: file[0].stem)  # a copy, name-2, comes after its name


def _stamp(item: os.DirEntry[str]) -> Stamp:
    try:
        status = item.stat()
    except OSError:  # such as a link to nowhere
        return 0, 0
    return status.st_size, status.st_mtime_ns
