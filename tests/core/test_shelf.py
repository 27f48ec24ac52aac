"""Presets of the user are named, copied, taken away and put back; nothing is overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.presets import Preset, read_preset, write_preset
from flowmap_studio.core.shelf import KEPT, Shelf, file_stem


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "presets", tmp_path / "deleted")


@pytest.fixture
def mine(shelf: Shelf, preset: Preset) -> Path:
    shelf.folder.mkdir()
    path = shelf.folder / "mine.flowmap"
    write_preset(path, preset)
    return path


def names(shelf: Shelf) -> list[str]:
    return sorted(path.name for path in shelf.folder.iterdir())


def test_words_change_and_nothing_else(shelf: Shelf, mine: Path, preset: Preset) -> None:
    shelf.describe(mine, "New title", ["one", "two"], "More\nthan before")
    found = read_preset(mine)
    assert (found.title, found.tags, found.notes) == (
        "New title",
        ("one", "two"),
        "More\nthan before",
    )
    assert found.thumbnail == preset.thumbnail
    weights = preset.snapshot.weights
    assert all(found.snapshot.weights[n].tobytes() == a.tobytes() for n, a in weights.items())


def test_renaming_changes_title_and_file(shelf: Shelf, mine: Path) -> None:
    place = shelf.rename(mine, "Two: moons / best")
    assert place.name == "Two moons best.flowmap"
    assert names(shelf) == [place.name]
    assert read_preset(place).title == "Two: moons / best"
    assert shelf.rename(place, "Two: moons / best") == place


def test_a_taken_or_empty_name_is_refused(shelf: Shelf, mine: Path, preset: Preset) -> None:
    other = shelf.folder / "other.flowmap"
    write_preset(other, preset)
    before = mine.read_bytes(), other.read_bytes()
    with pytest.raises(StudioError, match=r"already a preset other\.flowmap"):
        shelf.rename(mine, "other")
    for name in ("", "  ", "///", "..."):
        with pytest.raises(StudioError, match="needs a name"):
            shelf.rename(mine, name)
    assert (mine.read_bytes(), other.read_bytes()) == before


def test_a_copy_has_a_name_that_was_free(shelf: Shelf, mine: Path, preset: Preset) -> None:
    first, second = shelf.duplicate(mine), shelf.duplicate(mine)
    assert [first.name, second.name] == ["mine-2.flowmap", "mine-3.flowmap"]
    assert read_preset(first).title == f"{preset.title} (copy)"
    assert read_preset(mine).title == preset.title


def test_a_strangers_preset_is_copied_in_if_it_is_sound(
    shelf: Shelf, mine: Path, preset: Preset, tmp_path: Path
) -> None:
    foreign = tmp_path / "mine.flowmap"
    write_preset(foreign, preset)
    assert shelf.take_in(foreign).name == "mine-2.flowmap"
    assert foreign.exists()
    assert shelf.take_in(mine) == mine
    (tmp_path / "bad.flowmap").write_bytes(b"bad")
    with pytest.raises(StudioError, match=r"Could not open bad\.flowmap"):
        shelf.take_in(tmp_path / "bad.flowmap")
    assert names(shelf) == ["mine-2.flowmap", "mine.flowmap"]


def test_a_copy_elsewhere_is_the_same_to_the_byte(shelf: Shelf, mine: Path, tmp_path: Path) -> None:
    shelf.give_out(mine, tmp_path / "given.flowmap")
    assert (tmp_path / "given.flowmap").read_bytes() == mine.read_bytes()
    with pytest.raises(StudioError, match="Could not write"):
        shelf.give_out(mine, tmp_path / "no folder" / "given.flowmap")


def test_what_is_deleted_comes_back(shelf: Shelf, mine: Path, preset: Preset) -> None:
    content = mine.read_bytes()
    deleted = shelf.delete(mine)
    assert names(shelf) == []
    assert shelf.put_back(deleted) == mine
    assert mine.read_bytes() == content
    again = shelf.delete(mine)
    write_preset(mine, preset)  # something new of that name
    assert shelf.put_back(again).name == "mine-2.flowmap"
    with pytest.raises(StudioError, match="Could not move"):
        shelf.put_back(again)


def test_only_the_newest_deleted_ones_are_kept(shelf: Shelf, mine: Path) -> None:
    first = shelf.delete(shelf.duplicate(mine))
    rest = [shelf.delete(shelf.duplicate(mine)) for _ in range(KEPT)]
    assert not first.kept.exists()
    assert all(one.kept.exists() for one in rest)


@pytest.mark.parametrize(
    ("title", "stem"),
    [
        ("Plain", "Plain"),
        ("a\nb", "a b"),
        ("../../etc", "etc"),
        ("x" * 200, "x" * 80),
        ("φ_t", "φ_t"),
    ],
)
def test_titles_make_safe_names(title: str, stem: str) -> None:
    assert file_stem(title) == stem
