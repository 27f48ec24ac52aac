"""A fault at any system call of a save: the file is the old one or the new one, and whole."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flowmap_studio.core.files import write_whole
from flowmap_studio.core.presets import Preset, read_preset, write_preset
from flowmap_studio.core.presets.codec import encode
from flowmap_studio.tools.stress.faults import CALLS, NEW, OLD, REASONS, injected, problems

pytestmark = pytest.mark.skipif(os.name != "posix", reason="faults are made in POSIX calls")

Save = Callable[[Path], None]


@pytest.fixture(params=["any file", "preset"])
def save(request: pytest.FixtureRequest, preset: Preset) -> tuple[Save, bytes]:
    """Saves a file, and what it then holds."""
    if request.param == "preset":
        return lambda path: write_preset(path, preset), encode(preset)
    return lambda path: write_whole(path, NEW), NEW


@pytest.mark.parametrize("there", [True, False], ids=["over an old file", "new file"])
@pytest.mark.parametrize("code", REASONS, ids=errno.errorcode.get)
def test_every_call_may_fail(
    tmp_path: Path, save: tuple[Save, bytes], code: int, there: bool
) -> None:
    write, new = save
    path = tmp_path / "mine.flowmap"
    path.write_bytes(OLD)
    with injected() as sound:
        write(path)
    assert set(sound.seen) == {*CALLS, "read back"}
    for at in range(len(sound.seen) + 1):
        path.unlink(missing_ok=True)
        if there:
            path.write_bytes(OLD)
        assert list(problems(write, new, path, at, code)) == []


def test_a_save_that_writes_in_place_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "mine.flowmap"
    path.write_bytes(OLD)

    def silent(path: Path) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(descriptor, NEW)
        except OSError:
            return
        finally:
            os.close(descriptor)

    found = list(problems(silent, NEW, path, 1, errno.ENOSPC))
    assert found == [
        "ENOSPC at write: the file is neither old nor new",
        "ENOSPC at write: not told",
    ]


def test_a_written_file_is_synced_then_named_then_its_folder_is_synced(tmp_path: Path) -> None:
    with injected() as made:
        write_whole(tmp_path / "a.csv", b"new")
    order = [name for name in made.seen if name in ("write", "fsync", "replace")]
    assert order == ["write", "fsync", "replace", "fsync"]


def test_windows_that_save_at_once_never_mix(tmp_path: Path, preset: Preset) -> None:
    """Whoever reads meanwhile finds the one or the other, whole."""
    path = tmp_path / "mine.flowmap"
    titles = ("left", "right", "third")
    write_preset(path, replace(preset, title=titles[0]))

    def save(title: str) -> None:
        for _ in range(12):
            write_preset(path, replace(preset, title=title))

    writers = [threading.Thread(target=save, args=(title,)) for title in titles]
    for writer in writers:
        writer.start()
    found = set()
    while any(writer.is_alive() for writer in writers):
        found.add(read_preset(path).title)
    for writer in writers:
        writer.join()
    found.add(read_preset(path).title)
    assert found <= set(titles)
    assert [one.name for one in tmp_path.iterdir()] == ["mine.flowmap"]
