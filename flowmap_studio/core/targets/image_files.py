"""The user's own images: NumPy archives and the files that MNIST comes in. Torch-free."""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.lib.format as npy
import numpy.typing as npt

from flowmap_studio.core.errors import DataError
from flowmap_studio.core.images import MAX_SIDE, MAX_VALUES, ImageShape

MAX_BYTES = 1 << 30
"""Largest array of images."""
MAX_COUNT = 1_000_000
MOST_CLASSES = 100
FEW_LEVELS = 32
"""Whole numbers below this are taken as levels 0 … largest; others as bytes."""
IDX_NAME = re.compile(r"idx3-ubyte(\.gz)?$")
IMAGE_KEYS = ("images", "x_train", "train_images", "x", "data", "arr_0")
LABEL_KEYS = ("labels", "y_train", "train_labels", "y", "target", "arr_1")
"""Names of the arrays in an archive, the first that is there counts: ours, Keras's, MedMNIST's."""
IDX_IMAGES, IDX_LABELS = 0x00000803, 0x00000801
_DAMAGED = (ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, MemoryError)


class Images(NamedTuple):
    """What was read.

    Attributes:
        values: (n, dim) levels, or values in [0, 1] where `shape.levels` is 0.
        shape: Of the images.
        labels: (n,) indices into `classes`; None where there are none.
        classes: Names.
    """

    values: npt.NDArray[np.generic]
    shape: ImageShape
    labels: npt.NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()


def is_idx(path: Path) -> bool:
    """Whether a file is named as MNIST's images are, e.g. train-images-idx3-ubyte.gz."""
    return IDX_NAME.search(path.name) is not None


