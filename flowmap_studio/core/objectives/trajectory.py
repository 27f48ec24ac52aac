"""Trajectory distillation: the map is regressed on the ODE paths of a teacher velocity.

The article's φ_t(x) = x + ∫_0^t v_s(φ_s(x)) ds (§3.1) taken at its word: match is
‖X_{s,t}(x_s) − x_t‖²/(t − s)² between two points of one path, half of them from the source, s = 0,
where it compares φ(x0, t) with x_t. Without the division short jumps would go untaught, and
consistency, the semigroup's, would draw the long ones after them.
"""

from __future__ import annotations

import torch.nn.functional as F

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.objectives.base import Batch, LossTerms
from flowmap_studio.core.objectives.semigroup import composed_velocity, meeting_weight
from flowmap_studio.core.objectives.two_time import diagonal_of

SHORTEST = 1e-3
"""Below this span float32 can't tell a mean velocity from the difference of two points."""


def loss(flow_map: FlowMap, batch: Batch, config: RunConfig) -> LossTerms:
    """Match on all rows, consistency on those that are not counted to the diagonal's share.

    Raises:
        ValueError: The batch comes without a teacher's passage.
    """
    if batch.passage is None:
        raise ValueError("trajectory distillation needs a teacher's paths")
    s, t, start, end = batch.passage
    velocity = flow_map.raw(start, s, t, batch.cond)
    match = F.mse_loss(velocity, (end - start) / (t - s).clamp(min=SHORTEST))
    first = diagonal_of(batch, config)
    if first == len(s):
        return LossTerms(match, None, None)
    weight = meeting_weight(batch.uniforms[first:, 2:3], config)
    off = slice(first, None)
    cond = batch.cond_rows(off)
    two_jumps = composed_velocity(flow_map, start[off], s[off], t[off], weight, cond)
    return LossTerms(match, F.mse_loss(velocity[first:], two_jumps), None)
