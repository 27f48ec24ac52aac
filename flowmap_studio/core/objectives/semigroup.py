"""Semigroup self-distillation (PSD): one long jump must equal two short ones.

Boffi, Albergo and Vanden-Eijnden, "How to build a consistency model: learning flow maps via
self-distillation" (2025); shortcut models (Frans et al. 2024) are its dyadic form. Written on the
mean velocity, with both short jumps stopped:

    v_{s,t}(x) = w v_{s,u}(x) + (1 − w) v_{u,t}(X_{s,u}(x)),   u = s + w (t − s).

It is not a bootstrap from nothing: the diagonal s = t is regressed on the interpolant's velocity.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.interpolants import interpolant_velocity, interpolate
from flowmap_studio.core.objectives.base import Batch, LossTerms


def loss(flow_map: FlowMap, batch: Batch, config: RunConfig) -> LossTerms:
    """Match on the diagonal share of the batch, semigroup on the rest, in one forward.

    The consistency term is None when the diagonal takes the whole batch.
    """
    count = len(batch.x0)
    diagonal = diagonal_rows(count, config.diagonal_share)
    first, second = batch.uniforms[:, 0:1], batch.uniforms[:, 1:2]
    s = torch.cat([first[:diagonal], torch.minimum(first, second)[diagonal:]])
    t = torch.cat([first[:diagonal], torch.maximum(first, second)[diagonal:]])
    x = interpolate(batch.x0, batch.x1, s)
    velocity = flow_map.raw(x, s, t)
    target = interpolant_velocity(batch.x0[:diagonal], batch.x1[:diagonal])
    match = F.mse_loss(velocity[:diagonal], target)
    if diagonal == count:
        return LossTerms(match, None, None)
    weight = batch.uniforms[diagonal:, 2:3]
    if config.midpoint == "midpoint":
        weight = torch.full_like(weight, 0.5)
    two_jumps = composed_velocity(flow_map, x[diagonal:], s[diagonal:], t[diagonal:], weight)
    return LossTerms(match, F.mse_loss(velocity[diagonal:], two_jumps), None)


def diagonal_rows(count: int, share: float) -> int:
    """Rows of a batch of `count` that are spent on s = t: at least one, `share` of the rest."""
    return min(count, max(1, round(share * count)))


@torch.no_grad()
def composed_velocity(
    flow_map: FlowMap, x: torch.Tensor, s: torch.Tensor, t: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """Mean velocity over [s, t] of two jumps that meet at u = s + weight (t − s), (batch, dim)."""
    u = torch.lerp(s, t, weight)
    before = flow_map.raw(x, s, u)
    after = flow_map.raw(x + (u - s) * before, u, t)
    return torch.lerp(after, before, weight)
