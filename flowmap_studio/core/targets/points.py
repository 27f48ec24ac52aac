"""Point files: .npy, .csv and .txt, read with one clear sentence for each fault."""

from __future__ import annotations

import re
import tokenize
import zipfile
from pathlib import Path

import numpy as np

from flowmap_studio.core.errors import DataError

MAX_BYTES = 1 << 30
"""Largest point file."""
_NO_ARRAY = (
    ValueError,
    EOFError,
    SyntaxError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    MemoryError,
    OverflowError,
)
"""What numpy.load raises for damaged files, or for heads that promise too much."""


def read_points(path: Path) -> np.ndarray:
    """(n, d) float64 points of a file, one row per point.

    Text files hold numbers parted by commas, semicolons, tabs or blanks; a first line of words
    is taken as a header; lines that are empty or begin with # are passed over.

    Args:
        path: A .npy, .csv or .txt file.

    Raises:
        DataError: The file can't be read or holds something else than numbers.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path.name} is larger than 1 GiB; give a sample of it.")
        return _read_npy(path) if path.suffix.lower() == ".npy" else _read_text(path)
    except OSError as error:
        raise DataError(f"Could not read {path.name}: {error.strerror or error}.") from error


def _read_npy(path: Path) -> np.ndarray:
    try:
        with path.open("rb") as file:  # numpy leaves a damaged archive open
            array = np.load(file, allow_pickle=False)
    except _NO_ARRAY as error:
        raise DataError(f"{path.name} is not a NumPy array file; save it with numpy.save.") from (
            error
        )
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path.name} is an archive of arrays; save one array with numpy.save.")
    if array.dtype.kind not in "biuf":
        raise DataError(f"{path.name} holds {array.dtype} values; save real numbers.")
    return array.astype(np.float64)


def _read_text(path: Path) -> np.ndarray:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name} is not a text file; give rows of numbers.") from error
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise DataError(f"{path.name} is empty; give one row of numbers per point.")
    separator = next((mark for mark in (",", ";", "\t") if mark in lines[0][1]), None)
    if _is_header(lines[0][1], separator):
        lines = lines[1:]
    if not lines:
        raise DataError(f"{path.name} holds a header but no points; give one row per point.")
    rows = [_row(path.name, number, line, separator) for number, line in lines]
    return np.array(_equal_lengths(path.name, rows, lines), np.float64)


def _cells(line: str, separator: str | None) -> list[str]:
    return [cell.strip().strip('"') for cell in line.strip().split(separator)]


def _is_header(line: str, separator: str | None) -> bool:
    """Whether no cell of the line is a number, so that it can only be names."""
    return not any(_is_number(cell) for cell in _cells(line, separator))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell == ""
    return True


def _row(name: str, number: int, line: str, separator: str | None) -> list[float]:
    values = []
    for column, cell in enumerate(_cells(line, separator), start=1):
        try:
            values.append(float(cell) if cell else float("nan"))
        except ValueError as error:
            shown = re.sub(r"[^\x20-\x7e]", "?", cell)[:24]
            raise DataError(
                f"{name}, line {number:,}, column {column}: {shown!r} is not a number; "
                "remove that column or repair the line."
            ) from error
    return values


def _equal_lengths(
    name: str, rows: list[list[float]], lines: list[tuple[int, str]]
) -> list[list[float]]:
    width = len(rows[0])
    for row, (number, _) in zip(rows, lines, strict=True):
        if len(row) != width:
            raise DataError(
                f"{name}, line {number:,} has {len(row)} columns where the first row has {width}; "
                "repair the line."
            )
    return rows
