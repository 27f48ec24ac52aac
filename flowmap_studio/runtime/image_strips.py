"""Strips of images: the way of one sample, and samples between two. Imports torch."""

from __future__ import annotations

import math

import numpy as np
import torch

from flowmap_studio.core.guidance import Guide
from flowmap_studio.core.loaded_map import LoadedMap, Points
from flowmap_studio.core.stage_clouds import stage_noise
from flowmap_studio.runtime.frames import FrameRequest

FRAMES = 9
"""Images of a strip, the ends among them."""


def image_strips(
    request: FrameRequest, loaded: LoadedMap, guide: Guide | None
) -> dict[str, Points]:
    """The strips of a frame, see `Frame.strips`.

    A map's are of one jump each, a velocity's of the frame's steps of its solver.

    Args:
        request: Says which samples.
        loaded: The map.
        guide: Classes of the stage's samples; the mixed ones have that of the picked one.
    """
    noise, sampling = stage_noise(loaded), request.sampling
    picked, other = (min(row, len(noise) - 1) for row in (sampling.picked, sampling.other))
    told = None if guide is None else _same_class(guide, picked)
    velocity = loaded.flow_map.clock == "start"
    steps = request.steps if velocity else 1
    one = None if told is None else told.rows(slice(1))
    way = [
        loaded.at(noise[picked : picked + 1], at / (FRAMES - 1), steps, one, sampling.solver)[0]
        for at in range(FRAMES)
    ]
    mixed = mixed_noise(noise[picked], noise[other])
    mix = loaded.at(mixed, request.t, steps, told, sampling.solver)
    return {"way": np.stack(way), "mix": mix}


def _same_class(guide: Guide, row: int) -> Guide:
    """The guide of a strip: the class of one row, throughout."""
    return guide._replace(cond=guide.cond[row : row + 1].repeat(FRAMES, 1))


def mixed_noise(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """(9, dim) noise from one (dim,) to the other along a circle.

    cos θ · one + sin θ · other is as normal as both are, at every θ; a straight line would shrink
    half way to less noise than the map ever saw.
    """
    if torch.equal(one, other):
        return one.repeat(FRAMES, 1)
    angle = torch.linspace(0, math.pi / 2, FRAMES, dtype=torch.float64)[:, None]
    wide = angle.cos() * one.double() + angle.sin() * other.double()
    wide[0], wide[-1] = one.double(), other.double()
    return wide.to(one.dtype)
