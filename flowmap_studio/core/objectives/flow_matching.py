"""Flow matching (Lipman et al. 2023; Albergo and Vanden-Eijnden 2023): the baseline.

The velocity v_t is regressed on the interpolant's; its minimiser is E[x1 − x0 | I_t], whose ODE
carries the source to the data. With OT pairs this is OT-CFM (Tong et al. 2024).
"""

from __future__ import annotations

import torch.nn.functional as F

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.interpolants import interpolant_velocity, interpolate
from flowmap_studio.core.objectives.base import Batch, Factors, LossTerms, mean_square
from flowmap_studio.core.passes import Passes


def loss(flow_map: FlowMap, batch: Batch, config: RunConfig) -> LossTerms:  # noqa: ARG001
    """‖v_t(I_t) − (x1 − x0)‖²; a velocity has neither a consistency nor an identity term."""
    t = batch.uniforms[:, 0:1]
    velocity = flow_map.raw(interpolate(batch.x0, batch.x1, t), t, t, batch.cond)
    return LossTerms(F.mse_loss(velocity, interpolant_velocity(batch.x0, batch.x1)), None, None)


def by_hand(
    passes: Passes,
    batch: Batch,
    config: RunConfig,  # noqa: ARG001 - as of all methods
    factors: Factors,
) -> LossTerms:
    """`loss` and its gradient."""
    t = batch.uniforms[:, 0:1]
    velocity, kept = passes.raw(interpolate(batch.x0, batch.x1, t), t, t, batch.cond)
    missed = velocity - interpolant_velocity(batch.x0, batch.x1)
    match, slope = mean_square(missed, factors.match)
    passes.back(kept, slope)
    return LossTerms(match, None, None)
