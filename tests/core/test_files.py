"""Exports are whole or not at all, and points come back as they were."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import numpy as np
import pytest

from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.files import points_as_csv, points_as_npy, write_whole

POINTS = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32) * 1e-3


def test_points_come_back_to_the_bit() -> None:
    np.testing.assert_array_equal(np.load(io.BytesIO(points_as_npy(POINTS))), POINTS)
    header, *rows = points_as_csv(POINTS).decode().splitlines()
    assert header == "x,y"
    np.testing.assert_array_equal(np.array([row.split(",") for row in rows], np.float32), POINTS)


def test_headers_beyond_the_plane() -> None:
    assert points_as_csv(np.zeros((1, 3))) == b"x1,x2,x3\n0,0,0\n"


@pytest.mark.parametrize("name", ["a.csv", "n" * 250 + ".csv"])
def test_a_file_is_replaced(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for content in (b"old", b"newer"):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_bytes(b"old")
    link.symlink_to(real)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_fault_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(StudioError, match=r"^Could not write a\.csv: the disk is full\.$"):
            write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere/a.csv", "no such file or folder"),
        ("folder.csv", "it is not a regular file"),
        ("a\0.csv", "its name is not allowed"),
        ("n" * 300, "its name is too long"),
    ],
)
def test_places_that_cannot_be_written(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(StudioError, match=words):
        write_whole(tmp_path / name, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.csv"]
