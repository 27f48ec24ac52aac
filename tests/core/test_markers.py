"""Markers that the compiled library draws: pixel by pixel what blending them one by one gives."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from flowmap_studio.core.drawing.marker_look import coloured, coverage, premultiplied
from flowmap_studio.core.native.markers import ACROSS, Pixels, can_stamp, stamp

pytestmark = pytest.mark.skipif(not can_stamp(), reason="there is no compiled library")

Places = npt.NDArray[np.float32]
INK = 0x2090E0


def marker(diameter: float = 5.0, ratio: float = 1.0, phases: int = 4, rgb: int = INK) -> Pixels:
    tiles = coverage(diameter, ratio, phases) * 0.85
    return premultiplied(rgb, np.pad(tiles, [(0, 0)] * 3 + [(0, -tiles.shape[3] % ACROSS)]))


def channels(pixels: Pixels) -> npt.NDArray[np.int64]:
    """(rows, columns, 4) blue, green, red and alpha."""
    flat = np.ascontiguousarray(pixels).view(np.uint8).reshape(*pixels.shape, 4)
    return flat.astype(np.int64)


def blended(pixels: Pixels, pictures: Pixels, x: Places, y: Places) -> npt.NDArray[np.int64]:
    """The same with a loop over points: each picture over what is there, in eighths of a bit."""
    phases, _, height, width = pictures.shape
    seen = channels(pixels).astype(np.float64)
    for right, down in zip(x.tolist(), y.tolist(), strict=True):
        column, row = int(right), int(down)
        picture = pictures[int((down - row) * phases), int((right - column) * phases)]
        upper = channels(picture).astype(np.float64)
        under = seen[row : row + height, column : column + width]
        under[:] = np.rint(upper + under * (255 - upper[..., 3:]) / 255)
    return seen.astype(np.int64)


def some_places(count: int, high: tuple[float, float], seed: int = 0) -> tuple[Places, Places]:
    draw = np.random.default_rng(seed)
    x, y = (draw.uniform(0, end, count).astype(np.float32) for end in high)
    return x, y


@pytest.mark.parametrize(
    ("diameter", "ratio", "phases"), [(5, 1, 4), (3.2, 1, 4), (5, 1.5, 2), (4, 2, 2), (9, 2.5, 3)]
)
@pytest.mark.parametrize("count", [1, 40, 400])
def test_each_marker_lies_over_those_before_it(
    diameter: float, ratio: float, phases: int, count: int
) -> None:
    pictures = marker(diameter, ratio, phases)
    height, width = pictures.shape[2:]
    pixels = np.full((150, 90), 0x40102030, np.uint32)
    x, y = some_places(count, (90 - width, 150 - height))
    expected = blended(pixels, pictures, x, y)
    stamp(pixels, pictures, x, y)
    # One marker is exact; more of them are drawn in another order, and rounded in it.
    assert np.abs(channels(pixels) - expected).max() <= (0 if count == 1 else 3)


def test_no_channel_is_more_than_the_opacity_however_many_lie_on_each_other() -> None:
    pixels = np.zeros((20, 20), np.uint32)
    x = np.full(3_000, 4.3, np.float32)
    stamp(pixels, marker(rgb=0xFFFFFF), x, x)
    found = channels(pixels)
    assert (found[..., :3] == found[..., 3:]).all()
    assert found.max() == 255


def test_a_fresh_image_has_nothing_else_on_it() -> None:
    pictures = marker()
    x, y = some_places(300, (50, 190))
    blank, used = np.zeros((200, 61), np.uint32), np.full((200, 61), 0xFF00FF00, np.uint32)
    stamp(blank, pictures, x, y)
    stamp(used, pictures, x, y, fresh=True)
    np.testing.assert_array_equal(used, blank)
    stamp(used, pictures, x[:0], y[:0], fresh=True)
    assert not used.any()


def test_markers_at_the_edges_are_whole_or_left_out() -> None:
    pictures = marker()
    height, width = pictures.shape[2:]
    pixels = np.zeros((40, 30), np.uint32)
    right, bottom = 30 - width, 40 - height
    out = [-0.001, np.nan, np.inf, -np.inf, 1e30, -1e30, 2**31, 2**63]
    x = np.array([*out, *[3] * len(out), right + 1, 3], np.float32)
    y = np.array([*[3] * len(out), *out, 3, bottom + 1], np.float32)
    stamp(pixels, pictures, x, y)
    assert not pixels.any()
    corners = np.array([0, right + 0.99, 0, right + 0.99], np.float32)
    rows = np.array([0, 0, bottom + 0.99, bottom + 0.99], np.float32)
    stamp(pixels, pictures, corners, rows)
    np.testing.assert_array_equal(channels(pixels), blended(pixels * 0, pictures, corners, rows))


@pytest.mark.parametrize("shape", [(7, 8), (8, 7), (3, 3)])
def test_an_image_smaller_than_a_marker_stays_empty(shape: tuple[int, int]) -> None:
    pixels = np.ones(shape, np.uint32)
    pictures = marker(9.0)
    stamp(pixels, pictures, np.zeros(1, np.float32), np.zeros(1, np.float32), fresh=True)
    assert not pixels.any()


def test_arrays_that_it_would_misread_are_refused() -> None:
    pixels, pictures, at = np.zeros((40, 40), np.uint32), marker(), np.zeros(3, np.float32)
    for wrong in (
        (pixels.T[::2], pictures, at, at),
        (pixels.astype(np.int64), pictures, at, at),
        (pixels, pictures[..., :7], at, at),
        (pixels, np.ascontiguousarray(pictures[:2]), at, at),
        (pixels, pictures, at.astype(np.float64), at),
        (pixels, pictures, at, at[:2]),
        (pixels, pictures, at[::2], at[:2]),
    ):
        with pytest.raises(ValueError, match="compiled library"):
            stamp(*wrong)


def test_premultiplied_pixels_are_the_colours_at_their_opacity() -> None:
    alphas = np.array([0, 0.25, 0.5, 1.0])
    found, plain = premultiplied(INK, alphas), coloured(INK, alphas)
    np.testing.assert_array_equal(found >> 24, plain >> 24)
    assert found.tolist() == [0, 0x40082438, 0x80104870, 0xFF2090E0]
