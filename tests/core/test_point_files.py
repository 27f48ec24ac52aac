"""Point files are read as people write them; every fault is told in one sentence."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from flowmap_studio.core.errors import DataError
from flowmap_studio.core.targets import PointTarget, open_target

POINTS = np.array([[1.5, -2.0], [3e-3, 4.0], [0.0, 7.25]])


def saved(array: np.ndarray, **options: bool) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def promising(shape: str) -> bytes:
    """A .npy file whose head promises an array that does not follow."""
    head = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head


def read(tmp_path: Path, name: str, content: bytes) -> np.ndarray:
    path = tmp_path / name
    path.write_bytes(content)
    target = open_target(str(path))
    assert isinstance(target, PointTarget)
    assert target.name == name
    return target.points.numpy()


@pytest.mark.parametrize(
    "text",
    [
        "1.5,-2\n0.003,4\n0,7.25\n",
        "x,y\n1.5,-2\n3e-3,4\n0,7.25",
        '"x","y"\n"1.5","-2"\n"3e-3","4"\n"0","7.25"\n',
        "1.5;-2\n3e-3;4\n0;7.25\n",
        "lon;lat\n1.5;-2\n3e-3;4\n0;7.25\n",
        "1.5\t-2\n3e-3\t4\n0\t7.25\n",
        "1.5 -2\n3e-3 4\n0 7.25\n",
        "  1.5    -2  \n 3e-3  4\n 0  7.25 \n",
        "# made by hand\n\n1.5, -2\n# half way\n3e-3, 4\n\n0, 7.25\n\n",
        "1.5,-2\r\n3e-3,4\r\n0,7.25\r\n",
        "\ufeffx,y\n1.5,-2\n3e-3,4\n0,7.25\n",
        "\ufeff1.5,-2\n3e-3,4\n0,7.25\n",
    ],
)
@pytest.mark.parametrize("name", ["points.csv", "points.txt", "POINTS.CSV"])
def test_text_files(tmp_path: Path, name: str, text: str) -> None:
    np.testing.assert_array_equal(read(tmp_path, name, text.encode()), POINTS.astype(np.float32))


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", ">f8", "i4", "u1", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_files(tmp_path: Path, dtype: str, order: str) -> None:
    array = np.array([[1, 0], [0, 1], [1, 1]]).astype(dtype, order=order)
    found = read(tmp_path, "points.npy", saved(array))
    np.testing.assert_array_equal(found, array.astype(np.float32))


BAD_TEXTS = {
    "": "empty",
    "\n\n  \n": "empty",
    "# only a comment\n": "empty",
    "x,y\n": "header but no points",
    "1,2\n3,word\n": "line 2, column 2: 'word' is not a number",
    "1,2\n3\n": "line 2 has 1 columns where the first row has 2",
    "1,2\n\n3,4,5\n": "line 3 has 3 columns",
    "1,2\n,4\n": "missing or infinite value at point 2, column 1",
    "1,2\nnan,4\n": "missing or infinite value at point 2, column 1",
    "1,2\n3,inf\n": "missing or infinite value at point 2, column 2",
    "1,2\n": "1 point",
    "1\n2\n3\n": "one column",
    "1,1\n1,1\n": "the same",
    "1,5;2,5\n3,5;1,0\n": "is not a number",
    "1,2\n3,\u202eevil\n": "'?evil' is not a number",
}


@pytest.mark.parametrize("text", list(BAD_TEXTS))
def test_bad_text_files(tmp_path: Path, text: str) -> None:
    check_refused(tmp_path, "points.csv", text.encode(), BAD_TEXTS[text])


BAD_FILES = {
    "latin.csv": (b"x,y\n1,\xe9\n", "not a text file"),
    "utf16.csv": ("1,2\n3,4\n".encode("utf-16"), "not a text file"),
    "picture.csv": (b"\x89PNG\r\n\x1a\n\0\0", "not a text file"),
    "empty.npy": (b"", "not a NumPy array file"),
    "words.npy": (b"1,2\n3,4\n", "not a NumPy array file"),
    "zip.npy": (b"PK\x03\x04 and no more", "not a NumPy array file"),
    "cut.npy": (saved(POINTS)[:-3], "not a NumPy array file"),
    "head.npy": (b"\x93NUMPY\x01\x00\x16\x00{'descr': (((((((((((\n", "not a NumPy array file"),
    "promise.npy": (promising("(1000000000000, 2)"), "not a NumPy array file"),
    "lie.npy": (promising("(1000000000000000000000, 2)"), "not a NumPy array file"),
    "object.npy": (saved(np.array([[{}, 1]], object), allow_pickle=True), "not a NumPy array file"),
    "complex.npy": (saved(POINTS.astype(complex)), "complex128"),
    "words2.npy": (saved(np.array([["a", "b"]])), "<U1"),
    "fields.npy": (saved(np.zeros(3, [("x", "f4"), ("y", "f4")])), "save real numbers"),
    "line.npy": (saved(np.arange(5.0)), "shape (5,)"),
    "block.npy": (saved(np.zeros((2, 3, 4))), "shape (2, 3, 4)"),
    "scalar.npy": (saved(np.array(3.0)), "shape ()"),
    "none.npy": (saved(np.zeros((0, 2))), "0 points"),
    "wide.npy": (saved(np.random.default_rng(0).normal(size=(4, 4097))), "4,097 columns"),
    "nan.npy": (saved(np.array([[0, 1], [np.nan, 1.0]])), "point 2, column 1"),
}


@pytest.mark.parametrize("name", list(BAD_FILES))
def test_bad_files(tmp_path: Path, name: str) -> None:
    content, words = BAD_FILES[name]
    check_refused(tmp_path, name, content, words)


def test_archive_of_arrays(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.savez(stream, a=POINTS)
    check_refused(tmp_path, "archive.npy", stream.getvalue(), "archive")


def test_folders_and_pipes_are_no_point_files(tmp_path: Path) -> None:
    folder = tmp_path / "folder.npy"
    folder.mkdir()
    with pytest.raises(DataError, match="not a regular file"):
        open_target(str(folder))
    if hasattr(os, "mkfifo"):
        pipe = tmp_path / "pipe.csv"
        os.mkfifo(pipe)
        with pytest.raises(DataError, match="not a regular file"):
            open_target(str(pipe))


def check_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """One sentence that names the file, says what is wrong and ends with a full stop."""
    with pytest.raises(DataError) as raised:
        read(tmp_path, name, content)
    sentence = str(raised.value)
    assert words in sentence
    assert name in sentence
    assert str(tmp_path) not in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert sentence.isprintable()
