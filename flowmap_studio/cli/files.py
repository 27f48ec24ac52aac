"""Arguments that are files: checked before anything costly begins."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowmap_studio.cli.types import Guidance
from flowmap_studio.core.errors import StudioError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from flowmap_studio.core.loaded_map import LoadedMap
    from flowmap_studio.core.presets import Preset
    from flowmap_studio.core.snapshot import Snapshot

POINT_ENDINGS = (".npy", ".csv")
INPUT_ENDINGS = (".npy", ".csv", ".txt")
FILE = click.Path(path_type=Path)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object to stdout instead of tables."
)
map_argument = click.argument("file", metavar="FILE.flowmap", type=FILE)


label_option = click.option(
    "--label",
    metavar="C",
    help="Class of a conditional map, by name or number; all, as often as the data has them, "
    "when left out.",
)
guidance_option = click.option(
    "--guidance",
    "scale",
    type=Guidance(),
    default=1.0,
    show_default=True,
    metavar="X",
    help="How strongly a conditional map is held to its classes: 1 as learned, 0 not at all, more "
    "exaggerates.",
)


def check_classes(snapshot: Snapshot, label: str | None, scale: float) -> None:
    """Refuse a label or a guidance that a map without classes can't follow.

    Raises:
        StudioError: So.
    """
    if snapshot.classes:
        return
    for option, given in (("--label", label is not None), ("--guidance", scale != 1.0)):
        if given:
            raise StudioError(f"{option}: this map was trained without labels; leave it out.")


def check_output(option: str, path: Path, endings: Sequence[str] = ()) -> None:
    """Refuse a place that could not be written to later.

    Args:
        option: The option that named it, e.g. "--out".
        path: Where a file shall be written.
        endings: Allowed endings, e.g. (".npy", ".csv"); any when empty.

    Raises:
        StudioError: One sentence that names the option.
    """
    from flowmap_studio.core.files import reason

    if endings and path.suffix.lower() not in endings:
        wanted = " or ".join(filter(None, [", ".join(endings[:-1]), endings[-1]]))
        raise StudioError(f"{option} {path.name!r} must end in {wanted}.")
    try:
        folder = path.resolve().parent  # where a symbolic link's new content goes
        if not folder.is_dir():
            raise StudioError(f"{option}: there is no folder {str(path.parent)!r}; make it first.")
        if path.exists() and not path.is_file():
            raise StudioError(f"{option}: {path.name!r} is not a regular file; choose another.")
        # Permissions say too little about file systems: only writing shows it.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StudioError(
            f"{option}: can't write to {path.name[:60]!r}: {reason(error)}."
        ) from error
    except (ValueError, RuntimeError) as error:  # a NUL in the path, a link to itself
        raise StudioError(f"{option}: the name {path.name[:60]!r} is not allowed.") from error


def open_preset(path: Path) -> Preset:
    """The preset of a file. Torch-free.

    Raises:
        StudioError: It is no sound preset.
    """
    from flowmap_studio.core.errors import PresetError
    from flowmap_studio.core.presets import read_preset

    try:
        return read_preset(path)
    except PresetError as error:
        # That ending is for the window, which has a current map.
        raise PresetError(str(error).removesuffix(" Your current map is unchanged.")) from error


def load_map(snapshot: Snapshot) -> LoadedMap:
    """The map made ready on the device that the window would take."""
    from flowmap_studio.core.devices import usable_device
    from flowmap_studio.core.loaded_map import LoadedMap

    return LoadedMap(snapshot, usable_device(snapshot.config.device))


def write_points(path: Path, points: npt.NDArray[np.float32]) -> None:
    """Write points (n, dim) as .npy or .csv, by the path's ending.

    Raises:
        StudioError: They could not be written.
    """
    from flowmap_studio.core.files import points_as_csv, points_as_npy, write_whole

    as_bytes = points_as_npy if path.suffix.lower() == ".npy" else points_as_csv
    write_whole(path, as_bytes(points))


def read_own_points(path: Path, dim: int) -> npt.NDArray[np.float64]:
    """(n, dim) points of the file of --points, which need no spread and may be a single one.

    Raises:
        StudioError: It is no such file.
    """
    if path.suffix.lower() not in INPUT_ENDINGS:
        raise StudioError(f"--points {path.name!r} must end in {', '.join(INPUT_ENDINGS)}.")
    if not path.is_file():
        raise StudioError(f"--points: there is no file {path.name!r}; check its path.")
    from flowmap_studio.core.targets.base import check_values
    from flowmap_studio.core.targets.points import read_points

    points = read_points(path)
    if points.ndim != 2 or not len(points):
        raise StudioError(
            f"{path.name} has shape {points.shape}; give one row per point and one column per axis."
        )
    if points.shape[1] != dim:
        raise StudioError(
            f"{path.name} has {points.shape[1]} column{'s' * (points.shape[1] != 1)}, but the map "
            f"has {dim} axes; give one column per axis."
        )
    check_values(path.name, points)
    return points
