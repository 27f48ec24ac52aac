"""Small pictures of clouds: soft points, brighter where they crowd. No Qt, no torch."""

from __future__ import annotations

import io
import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from flowmap_studio.core.images import ImageShape, as_pictures, contact_sheet
from flowmap_studio.core.palettes import DARK, rgb

SAMPLE_COLOUR = rgb(DARK.one_step)
CARD_COLOUR = rgb(DARK.stage)
THUMBNAIL_SIZE = 128
OVERSAMPLING = 2
PAPER = 40
"""Grey between images side by side."""
SHEET_WIDTH = 1024
"""Pixels that a picture of images is about wide."""

View = tuple[float, float, float, float]


def density_picture(
    points: npt.NDArray[np.floating],
    size: int,
    colour: tuple[int, int, int] = SAMPLE_COLOUR,
    background: tuple[int, int, int] | None = None,
    view: View | None = None,
) -> bytes:
    """A square PNG of a cloud.

    Args:
        points: (n, dim ≥ 2) points; the first two columns are drawn, y upwards.
        size: Pixels along each side.
        colour: Red, green, blue of the points.
        background: Red, green, blue behind them; None is transparent.
        view: x and y ranges (x0, x1, y0, y1); None fits the cloud.
    """
    x0, x1, y0, y1 = view or fitting_view(points)
    fine = size * OVERSAMPLING
    counts = np.histogram2d(-points[:, 1], points[:, 0], bins=fine, range=[[-y1, -y0], [x0, x1]])[0]
    alpha = _tone(counts, fine)
    picture = Image.new("RGBA", (fine, fine), (*colour, 0))
    picture.putalpha(Image.fromarray(alpha))
    picture = picture.resize((size, size), Image.Resampling.LANCZOS)
    if background is not None:
        paper = Image.new("RGBA", picture.size, (*background, 255))
        picture = Image.alpha_composite(paper, picture)
    return _png(picture)


def thumbnail(points: npt.NDArray[np.floating]) -> bytes:
    """The preset library's picture of a sample: PNG of 128 × 128 pixels."""
    return density_picture(points, THUMBNAIL_SIZE, background=CARD_COLOUR)


def image_sheet(points: npt.NDArray[np.floating], image: ImageShape) -> bytes:
    """A PNG of images side by side, each pixel drawn so large that a person sees it.

    Args:
        points: (n, dim) images in data units, n ≥ 1.
        image: Their shape.
    """
    columns = math.ceil(math.sqrt(len(points) * image.height / image.width))
    sheet = contact_sheet(as_pictures(points, image), columns, paper=PAPER)
    enlarged = _as_pillow(sheet)
    factor = max(1, SHEET_WIDTH // enlarged.width)
    size = (enlarged.width * factor, enlarged.height * factor)
    return _png(enlarged.resize(size, Image.Resampling.NEAREST))


def image_thumbnail(points: npt.NDArray[np.floating], image: ImageShape) -> bytes:
    """The preset library's picture of images: a PNG of 128 × 128 pixels, as many as can be read.

    Args:
        points: (n, dim) images in data units, n ≥ 1.
        image: Their shape.
    """
    side = max(2, min(5, THUMBNAIL_SIZE // max(image.height, image.width, 24)))
    sheet = _as_pillow(contact_sheet(as_pictures(points[: side * side], image), side, paper=PAPER))
    card = Image.new("RGB", (THUMBNAIL_SIZE, THUMBNAIL_SIZE), CARD_COLOUR)
    factor = THUMBNAIL_SIZE / max(sheet.size)
    size = (round(sheet.width * factor), round(sheet.height * factor))
    scaled = sheet.resize(size, Image.Resampling.NEAREST if factor >= 1 else Image.Resampling.BOX)
    card.paste(scaled, ((THUMBNAIL_SIZE - size[0]) // 2, (THUMBNAIL_SIZE - size[1]) // 2))
    return _png(card)


def _as_pillow(sheet: npt.NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(sheet[..., 0] if sheet.shape[-1] == 1 else sheet).convert("RGB")


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def fitting_view(points: npt.NDArray[np.floating]) -> View:
    """A square around all but the farthest points, with a margin."""
    low, high = np.percentile(points[:, :2], [0.5, 99.5], axis=0)
    centre = (low + high) / 2
    half = max(float((high - low).max()) * 0.5 * 1.15, 1e-6)
    return centre[0] - half, centre[0] + half, centre[1] - half, centre[1] + half


def _tone(counts: npt.NDArray[np.float64], fine: int) -> npt.NDArray[np.uint8]:
    """Opacity: every point is a soft dot, crowds saturate instead of clipping."""
    from scipy.ndimage import gaussian_filter  # takes half a second, and comes to few saves

    soft = gaussian_filter(counts, max(0.7, fine / 400))
    lit = soft[counts > 0]
    level = np.percentile(lit, 85) if lit.size else 1.0
    alpha: npt.NDArray[np.uint8] = np.rint(
        255 * (1 - np.exp(-1.8 * soft / max(level, 1e-12)))
    ).astype(np.uint8)
    return alpha
