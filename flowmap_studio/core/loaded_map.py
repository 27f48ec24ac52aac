"""A snapshot made ready to evaluate: numpy in, numpy out, in data units."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from flowmap_studio.core.flow_map import build_flow_map, load_weights
from flowmap_studio.core.randomness import source_noise
from flowmap_studio.core.samplers import composed, even_times
from flowmap_studio.core.snapshot import Snapshot

ROWS_AT_ONCE = 4096
"""Rows per forward: activations of a 256-wide net then stay in cache, and memory is bounded."""

Points = npt.NDArray[np.float32]


class LoadedMap:
    """The one evaluator of trained maps, used by window and command line alike.

    Args:
        snapshot: The weights, which are copied.
        device: Where to evaluate.
    """

    def __init__(self, snapshot: Snapshot, device: torch.device | str = "cpu") -> None:
        self.snapshot = snapshot
        self.device = torch.device(device)
        flow_map = build_flow_map(snapshot.config, snapshot.dim)
        load_weights(flow_map, snapshot.weights)
        self.flow_map = flow_map.to(self.device).eval().requires_grad_(requires_grad=False)

    def source(self, count: int, seed: int) -> Points:
        """(count, dim) source points in data units: a normal of the data's own shift and scale."""
        noise = source_noise(count, self.snapshot.dim, seed).numpy()
        return self.snapshot.normalisation.undo(noise)

    def sample(self, count: int, steps: int, seed: int) -> Points:
        """(count, dim) samples at t = 1 in data units, composed of `steps` equal jumps."""
        noise = source_noise(count, self.snapshot.dim, seed)
        return self._finish(noise, even_times(0.0, 1.0, steps))

    def at(self, noise: torch.Tensor, t: float, steps: int) -> Points:
        """(n, dim) where noise (n, dim, normalised, time 0) is at time t, in data units."""
        return self._finish(noise, even_times(0.0, t, steps))

    def carry(self, points: npt.NDArray[np.floating], s: float, t: float, steps: int) -> Points:
        """(n, dim) where points (n, dim) in data units at time s are at time t."""
        start = torch.from_numpy(self.snapshot.normalisation.apply(points))
        return self._finish(start, even_times(s, t, steps))

    @torch.inference_mode()
    def normalised(self, noise: torch.Tensor, times: list[float]) -> torch.Tensor:
        """(n, dim) positions at times[-1] in normalised units, on the CPU."""
        parts = [
            composed(self.flow_map, rows.to(self.device), times).cpu()
            for rows in torch.split(noise, ROWS_AT_ONCE)
        ]
        return torch.cat(parts) if parts else noise.clone()

    def _finish(self, start: torch.Tensor, times: list[float]) -> Points:
        return self.snapshot.normalisation.undo(self.normalised(start, times).numpy())
