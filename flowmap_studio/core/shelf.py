"""What is done with preset files in the user's own folder: name, copy, take away, put back."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flowmap_studio.core.errors import PresetError, StudioError
from flowmap_studio.core.files import reason, write_whole
from flowmap_studio.core.presets import clean_text, read_preset, write_preset

SUFFIX = ".flowmap"
NAME_LIMIT = 80
"""Characters of a file's name that are taken from a title."""
KEPT = 20
"""Deleted presets that can still be had back; older ones are gone."""
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
"""What no system, or some system, does not allow in a file's name."""


@dataclass(frozen=True)
class Deleted:
    """A preset that was taken away.

    Attributes:
        path: Where it lay.
        kept: Where it lies now.
    """

    path: Path
    kept: Path


class Shelf:
    """The user's own presets.

    Args:
        folder: Where they lie; made when it is first needed.
        bin_folder: Where deleted ones wait, on the same disk.
    """

    def __init__(self, folder: Path, bin_folder: Path) -> None:
        self.folder = folder
        self._bin = bin_folder

    def describe(self, path: Path, title: str, tags: Sequence[str], notes: str) -> None:
        """Change the words of a preset.

        Raises:
            PresetError: It is not sound, or could not be saved.
        """
        preset = read_preset(path)
        write_preset(path, replace(preset, title=title, tags=tuple(tags), notes=notes))

    def rename(self, path: Path, name: str) -> Path:
        """Give a preset another title and its file the name that goes with it.

        Returns:
            Where it lies now.

        Raises:
            StudioError: The name is empty or taken, or the system refused.
        """
        stem = file_stem(name)
        place = path.with_name(f"{stem}{SUFFIX}")
        if place != path and place.exists() and not place.samefile(path):
            raise StudioError(f"There is already a preset {place.name}; choose another name.")
        preset = read_preset(path)
        write_preset(path, replace(preset, title=name.strip()))
        return _moved(path, place)

    def duplicate(self, path: Path) -> Path:
        """A copy in the user's own folder, whose title says so.

        Raises:
            StudioError: It is not sound, or could not be written.
        """
        preset = read_preset(path)
        title = f"{preset.title or path.stem} (copy)"
        place = self._free(path.stem)
        write_preset(place, replace(preset, title=title))
        return place

    def take_in(self, path: Path) -> Path:
        """A copy of somebody's preset in the user's own folder; one that lies there stays.

        Raises:
            StudioError: It is not sound, or could not be written.
        """
        preset = read_preset(path)
        if path.resolve().parent == self.folder.resolve():
            return path
        place = self._free(file_stem(path.stem))
        write_preset(place, preset)
        return place

    def give_out(self, path: Path, place: Path) -> None:
        """A copy elsewhere, byte by byte.

        Raises:
            StudioError: It could not be read or written.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise PresetError(f"Could not read {path.name}: {reason(error)}.") from error
        write_whole(place, content)

    def delete(self, path: Path) -> Deleted:
        """Take a preset away; `put_back` has it back as long as it is one of the newest `KEPT`.

        Raises:
            StudioError: The system refused.
        """
        _make(self._bin)
        newest = max((_number(p) for p in self._bin.glob(f"*{SUFFIX}")), default=0) + 1
        kept = self._bin / f"{newest}-{path.name}"
        _moved(path, kept)
        self._empty(newest)
        return Deleted(path, kept)

    def put_back(self, deleted: Deleted) -> Path:
        """Put a deleted preset where it was, or beside what lies there now.

        Raises:
            StudioError: It is gone, or the system refused.
        """
        place = deleted.path
        if place.exists():
            place = self._free(place.stem)
        return _moved(deleted.kept, place)

    def _empty(self, newest: int) -> None:
        for old in self._bin.glob(f"*{SUFFIX}"):
            if _number(old) <= newest - KEPT:
                with contextlib.suppress(OSError):  # the next deletion tries again
                    old.unlink()

    def _free(self, stem: str) -> Path:
        _make(self.folder)
        place, number = self.folder / f"{stem}{SUFFIX}", 2
        while place.exists():
            place, number = self.folder / f"{stem}-{number}{SUFFIX}", number + 1
        return place


def file_stem(name: str) -> str:
    """A file's name, without ending, for a title.

    Raises:
        StudioError: Nothing of it can be in a file's name.
    """
    stem = FORBIDDEN.sub(" ", clean_text(name).replace("\n", " "))
    stem = " ".join(stem.split())[:NAME_LIMIT].strip(" .")
    if not stem:
        raise StudioError("A preset needs a name; type at least one letter or digit.")
    return stem


def _number(path: Path) -> int:
    head = path.name.split("-")[0]
    return int(head) if head.isascii() and head.isdecimal() else 0


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudioError(f"Could not make the folder {folder.name}: {reason(error)}.") from error


def _moved(path: Path, place: Path) -> Path:
    if path == place:
        return place
    try:
        shutil.move(path, place)
    except OSError as error:
        raise StudioError(f"Could not move {path.name}: {reason(error)}.") from error
    return place
