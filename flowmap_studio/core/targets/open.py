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
    path = Path(name).expanduser()
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


def embedded_target(name: str, points: np.ndarray) -> PointTarget:
    """The points that a preset carries, for when the user's own file is not at hand."""
    return PointTarget(Path(name).name, points)


def _unknown(name: str) -> str:
    shown = name if len(name) <= 60 else name[:57] + "…"
    close = difflib.get_close_matches(name, SHAPES, n=1)
    hint = f"did you mean {close[0]}?" if close else f"choose from {', '.join(SHAPES)},"
    more = "" if close else " or give a .npy, .csv, .txt, .png or .jpg file."
    return f"Unknown target {shown!r}; {hint}{more}"
