"""Points counted on an image: every one in its pixel, wherever they were made."""

from __future__ import annotations

import numpy as np
import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.point_image import Frame, count_points, map_image
from flowmap_studio.core.targets import SHAPES
from flowmap_studio.core.trainer import Trainer


def test_every_point_is_counted_in_its_pixel_and_row_0_is_the_highest() -> None:
    frame = Frame((0.0, -1.0), (4.0, 2.0), 4, 3)
    outside = [[4.0, 0.0], [9.0, 9.0], [float("nan"), 0.0], [1.0, float("inf")]]
    points = torch.tensor([[0.5, -0.5], [0.5, -0.5], [3.999, 1.5], [0.0, -1.0], *outside])
    expected = [[0, 0, 0, 1], [0, 0, 0, 0], [3, 0, 0, 0]]
    assert count_points(points, frame).tolist() == expected
    more_axes = torch.cat([points, torch.ones(len(points), 2)], dim=1)
    assert count_points(more_axes, frame).tolist() == expected


def test_an_image_of_a_map_holds_all_the_points_that_the_map_gives() -> None:
    config = RunConfig(hidden_dim=8, depth=1, batch_size=16, ot_batch=16, device="cpu")
    loaded = LoadedMap(Trainer(config, SHAPES["moons"]).snapshot())
    noise = loaded.noise(2500, 3)
    points = loaded.at(noise, 0.6, 3)
    low, high = points.min(axis=0) - 0.1, points.max(axis=0) + 0.1
    frame = Frame(tuple(low.tolist()), tuple(high.tolist()), 30, 20)
    image = map_image(loaded, noise, 0.6, 3, frame)
    assert image.sum() == 2500
    x, y = ((points - low) / (high - low)).T
    counted, _, _ = np.histogram2d(1 - y, x, bins=(20, 30), range=((0, 1), (0, 1)))
    # Of another order of arithmetic a few points may fall to the other side of a pixel's edge.
    assert np.abs(image.numpy() - counted).sum() <= 6
