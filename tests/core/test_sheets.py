"""Sheets of images: each pixel of each image stands where it should, in its own grey."""

from __future__ import annotations

import numpy as np
import pytest

from flowmap_studio.core.drawing.scene import Scene
from flowmap_studio.core.drawing.sheets import SheetPainter
from flowmap_studio.core.images import ImageShape
from flowmap_studio.core.palettes import DARK, rgb

SHAPE = ImageShape(2, 3)
LAYERS = ("data", "one_step")


def even(count: int, grey: int, shape: ImageShape = SHAPE) -> np.ndarray:
    return np.full((count, shape.dim), grey / 255)


def area(pixels: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((pixels == colour).all(axis=2).sum())


@pytest.mark.parametrize("size", [(640, 640), (960, 540), (300, 900)])
def test_each_layer_has_its_sheet(size: tuple[int, int]) -> None:
    painter = SheetPainter(size, SHAPE, LAYERS, DARK)
    scene = Scene({"data": even(200, 200), "one_step": even(200, 90), "composed": even(200, 30)})
    drawn = painter.draw(scene)
    assert drawn.shape == (size[1], size[0], 3)
    assert drawn.dtype == np.uint8
    side = painter._scale
    assert area(drawn, (200, 200, 200)) == painter.images * SHAPE.dim * side**2
    assert area(drawn, (90, 90, 90)) == painter.images * SHAPE.dim * side**2
    assert area(drawn, (30, 30, 30)) == 0  # not asked for
    assert tuple(drawn[0, 0]) == rgb(DARK.stage)


def test_an_image_is_what_it_is() -> None:
    painter = SheetPainter((200, 200), SHAPE, ("one_step",), DARK)
    values = np.array([10, 20, 30, 40, 50, 60])
    drawn = painter.draw(Scene({"one_step": values[None] / 255}))
    rows, columns = np.nonzero((drawn[..., 0] == 10) & (drawn[..., 1] == 10))
    top, left, side = rows.min(), columns.min(), painter._scale
    middle = side // 2
    seen = drawn[top + middle : top + 2 * side : side, left + middle : left + 3 * side : side, 0]
    assert seen.ravel().tolist() == values.tolist()


def test_colours_stay_colours_and_what_no_byte_holds_is_clipped() -> None:
    shape = ImageShape(1, 1, 3)
    points = np.array([[1.5, -2.0, 0.5], [np.nan, 0.0, 1.0]])
    drawn = SheetPainter((200, 200), shape, ("data",), DARK).draw(Scene({"data": points}))
    assert area(drawn, (255, 0, 128)) > 0
    assert area(drawn, (0, 0, 255)) > 0


def test_an_image_larger_than_the_picture_is_reduced() -> None:
    shape = ImageShape(64, 64)
    painter = SheetPainter((64, 64), shape, LAYERS, DARK)
    drawn = painter.draw(Scene({"data": even(3, 200, shape), "one_step": even(3, 90, shape)}))
    assert drawn.shape == (64, 64, 3)
    assert 50 < area(drawn, (200, 200, 200)) < 64 * 64
