"""Clouds counted on the pixels of an image where they are: millions of points never leave the GPU.

The counterpart, on any device of torch, of what the stage does with the points that it is given.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.samplers import composed, even_times

ROWS_AT_ONCE = {"cpu": 16_384, "cuda": 131_072}
"""Rows per forward: enough to fill the device, few enough for its cache or memory."""


class Frame(NamedTuple):
    """The rectangle of the plane that an image shows, and its pixels.

    Attributes:
        low: Lower ends along both axes.
        high: Upper ends along both axes.
        width: Of the image, in pixels.
        height: Of the image, in pixels.
    """

    low: tuple[float, float]
    high: tuple[float, float]
    width: int
    height: int


def count_points(points: torch.Tensor, frame: Frame) -> torch.Tensor:
    """Points in each pixel.

    Args:
        points: (n, d ≥ 2) on any device; the first two axes are counted, and what lies outside of
            the frame or is not finite is left out.
        frame: What is shown.

    Returns:
        (height, width) int64 on the points' device; row 0 is the highest, as in a picture.
    """
    shape = points.new_tensor([frame.width, frame.height])
    low, high = points.new_tensor(frame.low), points.new_tensor(frame.high)
    place = (points[:, :2] - low) / (high - low) * shape
    # Into one bin more than there are pixels: choosing rows would make the device wait.
    inside = ((place >= 0) & (place < shape)).all(dim=1)
    place = torch.where(inside[:, None], place, 0.0).long()
    pixel = (frame.height - 1 - place[:, 1]) * frame.width + place[:, 0]
    size = frame.width * frame.height
    counts = torch.bincount(torch.where(inside, pixel, size), minlength=size + 1)
    return counts[:size].reshape(frame.height, frame.width)


@torch.inference_mode()
def map_image(
    loaded: LoadedMap, noise: torch.Tensor, t: float, steps: int, frame: Frame
) -> torch.Tensor:
    """Where noise is carried, counted on an image without leaving the map's device.

    Args:
        loaded: The map.
        noise: (n, dim) points at time 0 in normalised units, best on the map's device.
        t: Flow time in [0, 1].
        steps: Equal jumps.
        frame: What is shown, in data units.

    Returns:
        (height, width) int64 points in each pixel, on the map's device.
    """
    times = even_times(0.0, t, steps)
    normal = loaded.snapshot.normalisation
    shift = torch.tensor(normal.shift, dtype=torch.float32, device=loaded.device)
    scale = torch.tensor(normal.scale, dtype=torch.float32, device=loaded.device)
    counts = torch.zeros(frame.height, frame.width, dtype=torch.long, device=loaded.device)
    rows = ROWS_AT_ONCE.get(loaded.device.type, ROWS_AT_ONCE["cpu"])
    for start in range(0, len(noise), rows):
        part = noise[start : start + rows].to(loaded.device)
        moved = composed(loaded.flow_map, part, times)
        counts += count_points(moved * scale + shift, frame)
    return counts
