"""From what a user wrote after --target to a target that can be drawn from."""

from __future__ import annotations

import difflib
from pathlib import Path

import numpy as np

from flowmap_studio.core.config import NORMAL, RunConfig
from flowmap_studio.core.errors import DataError
from flowmap_studio.core.targets.base import PointTarget, Target
from flowmap_studio.core.targets.pictures import read_picture
from flowmap_studio.core.targets.points import read_points
from flowmap_studio.core.targets.shapes import SHAPES
from flowmap_studio.core.training_state import Checkpoint

POINT_FILES = (".npy", ".csv", ".txt")
PICTURES = (".png", ".jpg", ".jpeg")


MOST_CLASSES = 100
"""Largest number of distinct labels in a file's last column."""


def open_target(name: str, *, labelled: bool = False) -> Target:
    """The target of a name, a point file or a picture.

    Args:
        name: A key of `SHAPES`, or the path of a .npy, .csv, .txt, .png, .jpg or .jpeg file.
        labelled: Whether a point file's last column holds labels instead of a coordinate.

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
    points = read_points(path)
    return labelled_points(path.name, points) if labelled else PointTarget(path.name, points)


def labelled_points(name: str, table: np.ndarray) -> PointTarget:
    """Points whose last column is their class.

    Args:
        name: What to call them.
        table: (n, dim + 1) rows of coordinates and a label, which may be any number.

    Raises:
        DataError: There are too few columns, or more than 100 different labels.
    """
    if table.ndim != 2 or table.shape[1] < 3:
        raise DataError(
            f"{name} needs at least three columns to take labels from the last (x, y, label)."
        )
    values, labels = np.unique(table[:, -1], return_inverse=True)
    if len(values) > MOST_CLASSES:
        raise DataError(
            f"The last column of {name} has {len(values):,} different values; as labels at most "
            f"{MOST_CLASSES} are supported."
        )
    classes = tuple(f"{value:g}" for value in values)
    return PointTarget(name, table[:, :-1], labels.reshape(-1), classes)


def open_for(config: RunConfig, embedded: np.ndarray | None = None) -> tuple[Target, Target | None]:
    """The target of a run and its source, which is None for the standard normal.

    Args:
        config: Names both.
        embedded: (n, dim) points that stand in for the target when its file is not at hand.

    Raises:
        DataError: As for `open_target`; or target and source differ in dimension; or labels are
            wanted where the target has none.
    """
    labelled = config.labels == "on"
    target = open_or_embedded(config.target, embedded, labelled=labelled)
    if labelled and not target.classes:
        raise DataError(f"{target.name} has no labels; switch labels off or choose another target.")
    return target, _open_source(config, target)


def open_again(checkpoint: Checkpoint) -> tuple[Target, Target | None]:
    """Target and source of a run to go on with: the very points that it carries, if it does.

    Raises:
        DataError: As for `open_for`.
    """
    state = checkpoint.state
    if state.points is None:
        return open_for(state.config)
    name, classes = Path(state.config.target).name, checkpoint.snapshot.classes
    target = PointTarget(name, state.points, state.point_labels, classes)
    return target, _open_source(state.config, target)


def _open_source(config: RunConfig, target: Target) -> Target | None:
    if config.source == NORMAL:
        return None
    source = open_target(config.source)
    if source.dim != target.dim:
        raise DataError(
            f"The source {source.name} has {source.dim} axes and the target {target.name} "
            f"{target.dim}; both need the same number."
        )
    return source


def open_or_embedded(name: str, points: np.ndarray | None, *, labelled: bool = False) -> Target:
    """The target of that name, or the points that a preset carries when its file is not at hand.

    Args:
        name: As for `open_target`.
        points: (n, dim) the preset's sample of its target; None when there is none.
        labelled: As for `open_target`; embedded points have no labels.

    Raises:
        DataError: As for `open_target`.
    """
    if points is None or name in SHAPES or _expanded(name).is_file():
        return open_target(name, labelled=labelled)
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
