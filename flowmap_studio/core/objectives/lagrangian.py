"""Lagrangian self-distillation (LSD): the end of a jump must move with the velocity there.

Boffi, Albergo and Vanden-Eijnden, "How to build a consistency model: learning flow maps via
self-distillation" (2025), the loss on ∂_t X_{s,t}(x) = v_t(X_{s,t}(x)). As their own code trains
it, gradients flow only through ∂_t X: the point that was reached and the velocity there are
stopped, and the teacher of that velocity is the current network.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.forward_mode import jvp
from flowmap_studio.core.objectives.base import Batch, LossTerms
from flowmap_studio.core.objectives.two_time import draw_two_times


def loss(flow_map: FlowMap, batch: Batch, config: RunConfig) -> LossTerms:
    """‖v_t(I_t) − (x1 − x0)‖² on the diagonal, ‖∂_t X_{s,t}(I_s) − sg v_t(X_{s,t}(I_s))‖² off it.

    The consistency term is None when the diagonal takes the whole batch.
    """
    x, s, t, velocity, diagonal = draw_two_times(batch, config)
    on = slice(None, diagonal)
    match = F.mse_loss(flow_map.raw(x[on], s[on], t[on], batch.cond_rows(on)), velocity[on])
    if diagonal == len(x):
        return LossTerms(match, None, None)
    off = slice(diagonal, None)
    cond = batch.cond_rows(off)
    reached, slope = end_and_slope(flow_map, x[off], s[off], t[off], cond)
    with torch.no_grad():
        there = flow_map.raw(reached.detach(), t[off], t[off], cond)
    return LossTerms(match, F.mse_loss(slope, there), None)


def end_and_slope(
    flow_map: FlowMap,
    x: torch.Tensor,
    s: torch.Tensor,
    t: torch.Tensor,
    cond: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """X_{s,t}(x) and ∂_t X_{s,t}(x), both (batch, dim), by one forward-mode derivative."""

    def jump(end: torch.Tensor) -> torch.Tensor:
        moved: torch.Tensor = flow_map(x, s, end, cond)
        return moved

    found = jvp(jump, (t,), (torch.ones_like(t),))
    return found[0], found[1]