def read_archive(path: Path) -> Images:
    """The images of a .npz file, and their labels if it has any.

    Args:
        path: Holds an array (n, height, width) or (n, height, width, channels), whole numbers
            from 0 to 255 or numbers in [0, 1], under one of `IMAGE_KEYS`, and maybe (n,) labels
            under one of `LABEL_KEYS`.

    Raises:
        DataError: It can't be read or holds something else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.removesuffix(".npy"): name for name in archive.namelist()}
            key = next((key for key in IMAGE_KEYS if key in names), None)
            if key is None:
                raise DataError(
                    f"{path.name} has no array named {', '.join(IMAGE_KEYS[:-1])} or "
                    f"{IMAGE_KEYS[-1]}; save it with numpy.savez(file, images=…, labels=…)."
                )
            values = _member(archive, names[key], path.name)
            told = next((key for key in LABEL_KEYS if key in names), None)
            labels = None if told is None else _member(archive, names[told], path.name)
    except OSError as error:
        raise DataError(f"Could not read {path.name}: {error.strerror or error}.") from error
    except _DAMAGED as error:
        raise DataError(
            f"{path.name} is not a sound NumPy archive; save it with numpy.savez."
        ) from error
    return checked(path.name, values, labels)


def _member(archive: zipfile.ZipFile, name: str, file: str) -> npt.NDArray[np.generic]:
    """An array of an archive, its size known from its head before anything is unpacked."""
    with archive.open(name) as stream:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(stream)
        if dtype.kind not in "biuf":
            raise DataError(f"{file} holds {dtype} values; save real numbers.")
        if dtype.itemsize * int(np.prod(shape, dtype=object)) > MAX_BYTES:
            raise DataError(f"{file} holds more than 1 GiB; give a sample of it.")
    with archive.open(name) as stream:
        array: npt.NDArray[np.generic] = npy.read_array(stream, allow_pickle=False)
    return array


def read_idx(path: Path) -> Images:
    """The images of a file of MNIST's kind, and the labels of the file that lies beside it.

    Args:
        path: E.g. train-images-idx3-ubyte or .gz of it; labels are in train-labels-idx1-ubyte.

    Raises:
        DataError: One of them can't be read or is something else.
    """
    images = _idx(path, IDX_IMAGES)
    beside = path.name.replace("images", "labels").replace("idx3", "idx1")
    stem = beside.removesuffix(".gz")
    found = [path.with_name(name) for name in (beside, stem, f"{stem}.gz")]
    there = next((each for each in found if each != path and each.is_file()), None)
    return checked(path.name, images, None if there is None else _idx(there, IDX_LABELS))


def _idx(path: Path, magic: int) -> npt.NDArray[np.uint8]:
    """The array of an idx file: a magic number, the sizes, then bytes."""
    axes = magic & 0xFF
    opened = gzip.open if path.name.endswith(".gz") else open
    try:
        with opened(path, "rb") as stream:
            head = stream.read(4 + 4 * axes)
            sizes = [int(n) for n in np.frombuffer(head[4:], ">u4")]
            if len(head) < 4 + 4 * axes or int.from_bytes(head[:4], "big") != magic:
                raise DataError(f"{path.name} is not an idx file of {_KINDS[magic]}.")
            size = int(np.prod(sizes, dtype=object))
            if size > MAX_BYTES:
                raise DataError(f"{path.name} holds more than 1 GiB; give a sample of it.")
            content = stream.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or "it is damaged"
        raise DataError(f"Could not read {path.name}: {why}.") from error
    if len(content) != size:
        raise DataError(f"{path.name} does not hold what its head says; copy or load it again.")
    return np.frombuffer(content, np.uint8).reshape(sizes)


_KINDS = {IDX_IMAGES: "images", IDX_LABELS: "labels"}


def checked(
    name: str, values: npt.NDArray[np.generic], labels: npt.NDArray[np.generic] | None = None
) -> Images:
    """Images whose shape, values and labels are as they must be.

    Args:
        name: What to call them.
        values: (n, height, width) or (n, height, width, channels).
        labels: (n,) or (n, 1) any whole numbers.

    Raises:
        DataError: They are not.
    """
    if values.ndim == 3:
        values = values[..., None]
    if values.ndim != 4 or values.shape[-1] not in (1, 3):
        raise DataError(
            f"{name} has shape {values.shape}; give (images, height, width) or "
            "(images, height, width, 1 or 3)."
        )
    count, height, width, channels = values.shape
    if not values.size:
        raise DataError(f"{name} holds no images.")
    if count > MAX_COUNT:
        raise DataError(f"{name} holds {count:,} images; at most a million are read.")
    if not ImageShape(height, width, channels).sensible:
        raise DataError(
            f"The images of {name} are {height} × {width} × {channels}; at most {MAX_SIDE} pixels "
            f"a side and {MAX_VALUES:,} values an image are supported."
        )
    flat = values.reshape(count, -1)
    levels = _levels(name, flat)
    shape = ImageShape(height, width, channels, levels)
    return Images(flat.astype(np.uint8) if levels else flat, shape, *_classes(name, count, labels))


def _levels(name: str, values: npt.NDArray[np.generic]) -> int:
    """How many values pixels can have; 0 for continuous ones in [0, 1]."""
    numbers = values.astype(np.float32) if values.dtype.kind == "f" else values
    low, high = float(numbers.min()), float(numbers.max())
    if not np.isfinite(numbers).all():
        raise DataError(f"{name} has missing or infinite values; repair them.")
    whole = values.dtype.kind != "f" or bool((numbers == np.floor(numbers)).all())
    if low >= 0 and high <= 255 and whole and (values.dtype.kind != "f" or high > 1):
        return int(high) + 1 if 1 < high < FEW_LEVELS else 256 if high > 1 else 2
    if low >= 0 and high <= 1:
        return 0
    raise DataError(
        f"{name} has values from {low:g} to {high:g}; give whole numbers from 0 to 255, or numbers "
        "from 0 to 1."
    )


def _classes(
    name: str, count: int, labels: npt.NDArray[np.generic] | None
) -> tuple[npt.NDArray[np.int64] | None, tuple[str, ...]]:
    if labels is None:
        return None, ()
    if labels.size != count:
        raise DataError(f"{name} has {count:,} images but {labels.size:,} labels.")
    values, indices = np.unique(labels.reshape(-1), return_inverse=True)
    if len(values) > MOST_CLASSES:
        raise DataError(
            f"{name} has {len(values):,} different labels; at most {MOST_CLASSES} are supported."
        )
    return indices.reshape(-1).astype(np.int64), tuple(f"{value:g}" for value in values)
