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
from flowmap_studio.core.objectives.base import Batch, Factors, LossTerms, mean_square
from flowmap_studio.core.objectives.two_time import draw_two_times
from flowmap_studio.core.passes import Passes


def loss(flow_map: FlowMap, batch: Batch, config: RunConfig) -> LossTerms:
    """Match on the diagonal share of the batch, semigroup on the rest, in one forward.

    The consistency term is None when the diagonal takes the whole batch.
    """
    x, s, t, velocity, diagonal = draw_two_times(batch, config)
    predicted = flow_map.raw(x, s, t, batch.cond)
    match = F.mse_loss(predicted[:diagonal], velocity[:diagonal])
    if diagonal == len(x):
        return LossTerms(match, None, None)
    weight = meeting_weight(batch.uniforms[diagonal:, 2:3], config)
    off = slice(diagonal, None)
    two_jumps = composed_velocity(flow_map, x[off], s[off], t[off], weight, batch.cond_rows(off))
    return LossTerms(match, F.mse_loss(predicted[diagonal:], two_jumps), None)


def by_hand(passes: Passes, batch: Batch, config: RunConfig, factors: Factors) -> LossTerms:
    """`loss` and its gradient."""
    x, s, t, velocity, diagonal = draw_two_times(batch, config)
    predicted, kept = passes.raw(x, s, t, batch.cond)
    match, by_match = mean_square(predicted[:diagonal] - velocity[:diagonal], factors.match)
    if diagonal == len(x):
        passes.back(kept, by_match)
        return LossTerms(match, None, None)
    weight = meeting_weight(batch.uniforms[diagonal:, 2:3], config)
    off, cond = slice(diagonal, None), batch.cond_rows(slice(diagonal, None))
    two_jumps = composed_velocity(passes.flow_map, x[off], s[off], t[off], weight, cond)
    consistency, by_off = mean_square(predicted[off] - two_jumps, factors.consistency)
    passes.back(kept, torch.cat([by_match, by_off]))
    return LossTerms(match, consistency, None)


def meeting_weight(uniform: torch.Tensor, config: RunConfig) -> torch.Tensor:
    """(batch, 1) where in [s, t] the two jumps meet: half way (PSD-M) or anywhere (PSD-U)."""
    return torch.full_like(uniform, 0.5) if config.midpoint == "midpoint" else uniform


@torch.no_grad()
def composed_velocity(
    flow_map: FlowMap,
    x: torch.Tensor,
    s: torch.Tensor,
    t: torch.Tensor,
    weight: torch.Tensor,
    cond: torch.Tensor | None = None,
) -> torch.Tensor:
    """Mean velocity over [s, t] of two jumps that meet at u = s + weight (t − s), (batch, dim)."""
    u = torch.lerp(s, t, weight)
    before = flow_map.raw(x, s, u, cond)
    after = flow_map.raw(x + (u - s) * before, u, t, cond)
    return torch.lerp(after, before, weight)
