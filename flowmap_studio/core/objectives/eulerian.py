"""Eulerian self-distillation (ESD): jumps from along one path must end at one place.

Boffi, Albergo and Vanden-Eijnden (2025), the loss on ∂_s X_{s,t}(x) + ∇X_{s,t}(x) v_s(x) = 0;
mean flow (Geng et al. 2025) is its best-known form. Written on the mean velocity u with the whole
advected term stopped, D the derivative along (v, 1) in (x, s):

    u_{s,t}(x) = v_s(x) + (t − s) D u_{s,t}(x).

Its errors have heavy tails (spikes up to NaN are the usual complaint), so that each row counts
with mean flow's weight, scaled to at most 1: (c/(‖error‖² + c))^p.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.forward_mode import jvp
from flowmap_studio.core.objectives.base import Batch, LossTerms
from flowmap_studio.core.objectives.two_time import draw_two_times

WEIGHT_OFFSET = 1.0
"""c of the adaptive weight, in units of the data's variance: errors far below it count as in a
plain mean square. Much smaller ones let the consistency term outweigh the match term: with 0.01
and OT pairs the velocity itself was not learned (sliced W2 on moons 0.21 against 0.05)."""


def loss(flow_map: FlowMap, batch: Batch, config: RunConfig) -> LossTerms:
    """‖v_s(I_s) − (x1 − x0)‖² on the diagonal, the weighted ‖u − sg(v + (t − s) D u)‖² off it.

    The consistency term is None when the diagonal takes the whole batch.
    """
    x, s, t, velocity, diagonal = draw_two_times(batch, config)
    predicted = flow_map.raw(x, s, t, batch.cond)
    match = F.mse_loss(predicted[:diagonal], velocity[:diagonal])
    if diagonal == len(x):
        return LossTerms(match, None, None)
    off = slice(diagonal, None)
    target = advected_velocity(flow_map, x[off], s[off], t[off], batch.cond_rows(off))
    error = (predicted[off] - target).square().mean(dim=1)
    weight = (1 + error.detach() / WEIGHT_OFFSET).pow(-config.adaptive_power)
    return LossTerms(match, (weight * error).mean(), None)


@torch.no_grad()
def advected_velocity(
    flow_map: FlowMap,
    x: torch.Tensor,
    s: torch.Tensor,
    t: torch.Tensor,
    cond: torch.Tensor | None = None,
) -> torch.Tensor:
    """(batch, dim) v_s(x) + (t − s)(∂_s u + ∇u v_s): what u_{s,t}(x) must be, stopped."""
    v = flow_map.raw(x, s, s, cond)

    def mean_velocity(place: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
        return flow_map.raw(place, start, t, cond)

    along: torch.Tensor = jvp(mean_velocity, (x, s), (v, torch.ones_like(s)))[1]
    return v + (t - s) * along
