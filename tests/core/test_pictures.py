"""Pictures become densities: dark pixels likely, y upwards; bad ones are refused in a sentence."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from flowmap_studio.core.errors import DataError
from flowmap_studio.core.randomness import Stream, generator
from flowmap_studio.core.targets import open_target


def picture_bytes(pixels: np.ndarray, kind: str = "PNG", mode: str | None = None) -> bytes:
    stream = io.BytesIO()
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(stream, kind)
    return stream.getvalue()


def draw(path: Path, content: bytes, count: int = 20_000) -> torch.Tensor:
    path.write_bytes(content)
    target = open_target(str(path))
    assert (target.name, target.dim) == (path.name, 2)
    points = target.sample(count, generator(0, Stream.PAIRS))
    assert points.dtype == torch.float32
    assert points.shape == (count, 2)
    assert torch.equal(points, target.sample(count, generator(0, Stream.PAIRS)))
    return points


def top_left_dark(height: int = 40, width: int = 80) -> np.ndarray:
    pixels = np.full((height, width), 255, np.uint8)
    pixels[: height // 2, : width // 2] = 0
    return pixels


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "LA"])
def test_points_lie_where_the_picture_is_dark_with_y_upwards(tmp_path: Path, mode: str) -> None:
    points = draw(tmp_path / "corner.png", picture_bytes(top_left_dark(), mode=mode))
    x, y = points.T
    # The longer side spans [−2, 2]: this one [−2, 2] × [−1, 1], and the dark part its upper left.
    assert -2 <= float(x.min()) < -1.95
    assert -0.05 < float(x.max()) <= 0
    assert 0 <= float(y.min()) < 0.05
    assert 0.95 < float(y.max()) <= 1


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg(tmp_path: Path, mode: str) -> None:
    points = draw(tmp_path / "corner.jpg", picture_bytes(top_left_dark(), "JPEG", mode))
    inside = (points[:, 0] < 0.1) & (points[:, 1] > -0.1)
    assert float(inside.float().mean()) > 0.98
    assert float(points[:, 0].min()) < -1.9


def test_darkness_is_the_density(tmp_path: Path) -> None:
    grey = np.full((20, 30), 255, np.uint8)
    grey[:, :10] = 255 - 240
    grey[:, 10:20] = 255 - 80
    points = draw(tmp_path / "steps.png", picture_bytes(grey))
    left = float((points[:, 0] < -2 / 3).float().mean())
    assert left == pytest.approx(3 / 4, abs=0.02)
    assert float(points[:, 0].max()) <= 2 / 3


def test_sixteen_bit_greys(tmp_path: Path) -> None:
    deep = np.full((20, 20), 65535, np.uint16)
    deep[:10] = 0x4000
    points = draw(tmp_path / "deep.png", picture_bytes(deep))
    assert float(points[:, 1].min()) >= 0


def test_transparent_pixels_are_white(tmp_path: Path) -> None:
    pixels = np.zeros((20, 20, 4), np.uint8)
    pixels[:, 10:, 3] = 255
    points = draw(tmp_path / "half.png", picture_bytes(pixels))
    assert float(points[:, 0].min()) >= 0


def test_large_pictures_are_scaled_down(tmp_path: Path) -> None:
    points = draw(tmp_path / "wide.png", picture_bytes(top_left_dark(1500, 3000)))
    assert -2 <= float(points[:, 0].min()) < -1.9
    assert float(points[:, 1].min()) > -0.02


def test_split_gives_two_fresh_samples(tmp_path: Path) -> None:
    path = tmp_path / "corner.png"
    path.write_bytes(picture_bytes(top_left_dark()))
    one, other = open_target(str(path)).split(50, generator(0, Stream.SPLIT))
    assert one.shape == other.shape == (50, 2)
    assert not torch.equal(one, other)


def claiming(width: int, height: int) -> bytes:
    """A small PNG whose head promises width × height pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", head),
            chunk(b"IDAT", zlib.compress(bytes(100))),
            chunk(b"IEND", b""),
        ]
    )


BMP = picture_bytes(top_left_dark(), "BMP")
PNG = picture_bytes(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8))
BAD = {
    "white.png": (picture_bytes(np.full((9, 9), 255, np.uint8)), "all white"),
    "faint.png": (picture_bytes(np.full((9, 9), 250, np.uint8)), "all white"),
    "clear.png": (picture_bytes(np.zeros((9, 9, 4), np.uint8)), "all white"),
    "large.png": (claiming(9_000, 9_000), "9,000 × 9,000 pixels"),
    "larger.png": (claiming(10_000, 10_000), "10,000 × 10,000 pixels"),
    "huge.png": (claiming(60_000, 60_000), "60,000 × 60,000 pixels"),
    "renamed.png": (BMP, "not a PNG or JPEG"),
    "words.jpg": (b"1,2\n3,4\n", "not a PNG or JPEG"),
    "empty.png": (b"", "not a PNG or JPEG"),
    "cut.png": (PNG[: len(PNG) // 2], "cut.png"),
    "hollow.png": (claiming(100, 100), "hollow.png"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_pictures(tmp_path: Path, name: str) -> None:
    content, words = BAD[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as raised:
        open_target(str(path))
    sentence = str(raised.value)
    assert words in sentence
    assert name in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_every_cut_of_a_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    for size in range(0, len(PNG) - 64, 61):
        path.write_bytes(PNG[:size])
        with pytest.raises(DataError):
            open_target(str(path))
