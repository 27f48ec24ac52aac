"""The Schrödinger bridge by regression: velocity and score of Brownian bridges between pairs.

Tong et al. 2024, "Simulation-free Schrödinger bridges via score and flow matching" ([SF]²M). With
pairs of the entropic plan for σ² the mixture of the bridges

    x_t = (1 − t) x0 + t x1 + σ √(t(1 − t)) z

is the Schrödinger bridge (Léonard 2014). Their velocity, (1 − 2t)/(2t(1 − t)) (x_t − I_t) + x1 − x0
given the pair, has no finite variance at the ends. Regressed here are its two parts, x1 − x0 and,
through the score, z: the same minimisers, which `BridgeMap` puts together again.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flow_map import BridgeMap, FlowMap
from flowmap_studio.core.interpolants import interpolant_velocity, interpolate
from flowmap_studio.core.objectives.base import Batch, LossTerms


def loss(flow_map: FlowMap, batch: Batch, config: RunConfig) -> LossTerms:
    """Match ‖m_t(x_t) − (x1 − x0)‖² and score ‖σ √(t(1 − t)) s_t(x_t) + z‖².

    Raises:
        ValueError: The map has no score, or the batch no noise of bridges.
    """
    if not isinstance(flow_map, BridgeMap) or batch.bridge is None:
        raise ValueError("a Schrödinger bridge needs a map with a score, and noise of bridges")
    t, noise = batch.uniforms[:, 0:1], batch.bridge
    width = bridge_width(t, config.diffusion)
    x = interpolate(batch.x0, batch.x1, t) + width * noise
    drift, score = flow_map.heads(x, t, batch.cond)
    return LossTerms(
        match=F.mse_loss(drift, interpolant_velocity(batch.x0, batch.x1)),
        consistency=None,
        identity=None,
        score=F.mse_loss(width * score, -noise),
    )


def bridge_width(t: torch.Tensor, sigma: float) -> torch.Tensor:
    """σ √(t(1 − t)): the standard deviation of a Brownian bridge at time t."""
    return sigma * (t * (1 - t)).sqrt()
