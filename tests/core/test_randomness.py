"""Streams of random numbers are functions of (seed, stream, index) and independent."""

from __future__ import annotations

import itertools

import pytest
import torch

from flowmap_studio.core.randomness import Stream, generator, source_noise

COUNT = 4000


def numbers(seed: int, stream: Stream, index: int = 0) -> torch.Tensor:
    return torch.randn(COUNT, generator=generator(seed, stream, index))


def test_a_stream_is_repeated_exactly() -> None:
    torch.manual_seed(0)
    first = numbers(3, Stream.PAIRS, 7)
    torch.manual_seed(1)
    assert torch.equal(first, numbers(3, Stream.PAIRS, 7))


def test_streams_seeds_and_chunks_are_uncorrelated() -> None:
    draws = [numbers(seed, s, k) for seed in (0, 1) for s in Stream for k in (0, 1)]
    limit = 5 / COUNT**0.5  # five standard deviations of the correlation of independent draws
    for one, other in itertools.combinations(draws, 2):
        assert abs(float((one * other).mean())) < limit


def test_stream_numbers_are_part_of_the_file_format() -> None:
    assert {s.name: int(s) for s in Stream} == {
        "WEIGHTS": 1,
        "PAIRS": 2,
        "TIMES": 3,
        "NOISE": 4,
        "NORMALISATION": 5,
        "DISPLAY": 6,
        "METRICS": 7,
        "SPLIT": 8,
        "PATHS": 9,
        "CLASSES": 10,
        "BRIDGES": 11,
        "DIFFUSION": 12,
        "JUDGES": 13,
    }


@pytest.mark.parametrize("seed", [0, 2**31 - 1])
def test_source_noise_is_standard_normal(seed: int) -> None:
    noise = source_noise(20_000, 3, seed)
    assert noise.shape == (20_000, 3)
    torch.testing.assert_close(noise.mean(dim=0), torch.zeros(3), atol=0.04, rtol=0)
    torch.testing.assert_close(torch.cov(noise.T), torch.eye(3), atol=0.05, rtol=0)
    assert torch.equal(noise, source_noise(20_000, 3, seed))
