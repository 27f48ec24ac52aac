"""From what a user wrote after --target to a target that can be drawn from."""

from __future__ import annotations

import difflib
from pathlib import Path

import numpy as np

from flowmap_studio.core.config import NORMAL, RunConfig
from flowmap_studio.core.errors import DataError
from flowmap_studio.core.images import ImageShape
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.target_names import IMAGES, NAMED
from flowmap_studio.core.targets.base import PointTarget, Target
from flowmap_studio.core.targets.image_files import Images, is_idx, read_archive, read_idx
from flowmap_studio.core.targets.image_folders import read_folder
from flowmap_studio.core.targets.images import ImageTarget, digits
from flowmap_studio.core.targets.pictures import read_picture
from flowmap_studio.core.targets.points import read_points
from flowmap_studio.core.targets.shapes import SHAPES
from flowmap_studio.core.training_state import Checkpoint

POINT_FILES = (".npy", ".csv", ".txt")
PICTURES = (".png", ".jpg", ".jpeg")
ARCHIVE = ".npz"


MOST_CLASSES = 100
"""Largest number of distinct labels in a file's last column."""


def open_target(name: str, *, labelled: bool = False) -> Target:
    """The target of a name, a point file, a picture or images.

    Args:
        name: A key of `NAMED`, or the path of a .npy, .csv, .txt, .png, .jpg, .jpeg, .npz or
            idx3-ubyte file or of a folder of pictures.
        labelled: Whether a point file's last column holds labels instead of a coordinate.

    Raises:
        DataError: There is no such target, or the file can't be learned from.
    """
    if name in SHAPES:
        return SHAPES[name]
    if name in IMAGES:
        return digits()
    path = _expanded(name)
    suffix = path.suffix.lower()
    if (found := _images(path)) is not None:
        return ImageTarget(path.name, found.values, found.shape, found.labels, found.classes)
    if suffix not in (*POINT_FILES, *PICTURES, ARCHIVE) and not is_idx(path):
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


def _images(path: Path) -> Images | None:
    """The images of a folder or a file, if it is one that holds images."""
    try:
        if path.is_dir() and path.suffix.lower() not in POINT_FILES + PICTURES:
            return read_folder(path)
        there = path.is_file()
    except (OSError, ValueError):
        return None
    if there and path.suffix.lower() == ARCHIVE:
        return read_archive(path)
    return read_idx(path) if there and is_idx(path) else None


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


def open_for(config: RunConfig, embedded: Snapshot | None = None) -> tuple[Target, Target | None]:
    """The target of a run and its source, which is None for the standard normal.

    Args:
        config: Names both.
        embedded: A map whose sample of its target stands in for it when its file is not at hand.

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


def open_or_embedded(name: str, embedded: Snapshot | None, *, labelled: bool = False) -> Target:
    """The target of that name, or what a map carries of it when its file is not at hand.

    Args:
        name: As for `open_target`.
        embedded: A map of this target; None when there is none.
        labelled: As for `open_target`; embedded points have the labels that the map knows.

    Raises:
        DataError: As for `open_target`.
    """
    if embedded is None or name in NAMED or _is_there(name):
        return open_target(name, labelled=labelled)
    return embedded_target(name, embedded)


def judging_target(snapshot: Snapshot) -> tuple[Target, str]:
    """What a map is judged by: its target, or its own sample where that is not at hand.

    Returns:
        The target, and where it comes from: "named", "file" or "embedded".

    Raises:
        DataError: As for `open_target`.
    """
    config = snapshot.config
    if config.target in NAMED:
        return open_target(config.target), "named"
    if _is_there(config.target):
        target = open_target(config.target, labelled=config.labels == "on")
        if target.dim == snapshot.dim:  # else another file of that name lies here
            return target, "file"
    return embedded_target(config.target, snapshot), "embedded"


def quick_target(snapshot: Snapshot) -> Target:
    """A map's target if it comes with the program, else the sample that the map carries of it."""
    name = snapshot.config.target
    return open_target(name) if name in NAMED else embedded_target(name, snapshot)


def embedded_target(name: str, snapshot: Snapshot) -> Target:
    """The sample that a map carries of its target."""
    labels, classes = snapshot.labels, snapshot.classes
    if snapshot.image is None:
        return PointTarget(Path(name).name, snapshot.data, labels, classes)
    shape = snapshot.image._replace(levels=0)  # the noise is in it already
    return ImageTarget(Path(name).name, snapshot.data, shape, labels, classes, whole=True)


def image_shape(target: Target) -> ImageShape | None:
    """The shape of a target's images; None for points."""
    return target.shape if isinstance(target, ImageTarget) else None


def _is_there(name: str) -> bool:
    path = _expanded(name)
    return path.is_file() or path.is_dir()


def _expanded(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # ~someone who has no home here
        return Path(name)


def _unknown(name: str) -> str:
    shown = name if len(name) <= 60 else name[:57] + "…"
    close = difflib.get_close_matches(name, NAMED, n=1)
    hint = f"did you mean {close[0]}?" if close else f"choose from {', '.join(NAMED)},"
    more = "" if close else " or give a .npy, .csv, .txt, .png, .jpg or .npz file."
    return f"Unknown target {shown!r}; {hint}{more}"
