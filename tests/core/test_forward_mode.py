"""Two threads differentiate at once: each has its own derivative, and neither fails."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import torch

from flowmap_studio.core.forward_mode import jvp


def test_threads_differentiate_beside_each_other() -> None:
    def work(factor: float) -> None:
        x = torch.linspace(-1, 1, 50, dtype=torch.float64)
        for _ in range(300):
            value, slope = jvp(lambda y: (factor * y).sin(), (x,), (torch.ones_like(x),))
            torch.testing.assert_close(value, (factor * x).sin())
            torch.testing.assert_close(slope, factor * (factor * x).cos())

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, factor) for factor in (1.0, 2.0, 3.0, 4.0)]:
            done.result()
