"""From what a user wrote after --target to a target that can be drawn from."""

from __future__ import annotations

import difflib
from pathlib import Path

import numpy as np

from flowmap_studio.core.errors import DataError
from flowmap_studio.core.targets.base import PointTarget, Target
from flowmap_studio.core.targets.pictures import read_picture
from flowmap_studio.core.targets.points import read_points
from flowmap_studio.core.targets.shapes import SHAPES

POINT_FILES = (".npy", ".csv", ".txt")
PICTURES = (".png", ".jpg", ".jpeg")


def open_target(name: str) -> Target:
    """The target of a name, a point file or a picture.

    Args:
        name: A key of `SHAPES`, or the path of a .npy, .csv, .txt, .png, .jpg or .jpeg file.

    Raises:
        DataError: There is no such target, or the file can't be learned from.
    """
    if name in SHAPES:
        return SHAPES[name]
    path = _expanded(name)
    suffix = path.suffix.lower()
    if suffix not in POINT_FILES + PICTURES:
        raise DataError(_unknown(name))
    try:
        if not path.exists():
            raise DataError(f"There is no file {path.name!r}; check the path of the target.")
        if not path.is_file():
            raise DataError(f"{path.name} is not a regular file; give a point file or a picture.")
    except OSError as error:
        raise DataError(f"Could not read {path.name[:60]}: {error.strerror or error}.") from error
    if suffix in PICTURES:
        return read_picture(path)
    return PointTarget(path.name, read_points(path))


def open_or_embedded(name: str, points: np.ndarray | None) -> Target:
    """The target of that name, or the points that a preset carries when its file is not at hand.

    Args:
        name: As for `open_target`.
        points: (n, dim) the preset's sample of its target; None when there is none.

    Raises:
        DataError: As for `open_target`.
    """
    if points is None or name in SHAPES or _expanded(name).is_file():
        return open_target(name)
    return PointTarget(Path(name).name, points)


def _expanded(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # ~someone who has no home here
        return Path(name)


def _unknown(name: str) -> str:
    shown = name if len(name) <= 60 else name[:57] + "…"
    close = difflib.get_close_matches(name, SHAPES, n=1)
    hint = f"did you mean {close[0]}?" if close else f"choose from {', '.join(SHAPES)},"
    more = "" if close else " or give a .npy, .csv, .txt, .png or .jpg file."
    return f"Unknown target {shown!r}; {hint}{more}"
