"""The linear interpolant between paired source and data points."""

from __future__ import annotations

import torch


def interpolate(x0: torch.Tensor, x1: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """I_t = (1 − t) x0 + t x1 (Albergo and Vanden-Eijnden 2023), shape (batch, dim).

    Args:
        x0: (batch, dim) source points.
        x1: (batch, dim) data points.
        t: (batch, 1) times in [0, 1].
    """
    return torch.lerp(x0, x1, t)


def interpolant_velocity(x0: torch.Tensor, x1: torch.Tensor) -> torch.Tensor:
    """∂_t I_t = x1 − x0, the same at every t, shape (batch, dim)."""
    return x1 - x0
