"""Classifier-free guidance (Ho and Salimans 2022) of conditional maps."""

from __future__ import annotations

from typing import NamedTuple

import torch

from flowmap_studio.core.flow_map import FlowMap


class Guide(NamedTuple):
    """Which class each point is drawn from, and how strongly.

    Attributes:
        cond: (n, classes) one-hot classes.
        scale: 1 is the class as learned, 0 all classes together, more exaggerates the class.
    """

    cond: torch.Tensor
    scale: float = 1.0

    def rows(self, rows: slice) -> Guide:
        """The guide of some of the points."""
        return Guide(self.cond[rows], self.scale)


class GuidedMap:
    """A conditional map held to classes: raw = raw_null + scale · (raw_class − raw_null).

    Args:
        flow_map: A map with classes.
        guide: One class for each of the points that will be asked for.
    """

    def __init__(self, flow_map: FlowMap, guide: Guide) -> None:
        self._map = flow_map
        self._guide = guide
        self.clock, self.residual = flow_map.clock, flow_map.residual

    def raw(self, x: torch.Tensor, s: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """(batch, dim) output of the network; arguments as `FlowMap.raw`."""
        cond, scale = self._guide
        told = self._map.raw(x, s, t, cond.to(x))
        return told if scale == 1.0 else torch.lerp(self._map.raw(x, s, t), told, scale)

    def velocity(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """(batch, dim) v_t(x) of the classes; see `FlowMap.velocity`."""
        return self.raw(x, t, t)

    def __call__(self, x: torch.Tensor, s: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """(batch, dim) positions at time t of points that are at x at time s."""
        raw = self.raw(x, s, t)
        return x + (t - s) * raw if self.residual else x + raw

    def jump(self, x: torch.Tensor, s: float, t: float) -> torch.Tensor:
        """(batch, dim) positions at time t of points that are all at time s."""
        return self(x, x.new_full((1, 1), s), x.new_full((1, 1), t))
