"""Explicit random generators: every stream of numbers is a function of (seed, stream, index).

Because chunk `index` of a stream does not depend on the chunks before it, a run resumed at any
step draws exactly what the uninterrupted run would have drawn.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import torch


class Stream(IntEnum):
    """Independent streams; their numbers are part of the file format and never change."""

    WEIGHTS = 1
    PAIRS = 2
    TIMES = 3
    NOISE = 4
    NORMALISATION = 5
    DISPLAY = 6
    METRICS = 7
    SPLIT = 8
    PATHS = 9
    CLASSES = 10
    BRIDGES = 11
    DIFFUSION = 12
    JUDGES = 13


def generator(
    seed: int, stream: Stream, index: int = 0, device: torch.device | str = "cpu"
) -> torch.Generator:
    """A fresh generator for chunk `index` of a stream.

    Args:
        seed: The run's seed.
        stream: Which stream of numbers.
        index: Which chunk of the stream.
        device: Where the numbers are drawn; streams differ between devices.
    """
    state = np.random.SeedSequence([seed, int(stream), index]).generate_state(1, np.uint64)
    made = torch.Generator(device=device)
    made.manual_seed(int(state[0] >> np.uint64(1)))
    return made


def source_noise(count: int, dim: int, seed: int) -> torch.Tensor:
    """(count, dim) standard normal source points x0, drawn on the CPU so that devices agree.

    The window's cloud, `sample` and `evaluate` all start from these points.
    """
    return torch.randn(count, dim, generator=generator(seed, Stream.NOISE))
