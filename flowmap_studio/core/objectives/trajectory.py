"""Trajectory distillation: the map is regressed on the ODE paths of a teacher velocity.

The article's φ_t(x) = x + ∫_0^t v_s(φ_s(x)) ds (§3.1) taken at its word: match is
‖X_{s,t}(x_s) − x_t‖²/(t − s)² between two points of one path, half of them from the source, s = 0,
where it compares φ(x0, t) with x_t. Without the division short jumps would go untaught, and
consistency, the semigroup's, would draw the long ones after them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.objectives.base import Batch, Factors, LossTerms, Passage, mean_square
from flowmap_studio.core.objectives.semigroup import composed_velocity, meeting_weight
from flowmap_studio.core.objectives.two_time import diagonal_of
from flowmap_studio.core.passes import Passes

SHORTEST = 1e-3
"""Below this span float32 can't tell a mean velocity from the difference of two points."""


def loss(flow_map: FlowMap, batch: Batch, config: RunConfig) -> LossTerms:
    """Match on all rows, consistency on those that are not counted to the diagonal's share.

    Raises:
        ValueError: The batch comes without a teacher's passage.
    """
    s, t, start, end = passage_of(batch)
    velocity = flow_map.raw(start, s, t, batch.cond)
    match = F.mse_loss(velocity, (end - start) / (t - s).clamp(min=SHORTEST))
    first = diagonal_of(batch, config)
    if first == len(s):
        return LossTerms(match, None, None)
    two_jumps = taught_by_itself(flow_map, batch, config, first)
    return LossTerms(match, F.mse_loss(velocity[first:], two_jumps), None)


def by_hand(passes: Passes, batch: Batch, config: RunConfig, factors: Factors) -> LossTerms:
    """`loss` and its gradient; raises likewise."""
    s, t, start, end = passage_of(batch)
    velocity, kept = passes.raw(start, s, t, batch.cond)
    taught = (end - start) / (t - s).clamp(min=SHORTEST)
    match, slope = mean_square(velocity - taught, factors.match)
    first, consistency = diagonal_of(batch, config), None
    if first < len(s):
        apart = velocity[first:] - taught_by_itself(passes.flow_map, batch, config, first)
        consistency, by_apart = mean_square(apart, factors.consistency)
        slope[first:] += by_apart
    passes.back(kept, slope)
    return LossTerms(match, consistency, None)


def taught_by_itself(
    flow_map: FlowMap, batch: Batch, config: RunConfig, first: int
) -> torch.Tensor:
    """(rows, dim) mean velocity of two jumps, of the rows from the first one on."""
    off = slice(first, None)
    s, t, start, _ = passage_of(batch)
    weight = meeting_weight(batch.uniforms[off, 2:3], config)
    return composed_velocity(flow_map, start[off], s[off], t[off], weight, batch.cond_rows(off))


def passage_of(batch: Batch) -> Passage:
    """The teacher's paths of a batch.

    Raises:
        ValueError: There are none.
    """
    if batch.passage is None:
        raise ValueError("trajectory distillation needs a teacher's paths")
    return batch.passage
