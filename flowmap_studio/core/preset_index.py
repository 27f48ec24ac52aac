"""The library's lines of whole folders: each file is opened once for as long as it is unchanged.

What was read is kept in a file between the starts of the program.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from flowmap_studio.core.errors import PresetError, StudioError
from flowmap_studio.core.files import write_whole
from flowmap_studio.core.library import PresetEntry
from flowmap_studio.core.presets import read_entry

SUFFIX = ".flowmap"
FIRST_BATCH = 64
"""Lines after which a listing is told for the first time; every further one is twice as long."""

KEPT_VERSION = 1
"""Of the file; one of another version is read anew from the presets."""
MOST_KEPT_BYTES = 64 * 1024 * 1024
"""A larger file of heads is not ours."""

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds."""


class PresetIndex:
    """Heads of preset files by path; use it from one thread.

    Args:
        kept: The file that heads are kept in between two starts; none when None. A damaged one
            counts as empty, and one that can't be written is passed over.
    """

    def __init__(self, kept: Path | None = None) -> None:
        self._kept = kept
        self._known: dict[Path, tuple[Stamp, PresetEntry | None]] | None = None
        self._changed = False

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
        if self._known is None:
            self._known = {} if self._kept is None else _kept_heads(self._kept)
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
        self._changed |= not seen >= self._known.keys()
        self._known = {path: known for path, known in self._known.items() if path in seen}
        yield entries, True
        self._keep()

    def _entry(self, path: Path, stamp: Stamp, shipped: bool) -> PresetEntry | None:
        assert self._known is not None  # noqa: S101 - `listing` began with it
        known = self._known.get(path)
        if known is not None and known[0] == stamp:
            entry = known[1]
            return entry and replace(entry, shipped=shipped)
        try:
            found = read_entry(path, shipped=shipped, picture=False)
        except (PresetError, OSError):
            found = None  # opening it by hand says what is wrong with it
        self._known[path] = stamp, found
        self._changed = True
        return found

    def _keep(self) -> None:
        if self._kept is None or not self._changed or self._known is None:
            return
        self._changed = False
        heads = [
            [str(path), *stamp, None if entry is None else _as_plain(entry)]
            for path, (stamp, entry) in self._known.items()
        ]
        content = json.dumps({"version": KEPT_VERSION, "heads": heads}).encode()
        with contextlib.suppress(OSError, StudioError):  # the presets are read again, that is all
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._kept, content)


def _as_plain(entry: PresetEntry) -> dict[str, Any]:
    """An entry without its path and picture, ready for JSON."""
    plain = asdict(replace(entry, thumbnail=None))
    del plain["path"], plain["thumbnail"]
    return plain


def _kept_heads(kept: Path) -> dict[Path, tuple[Stamp, PresetEntry | None]]:
    """What such a file holds; nothing where it can't be understood."""
    try:
        if kept.stat().st_size > MOST_KEPT_BYTES:
            return {}
        found = json.loads(kept.read_bytes())
        if found["version"] != KEPT_VERSION:
            return {}
        return {
            Path(path): ((int(size), int(changed)), _entry_of(Path(path), plain))
            for path, size, changed, plain in found["heads"]
        }
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return {}


def _entry_of(path: Path, plain: dict[str, Any] | None) -> PresetEntry | None:
    """The entry of JSON's values; None stays None, a file that is no preset.

    Raises:
        KeyError: A value is missing.
        OverflowError, TypeError, ValueError: One is of another kind.
    """
    if plain is None:
        return None
    texts = {name: plain[name] for name in ("title", "subtitle", "notes")}
    tags, score = plain["tags"], plain["score"]
    words = [*texts.values(), *tags]
    if not isinstance(tags, list) or not all(isinstance(word, str) for word in words):
        raise TypeError
    return PresetEntry(
        path=path,
        thumbnail=None,
        shipped=bool(plain["shipped"]),
        tags=tuple(tags),
        modified=int(plain["modified"]),
        score=None if score is None else float(score),
        unread=bool(plain["unread"]),
        **texts,
    )


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
