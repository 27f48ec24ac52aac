"""A fault at any system call of a save: the file is the old one or the new one, and whole."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.files import write_whole
from flowmap_studio.core.presets import Preset, write_preset
from flowmap_studio.core.presets.codec import encode

pytestmark = pytest.mark.skipif(os.name != "posix", reason="faults are made in POSIX calls")

CALLS = ("stat", "open", "write", "fchmod", "fsync", "close", "replace")
REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EIO: "the disk reported an error",
    errno.EACCES: "you may not do that there",
    errno.EROFS: "that place is read-only",
}
OLD = b"old" * 50_000


class Faults:
    """Counts the system calls of a save and lets one of them fail.

    Args:
        at: Which, from 0; none when None.
        code: With what.
    """

    def __init__(self, at: int | None, code: int) -> None:
        self.seen: list[str] = []
        self._at = at
        self._code = code

    def around(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            failing = len(self.seen) == self._at
            self.seen.append(name)
            if failing and name == "close":
                real(*arguments, **options)  # as Linux does: closed all the same
            if failing:
                raise OSError(self._code, os.strerror(self._code))
            return real(*arguments, **options)

        return call


@contextmanager
def faults(at: int | None = None, code: int = errno.EIO) -> Iterator[Faults]:
    made = Faults(at, code)
    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, made.around(name, getattr(os, name)))
        patch.setattr(io, "open", made.around("read back", io.open))
        yield made


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0


Save = Callable[[Path], None]


@pytest.fixture(params=["any file", "preset"])
def save(request: pytest.FixtureRequest, preset: Preset) -> tuple[Save, bytes]:
    """Saves a file, and what it then holds."""
    if request.param == "preset":
        return lambda path: write_preset(path, preset), encode(preset)
    return lambda path: write_whole(path, b"new" * 70_000), b"new" * 70_000


@pytest.mark.parametrize("there", [True, False], ids=["over an old file", "new file"])
@pytest.mark.parametrize("code", REASONS, ids=errno.errorcode.get)
def test_every_call_may_fail(
    tmp_path: Path, save: tuple[Save, bytes], code: int, there: bool
) -> None:
    write, new = save
    old = OLD if there else None
    path = tmp_path / "mine.flowmap"
    if there:
        path.write_bytes(OLD)
    with faults() as sound:
        write(tmp_path / "other.flowmap")
    (tmp_path / "other.flowmap").unlink()
    assert set(sound.seen) == {*CALLS, "read back"}
    before = descriptors()
    told = 0
    for at in range(len(sound.seen) + 2 * there):
        with faults(at, code) as made:
            try:
                write(path)
            except StudioError as error:
                sentence = str(error)
                told += 1
            else:
                sentence = ""
        found = path.read_bytes() if path.exists() else None
        replaced = "replace" in made.seen[:at]
        assert found == (new if replaced or not sentence else old), (at, made.seen)
        if sentence and not replaced:
            assert REASONS[code] in sentence
            assert sentence.startswith(("Could not write mine", "Could not save mine"))
        elif sentence:
            assert "may be lost in a power cut" in sentence
        assert "\n" not in sentence
        assert [p.name for p in tmp_path.iterdir()] == ["mine.flowmap"] * (found is not None)
        path.unlink(missing_ok=True)
        if there:
            path.write_bytes(OLD)
    # A failing stat may be taken for a file that is not there yet; every other fault is told.
    assert told >= len([name for name in sound.seen if name != "stat"])
    assert descriptors() == before


def test_a_written_file_is_synced_then_named_then_its_folder_is_synced(tmp_path: Path) -> None:
    with faults() as made:
        write_whole(tmp_path / "a.csv", b"new")
    order = [name for name in made.seen if name in ("write", "fsync", "replace")]
    assert order == ["write", "fsync", "replace", "fsync"]
