"""Saving is whole or not at all, whatever the disk does; listing passes over what is damaged."""

from __future__ import annotations

import dataclasses
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from flowmap_studio.core.errors import PresetError
from flowmap_studio.core.presets import Preset, list_presets, read_preset, write_preset
from flowmap_studio.core.presets.codec import encode

pytestmark = pytest.mark.skipif(os.name != "posix", reason="faults are made in POSIX calls")


def failing(code: int) -> Callable[..., None]:
    """A function that fails with this error."""

    def fail(*_args: object, **_options: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.fixture
def newer(preset: Preset) -> Preset:
    return dataclasses.replace(preset, title="The newer one")


@pytest.mark.parametrize("there", [True, False], ids=["over an old file", "new file"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("call", ["write", "fsync", "replace", "fchmod", "mkstemp"])
def test_a_fault_leaves_the_old_file_and_nothing_else(
    tmp_path: Path,
    preset: Preset,
    newer: Preset,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    code: int,
    there: bool,
) -> None:
    path = tmp_path / "mine.flowmap"
    if there:
        write_preset(path, preset)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with monkeypatch.context() as patch:
        if call == "replace":
            patch.setattr(Path, "replace", failing(code))
        elif call == "mkstemp":
            patch.setattr("tempfile.mkstemp", failing(code))
        else:
            patch.setattr(os, call, failing(code))
        with pytest.raises(PresetError) as raised:
            write_preset(path, newer)
    sentence = str(raised.value)
    assert sentence.startswith("Could not save mine.flowmap: ")
    assert sentence.endswith(". Nothing was changed.")
    words = {errno.ENOSPC: "the disk is full", errno.EIO: "error", errno.EDQUOT: "quota"}
    assert words[code] in sentence
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize("good", range(1, 6))
def test_a_disk_that_fills_up_while_writing(
    tmp_path: Path, preset: Preset, newer: Preset, monkeypatch: pytest.MonkeyPatch, good: int
) -> None:
    path = tmp_path / "mine.flowmap"
    write_preset(path, preset)
    before = path.read_bytes()
    real, calls = os.write, []

    def write(descriptor: int, content: bytes) -> int:
        calls.append(1)
        if len(calls) > good:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, content[: len(before) // 8])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        with pytest.raises(PresetError, match="the disk is full"):
            write_preset(path, newer)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_short_writes_are_carried_on(
    tmp_path: Path, preset: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda d, content: real(d, content[:777]))
    write_preset(tmp_path / "mine.flowmap", preset)
    assert (tmp_path / "mine.flowmap").read_bytes() == encode(preset)


def test_a_disk_that_lies_is_caught_before_the_old_file_goes(
    tmp_path: Path, preset: Preset, newer: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.flowmap"
    write_preset(path, preset)
    real = os.write

    def write(descriptor: int, content: bytes) -> int:
        return real(descriptor, bytes(len(content)))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        with pytest.raises(PresetError, match="did not keep"):
            write_preset(path, newer)
    assert read_preset(path).title == preset.title
    assert len(list(tmp_path.iterdir())) == 1


def test_after_a_fault_at_the_folder_the_file_is_whole(
    tmp_path: Path, preset: Preset, newer: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new file is in place by then; only whether its name survives a power cut is open."""
    path = tmp_path / "mine.flowmap"
    write_preset(path, preset)
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, "Input/output error")
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(PresetError) as raised:
            write_preset(path, newer)
    assert read_preset(path).title == newer.title
    assert str(raised.value).startswith("mine.flowmap is saved, but the disk reported an error")
    assert len(list(tmp_path.iterdir())) == 1


def test_everything_is_synced_before_the_old_file_is_replaced(
    tmp_path: Path, preset: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = []
    real_sync, real_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        order.append(f"sync {kind}")
        real_sync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        order.append("replace")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    write_preset(tmp_path / "mine.flowmap", preset)
    assert order == ["sync file", "replace", "sync folder"]


def test_a_symbolic_link_stays_one(tmp_path: Path, preset: Preset, newer: Preset) -> None:
    real = tmp_path / "elsewhere" / "real.flowmap"
    real.parent.mkdir()
    write_preset(real, preset)
    link = tmp_path / "link.flowmap"
    link.symlink_to(real)
    write_preset(link, newer)
    assert link.is_symlink()
    assert read_preset(real).title == read_preset(link).title == newer.title


def test_a_link_to_itself_is_refused(tmp_path: Path, preset: Preset) -> None:
    loop = tmp_path / "loop.flowmap"
    loop.symlink_to(loop)
    with pytest.raises(PresetError, match="Could not save loop"):
        write_preset(loop, preset)
    with pytest.raises(PresetError, match="Could not open loop"):
        read_preset(loop)
    assert loop.is_symlink()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_the_mode_of_an_old_file_is_kept(tmp_path: Path, preset: Preset, mode: int) -> None:
    path = tmp_path / "mine.flowmap"
    write_preset(path, preset)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    path.chmod(mode)
    write_preset(path, preset)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_only_regular_files_are_replaced(tmp_path: Path, preset: Preset) -> None:
    folder = tmp_path / "folder.flowmap"
    folder.mkdir()
    pipe = tmp_path / "pipe.flowmap"
    os.mkfifo(pipe)
    for path in (folder, pipe):
        with pytest.raises(PresetError, match="not a regular file"):
            write_preset(path, preset)
    assert folder.is_dir()
    assert pipe.is_fifo()
    with pytest.raises(PresetError, match="no such file or folder"):
        write_preset(tmp_path / "gone" / "mine.flowmap", preset)
    with pytest.raises(PresetError, match="too long"):
        write_preset(tmp_path / ("x" * 300), preset)


def test_what_could_not_be_opened_again_is_not_saved(
    tmp_path: Path, preset: Preset, newer: Preset
) -> None:
    path = tmp_path / "mine.flowmap"
    write_preset(path, preset)
    weights = {name: np.full_like(a, np.nan) for name, a in preset.snapshot.weights.items()}
    diverged = dataclasses.replace(
        newer, snapshot=dataclasses.replace(preset.snapshot, weights=weights)
    )
    wordy = dataclasses.replace(newer, tags=("🙂" * 4096,) * 64)
    for bad in (diverged, wordy):
        with pytest.raises(PresetError, match="Could not save mine"):
            write_preset(path, bad)
    assert read_preset(path).title == preset.title


# The library


def test_listing_reads_heads_and_passes_over_the_damaged(tmp_path: Path, preset: Preset) -> None:
    write_preset(tmp_path / "b.flowmap", preset)
    write_preset(tmp_path / "a.flowmap", dataclasses.replace(preset, title="Line one\nline two"))
    write_preset(tmp_path / "c.flowmap", dataclasses.replace(preset, thumbnail=None))
    content = encode(preset)
    (tmp_path / "cut.flowmap").write_bytes(content[:-5])
    (tmp_path / "empty.flowmap").write_bytes(b"")
    (tmp_path / "text.flowmap").write_text("hello")
    (tmp_path / "surrogate.flowmap").write_bytes(
        (45).to_bytes(8, "little") + b'{"__metadata__":{"flowmap":"{\\"\\ud800\\":1}"}}'
    )
    (tmp_path / "folder.flowmap").mkdir()
    os.mkfifo(tmp_path / "pipe.flowmap")
    (tmp_path / "broken link.flowmap").symlink_to(tmp_path / "nowhere")
    (tmp_path / "other.txt").write_bytes(content)
    entries = list_presets(tmp_path, shipped=True)
    assert [entry.path.name for entry in entries] == ["a.flowmap", "b.flowmap", "c.flowmap"]
    assert [entry.title for entry in entries] == ["Line one", preset.title, preset.title]
    assert [entry.thumbnail for entry in entries] == [preset.thumbnail, preset.thumbnail, None]
    assert entries[0].subtitle == "moons · semigroup · ot · 1,234 steps"
    assert all(entry.shipped for entry in entries)


def test_labels_of_the_library_are_plain_text(tmp_path: Path, preset: Preset) -> None:
    config = preset.snapshot.config.replace(target="a\u202eb\x1b[31m.csv")
    snapshot = dataclasses.replace(preset.snapshot, config=config)
    write_preset(tmp_path / "mine.flowmap", dataclasses.replace(preset, snapshot=snapshot))
    (entry,) = list_presets(tmp_path, shipped=False)
    assert entry.subtitle.isprintable()
    assert not entry.shipped


def test_a_folder_that_is_not_there_lists_nothing(tmp_path: Path) -> None:
    assert list_presets(tmp_path / "gone", shipped=False) == []
    assert list_presets(tmp_path, shipped=False) == []
