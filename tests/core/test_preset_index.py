"""Folders are listed by heads alone, and a file is opened again only when it has changed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from flowmap_studio.core import preset_index
from flowmap_studio.core.library import PresetEntry
from flowmap_studio.core.preset_index import PresetIndex
from flowmap_studio.core.presets import Preset, read_picture, write_preset


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files whose heads are read."""
    names: list[str] = []
    read = preset_index.read_entry

    def spy(path: Path, **how: bool) -> PresetEntry:
        names.append(path.name)
        return read(path, **how)

    monkeypatch.setattr(preset_index, "read_entry", spy)
    return names


def told(index: PresetIndex, *folders: tuple[Path, bool]) -> list[tuple[list[PresetEntry], bool]]:
    return [news for news in index.listing(folders) if news is not None]


def test_each_file_is_opened_once_until_it_changes(
    tmp_path: Path, preset: Preset, opened: list[str]
) -> None:
    for name in ("b", "a"):
        write_preset(tmp_path / f"{name}.flowmap", preset)
    (tmp_path / "broken.flowmap").write_bytes(b"nothing")
    (tmp_path / "other.txt").write_bytes(b"")
    index = PresetIndex()
    (first,) = told(index, (tmp_path, False))
    assert [entry.path.stem for entry in first[0]] == ["a", "b"]
    assert first[1]
    assert sorted(opened) == ["a.flowmap", "b.flowmap", "broken.flowmap"]
    opened.clear()
    assert told(index, (tmp_path, False)) == [first]
    assert opened == []
    write_preset(tmp_path / "a.flowmap", dataclasses.replace(preset, title="Other"))
    (again,) = told(index, (tmp_path, False))
    assert [entry.title for entry in again[0]] == ["Other", preset.title]
    assert opened == ["a.flowmap"]
    (tmp_path / "b.flowmap").unlink()
    assert [entry.path.stem for entry in told(index, (tmp_path, False))[0][0]] == ["a"]


def test_heads_are_kept_between_two_starts(
    tmp_path: Path, preset: Preset, opened: list[str]
) -> None:
    kept, folder = tmp_path / "cache" / "heads.json", tmp_path / "presets"
    folder.mkdir()
    for name in ("a", "b"):
        path = folder / f"{name}.flowmap"
        write_preset(path, dataclasses.replace(preset, title=name, tags=("x", "y")))
    (folder / "broken.flowmap").write_bytes(b"nothing")
    (first,) = told(PresetIndex(kept), (folder, False))
    opened.clear()
    (again,) = told(PresetIndex(kept), (folder, False))
    assert again == first
    assert opened == []
    write_preset(folder / "b.flowmap", dataclasses.replace(preset, title="other"))
    (folder / "a.flowmap").unlink()
    (later,) = told(PresetIndex(kept), (folder, False))
    assert [entry.title for entry in later[0]] == ["other"]
    assert opened == ["b.flowmap"]
    assert str(folder / "a.flowmap") not in kept.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"version": 2, "heads": []}',
        b'{"version": 1, "heads": [["a", 1, 2]]}',
        b'{"version": 1, "heads": [["a", 1, 2, {"title": 5}]]}',
        b'{"version": 1, "heads": [["a", 1, 2, {}]]}',
        b'{"version": 1, "heads": [["a", 1, 2, false]]}',
        b'{"version": 1, "heads": [["a", 1, Infinity, null]]}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_of_heads_counts_as_empty(
    tmp_path: Path, preset: Preset, content: bytes, opened: list[str]
) -> None:
    kept = tmp_path / "heads.json"
    kept.write_bytes(content)
    write_preset(tmp_path / "a.flowmap", preset)
    (found,) = told(PresetIndex(kept), (tmp_path, False))
    assert [entry.path.name for entry in found[0]] == ["a.flowmap"]
    opened.clear()
    told(PresetIndex(kept), (tmp_path, False))  # and is written anew
    assert opened == []


def test_heads_that_cannot_be_kept_do_no_harm(tmp_path: Path, preset: Preset) -> None:
    write_preset(tmp_path / "a.flowmap", preset)
    (tmp_path / "file").write_bytes(b"")
    (found,) = told(PresetIndex(tmp_path / "file" / "heads.json"), (tmp_path, False))
    assert len(found[0]) == 1


def test_ten_thousand_files_are_told_in_growing_batches_and_then_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []

    def read(path: Path, *, shipped: bool, picture: bool) -> PresetEntry:
        opened.append(path)
        return PresetEntry(path, path.stem, "", None, shipped, unread=not picture)

    monkeypatch.setattr(preset_index, "read_entry", read)
    for number in range(10_000):
        (tmp_path / f"{number}.flowmap").touch()
    index = PresetIndex()
    news = told(index, (tmp_path, False))
    sizes = [len(entries) for entries, _ in news]
    assert sizes == [64, 128, 256, 512, 1024, 2048, 4096, 8192, 10_000]
    assert [whole for _, whole in news] == [False] * 8 + [True]
    assert len(opened) == 10_000
    opened.clear()
    assert len(told(index, (tmp_path, False))[-1][0]) == 10_000
    assert opened == []


def test_heads_are_read_without_their_pictures(tmp_path: Path, preset: Preset) -> None:
    path = tmp_path / "a.flowmap"
    write_preset(path, preset)
    ((entry,), _) = told(PresetIndex(), (tmp_path, True))[0]
    assert entry.thumbnail is None
    assert entry.unread
    assert entry.shipped
    assert entry.tags == preset.tags
    assert entry.notes == preset.notes
    assert entry.score == preset.snapshot.metrics["sliced_w2_1"]
    assert entry.modified == path.stat().st_mtime_ns
    assert read_picture(path) == preset.thumbnail
    assert read_picture(tmp_path / "gone.flowmap") is None


def test_folders_come_in_their_order_and_missing_ones_are_empty(
    tmp_path: Path, preset: Preset
) -> None:
    for name in ("own", "shipped"):
        (tmp_path / name).mkdir()
        write_preset(tmp_path / name / "a.flowmap", preset)
    folders = [(tmp_path / "gone", False), (tmp_path / "shipped", True), (tmp_path / "own", False)]
    ((entries, whole),) = told(PresetIndex(), *folders)
    assert whole
    assert [entry.shipped for entry in entries] == [True, False]
