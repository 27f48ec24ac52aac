"""Pictures as densities: dark pixels are likely, white and transparent ones are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from flowmap_studio.core.errors import DataError
from flowmap_studio.core.targets.base import Unlabelled

MAX_PIXELS = 64_000_000
"""Largest picture that is decoded; read from its header first."""
Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit would warn on stderr before ours speaks
LONGEST_SIDE = 1024
"""Larger pictures are scaled down to this many pixels."""
HALF_WIDTH = 2.0
"""The longer side of the picture spans [−2, 2] in data units."""
FAINT = 8
"""Darkness (of 255) below which a pixel counts as white: compression leaves specks."""


class PictureTarget(Unlabelled):
    """The density whose mass is the darkness of a picture's pixels.

    Args:
        name: What to call it.
        darkness: (height, width) darkness, 0 for white; first row on top.

    Raises:
        DataError: No pixel is dark.
    """

    dim = 2

    def __init__(self, name: str, darkness: np.ndarray) -> None:
        dark = np.where(darkness >= FAINT, darkness, 0).astype(np.float64)
        if not dark.any():
            raise DataError(f"{name} is all white; its dark pixels are what the map learns.")
        self.name = name
        self._height, self._width = dark.shape
        cumulative = np.cumsum(dark.ravel())
        self._cumulative = torch.from_numpy(cumulative / cumulative[-1])
        self._on_device = self._cumulative

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """(count, 2) points, uniform within each pixel, y pointing up."""
        device = generator.device
        if self._on_device.device.type != device.type:
            self._on_device = self._cumulative.to(device)
        where = torch.rand(count, generator=generator, device=device, dtype=torch.float64)
        pixel = torch.searchsorted(self._on_device, where, right=True)
        pixel = pixel.clamp_(max=len(self._cumulative) - 1)
        jitter = torch.rand(count, 2, generator=generator, device=device)
        x = (pixel % self._width) + jitter[:, 0]
        y = torch.div(pixel, self._width, rounding_mode="floor") + jitter[:, 1]
        unit = 2 * HALF_WIDTH / max(self._height, self._width)
        centred = torch.stack([x - self._width / 2, self._height / 2 - y], dim=1)
        points: torch.Tensor = centred * unit
        return points.float()

    def split(self, count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Two fresh samples of `count` points each."""
        return self.sample(count, generator), self.sample(count, generator)


def read_picture(path: Path) -> PictureTarget:
    """The density of a .png or .jpg file.

    Raises:
        DataError: The file can't be read, is no such picture, is too large or all white.
    """
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise DataError(
                    f"{path.name} has {width:,} × {height:,} pixels; at most 64 million are read."
                )
            darkness = _darkness(image)
    except UnidentifiedImageError as error:
        raise DataError(f"{path.name} is not a PNG or JPEG picture.") from error
    except OSError as error:
        raise DataError(f"Could not read {path.name}: {error.strerror or error}.") from error
    except (ValueError, SyntaxError) as error:
        raise DataError(f"{path.name} is a damaged picture; save it again.") from error
    return PictureTarget(path.name, darkness)


def _darkness(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would cut off at 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    layered = image.convert("RGBA")
    paper = Image.new("RGBA", layered.size, "white")
    grey = Image.alpha_composite(paper, layered).convert("L")
    return 255 - np.asarray(grey, np.int32)
