"""Reading and writing `.flowmap` files: whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from flowmap_studio.core.errors import PresetError
from flowmap_studio.core.files import reason, replace_atomically, sync_folder
from flowmap_studio.core.library import PresetEntry
from flowmap_studio.core.presets.codec import decode, encode
from flowmap_studio.core.presets.header import HEADER_LIMIT, Header, parse_header
from flowmap_studio.core.presets.metadata import check_metadata
from flowmap_studio.core.presets.preset import TAG_LIMIT, Preset, clean_text, describe
from flowmap_studio.core.presets.tensors import usable_thumbnail

SUFFIX = ".flowmap"
FILE_LIMIT = 256 * 1024 * 1024
TOO_LARGE = "it is larger than 256 MiB"


def read_preset(path: Path) -> Preset:
    """The preset of a file.

    Raises:
        PresetError: The file can't be read or is not a sound preset; one sentence with its name.
    """
    with _explained("open", path):
        return decode(_read_whole(path))


def write_preset(path: Path, preset: Preset, *, private: bool = True) -> None:
    """Save a preset whole or not at all.

    An older file of that name stays until the new one is safe.

    Args:
        path: Where.
        preset: What.
        private: Whether to leave out the folders of the user's own files, as in all that may be
            given to others.

    Raises:
        PresetError: It could not be saved; one sentence with the file's name and the reason.
    """
    with _explained("save", path):
        target = path.resolve()  # a symbolic link stays a link, to the new content
        if target.exists() and not target.is_file():
            raise PresetError("it is not a regular file")
        content = encode(preset, private=private)
        if len(content) > FILE_LIMIT:
            raise PresetError(TOO_LARGE)
        decode(content)  # what couldn't be opened again is refused now, not then
        replace_atomically(target, content)
    try:
        sync_folder(target.parent)
    except OSError as error:
        raise PresetError(
            f"{clean_text(path.name)} is saved, but the disk reported an error while its folder "
            "was written: it may be lost in a power cut."
        ) from error


def list_presets(folder: Path, *, shipped: bool) -> list[PresetEntry]:
    """Entries of all sound preset files of a folder, by file name; only their heads are read."""
    entries = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            entries.append(read_entry(path, shipped=shipped))
        except (PresetError, OSError):
            continue  # opening it by hand says what is wrong with it
    return entries


@contextmanager
def _explained(doing: str, path: Path) -> Iterator[None]:
    """Turn every failure into one sentence that names the file."""
    name = clean_text(path.name) or "the file"
    ending = " Your current map is unchanged." if doing == "open" else " Nothing was changed."
    try:
        yield
    except PresetError as error:
        raise PresetError(f"Could not {doing} {name}: {error}.{ending}") from error
    except OSError as error:
        raise PresetError(f"Could not {doing} {name}: {reason(error)}.{ending}") from error
    except (ValueError, RuntimeError) as error:  # a NUL in the path, a link to itself
        raise PresetError(f"Could not {doing} {name}: its name is not allowed.{ending}") from error


@contextmanager
def _opened(path: Path) -> Iterator[tuple[int, int]]:
    """Descriptor and size of a regular file; pipes and devices are refused without blocking."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PresetError("it is not a regular file")
        if status.st_size > FILE_LIMIT:
            raise PresetError(TOO_LARGE)
        yield descriptor, status.st_size
    finally:
        os.close(descriptor)


def _read_whole(path: Path) -> bytes:
    # Read once into memory: a mapped file that shrinks later would kill the process.
    with _opened(path) as (descriptor, size):
        return _read_exactly(descriptor, size)


def _read_exactly(descriptor: int, size: int) -> bytes:
    parts, left = [], size
    while left and (part := os.read(descriptor, left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def read_entry(path: Path, *, shipped: bool, picture: bool = True) -> PresetEntry:
    """The library's line of one file; only its head is read, and its picture if wanted.

    Args:
        path: Of a preset.
        shipped: Whether it came with the program.
        picture: Whether to read the picture too; otherwise `read_picture` does it later.

    Raises:
        PresetError: It is no sound preset.
        OSError: It can't be read.
    """
    with _opened(path) as (descriptor, size):
        header = _read_header(descriptor, size)
        config = check_metadata(header.metadata)
        png = _read_thumbnail(descriptor, header) if picture else None
        modified = os.fstat(descriptor).st_mtime_ns
    words = header.metadata
    score = words["metrics"].get("sliced_w2_1")
    return PresetEntry(
        path=path,
        title=clean_text(words["title"]).split("\n")[0],
        subtitle=clean_text(describe(config, words["step"])),
        thumbnail=png,
        shipped=shipped,
        tags=tuple(clean_text(tag) for tag in words["tags"][:TAG_LIMIT]),
        notes=clean_text(words["notes"]),
        modified=modified,
        score=None if score is None else float(score),
        unread=not picture and "thumbnail" in header.tensors,
    )


def read_picture(path: Path) -> bytes | None:
    """The PNG that a preset file carries; None where it has none, or is no sound preset."""
    try:
        with _opened(path) as (descriptor, size):
            return _read_thumbnail(descriptor, _read_header(descriptor, size))
    except (PresetError, OSError):
        return None


def _read_header(descriptor: int, size: int) -> Header:
    start = _read_exactly(descriptor, 8)
    length = min(int.from_bytes(start, "little"), HEADER_LIMIT + 1)
    return parse_header(start + _read_exactly(descriptor, length), size)


def _read_thumbnail(descriptor: int, header: Header) -> bytes | None:
    entry = header.tensors.get("thumbnail")
    if entry is None or entry.dtype != "U8" or entry.stop - entry.start > 512 * 1024:
        return None
    os.lseek(descriptor, header.data_start + entry.start, os.SEEK_SET)
    content = _read_exactly(descriptor, entry.stop - entry.start)
    return usable_thumbnail({"thumbnail": np.frombuffer(content, np.uint8)})
