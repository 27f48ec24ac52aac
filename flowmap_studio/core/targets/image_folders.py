"""A folder of pictures as a target; its sub-folders are classes. Torch-free."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from flowmap_studio.core.errors import DataError
from flowmap_studio.core.targets.image_files import MOST_CLASSES, Images, checked

SIDE = 32
"""Pictures of several sizes, or larger ones, are cut to a square and scaled to this many pixels."""
MOST_FILES = 20_000
MAX_PIXELS = 64_000_000
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp")


def read_folder(folder: Path) -> Images:
    """The pictures of a folder, and of its sub-folders, which are classes then.

    Pictures of one size of at most 32 × 32 pixels stay as they are.

    Raises:
        DataError: There are no pictures, too many, or one can't be read.
    """
    try:
        inner = sorted(path for path in folder.iterdir() if path.is_dir() and _listed(path))
        files = [(path, 0) for path in _listed(folder)]
        if not files:
            files = [(path, at) for at, each in enumerate(inner) for path in _listed(each)]
    except OSError as error:
        raise DataError(f"Could not read {folder.name}: {error.strerror or error}.") from error
    if not files:
        raise DataError(f"The folder {folder.name} holds no pictures (.png .jpg .bmp).")
    if len(files) > MOST_FILES:
        raise DataError(
            f"The folder {folder.name} holds {len(files):,} pictures; at most {MOST_FILES:,} are "
            "read. Save them as one .npz file."
        )
    values = _stacked([path for path, _ in files])
    labelled = len({label for _, label in files}) > 1
    if not labelled:
        return checked(folder.name, values)
    if len(inner) > MOST_CLASSES:
        raise DataError(
            f"The folder {folder.name} has {len(inner):,} sub-folders; as classes at most "
            f"{MOST_CLASSES} are supported."
        )
    found = checked(folder.name, values, np.array([label for _, label in files]))
    return found._replace(classes=tuple(path.name for path in inner))


def _listed(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file()
    )


def _stacked(paths: list[Path]) -> npt.NDArray[np.uint8]:
    """(n, height, width, channels) bytes; grey where every picture is."""
    pictures = list(_decoded(paths))
    sizes = {picture.size for picture in pictures}
    width, height = next(iter(sizes))
    if len(sizes) > 1 or max(width, height) > SIDE:
        pictures = [_squared(picture) for picture in pictures]
    stacked = np.stack([np.asarray(picture) for picture in pictures])
    grey = (stacked[..., :1] == stacked).all()
    return stacked[..., :1] if grey else stacked


def _decoded(paths: list[Path]) -> Iterator[Image.Image]:
    for path in paths:
        try:
            with Image.open(path, formats=("PNG", "JPEG", "BMP")) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise DataError(f"{path.name} has more than 64 million pixels; scale it down.")
                small = image.convert("RGB")
        except UnidentifiedImageError as error:
            raise DataError(f"{path.name} is not a PNG, JPEG or BMP picture.") from error
        except OSError as error:
            raise DataError(f"Could not read {path.name}: {error.strerror or error}.") from error
        except (ValueError, SyntaxError) as error:
            raise DataError(f"{path.name} is a damaged picture; save it again.") from error
        # Bounded memory: nothing larger than what is needed for the final scale is kept.
        if max(small.size) > 4 * SIDE:
            small = _squared(small)
        yield small


def _squared(picture: Image.Image) -> Image.Image:
    """The middle square, scaled."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    middle = picture.crop((left, top, left + side, top + side))
    return middle.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
