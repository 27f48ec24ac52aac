"""What a preset's tensors must be: exactly those that its settings demand, finite and bounded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.config import NORMAL, RunConfig
from flowmap_studio.core.errors import PresetError
from flowmap_studio.core.presets.header import Header, TensorEntry

WEIGHT_LIMIT = 1e6
POINT_LIMIT = 65_536
THUMBNAIL_BYTES = 512 * 1024
THUMBNAIL_SIDE = 512
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

Tensors = dict[str, npt.NDArray[Any]]


def check_tensors(
    header: Header,
    config: RunConfig,
    dim: int,
    classes: int,
    expected: Mapping[str, tuple[int, ...]],
) -> None:
    """Refuse names, shapes and dtypes other than those that the config and the run demand.

    Args:
        header: Of the file.
        config: Of its map.
        dim: Axes of the data.
        classes: Number of classes; 0 for an unconditional map.
        expected: Names and shapes of the weights and of the run's tensors.

    Raises:
        PresetError: So.
    """
    found = dict(header.tensors)
    thumbnail = found.pop("thumbnail", None)
    if thumbnail is not None and (thumbnail.dtype != "U8" or len(thumbnail.shape) != 1):
        raise PresetError("its thumbnail is damaged")
    data = _check_sample(found.pop("data", None), dim)
    labels, source = found.pop("labels", None), found.pop("source", None)
    if (labels is None) != (classes == 0) or (labels and labels.shape != data.shape[:1]):
        raise PresetError("its labels do not fit its classes")
    if (source is None) != (config.source == NORMAL):
        raise PresetError("its source does not fit its settings")
    if source is not None:
        _check_sample(source, dim)
    if {name: entry.shape for name, entry in found.items()} != expected:
        raise PresetError("its weights do not fit its settings")
    if any(entry.dtype != "F32" for entry in (*found.values(), *filter(None, [labels]))):
        raise PresetError("its weights have a type that is not allowed")


def array_of(content: bytes, header: Header, entry: TensorEntry) -> npt.NDArray[Any]:
    """A tensor as a view of the file's bytes: nothing is copied."""
    dtype = np.dtype("<f4") if entry.dtype == "F32" else np.dtype(np.uint8)
    count = math.prod(entry.shape)
    flat = np.frombuffer(content, dtype, count, header.data_start + entry.start)
    return flat.reshape(entry.shape)


def check_values(tensors: Tensors) -> None:
    """Refuse values that are not finite, or weights that no training leaves.

    Raises:
        PresetError: So.
    """
    for name, array in tensors.items():
        limit = WEIGHT_LIMIT if name.startswith("map.") else 1e30
        # NaN fails the comparison too.
        if array.dtype == np.float32 and array.size and not np.abs(array).max() <= limit:
            raise PresetError("it holds values that are not finite or far too large")


def usable_thumbnail(tensors: Mapping[str, npt.NDArray[Any]]) -> bytes | None:
    """The PNG of the tensors if it is small enough to decode safely, else None."""
    stored = tensors.get("thumbnail")
    if stored is None or stored.nbytes > THUMBNAIL_BYTES:
        return None
    png = stored.tobytes()
    if not png.startswith(PNG_SIGNATURE) or png[12:16] != b"IHDR" or len(png) < 33:
        return None
    width, height = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    return png if 0 < width <= THUMBNAIL_SIDE and 0 < height <= THUMBNAIL_SIDE else None


def _check_sample(entry: TensorEntry | None, dim: int) -> TensorEntry:
    """A tensor of points, which must be there."""
    if entry is None or entry.dtype != "F32" or len(entry.shape) != 2 or entry.shape[1] != dim:
        raise PresetError("its sample of the data is damaged")
    if entry.shape[0] > POINT_LIMIT:
        raise PresetError("its sample of the data is too large")
    return entry
