"""The article's one-time flow map matching (§3.2, §6.2): match + composition + identity.

With independent pairs its minimiser is the mean, φ_t(x) = (1 − t) x + t E[x1]: mean collapse.
The composition rule φ_s ∘ φ_t = φ_{s+t} holds for autonomous flows only, which a linear
interpolant's is not, so that composed samples drift from one-step samples.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.interpolants import interpolate
from flowmap_studio.core.objectives.base import Batch, Factors, LossTerms, mean_square
from flowmap_studio.core.passes import Passes


def loss(flow_map: FlowMap, batch: Batch, config: RunConfig) -> LossTerms:
    """‖φ(x0, t) − I_t‖², ‖φ(φ(x0, u), s) − φ(x0, s + u)‖² and ‖φ(x0, 0) − x0‖².

    The article runs the network five times; here all terms that start from x0 share one forward.
    Gradients flow through both sides of the composition term, as in the article's code.
    """
    x0, x1 = batch.x0, batch.x1
    t = batch.uniforms[:, 0:1]
    s, u, joint = composition_times(
        batch.uniforms[:, 1:2], batch.uniforms[:, 2:3], config.time_rule
    )
    zero = torch.zeros_like(t)
    ends = [t, u, joint] if flow_map.residual else [t, u, joint, zero]
    starts = x0.repeat(len(ends), 1)
    cond = None if batch.cond is None else batch.cond.repeat(len(ends), 1)
    mapped = flow_map(starts, torch.zeros_like(t).repeat(len(ends), 1), torch.cat(ends), cond)
    parts = mapped.chunk(len(ends))
    composed = flow_map(parts[1], zero, s, batch.cond)
    return LossTerms(
        match=F.mse_loss(parts[0], interpolate(x0, x1, t)),
        consistency=F.mse_loss(composed, parts[2]),
        identity=None if flow_map.residual else F.mse_loss(parts[3], x0),
    )


def by_hand(passes: Passes, batch: Batch, config: RunConfig, factors: Factors) -> LossTerms | None:
    """`loss` and its gradient, of the residual form: φ(x, t) = x + t · net."""
    if not passes.flow_map.residual:
        return None
    x0, uniforms = batch.x0, batch.uniforms
    t = uniforms[:, 0:1]
    s, u, joint = composition_times(uniforms[:, 1:2], uniforms[:, 2:3], config.time_rule)
    ends, starts = torch.cat([t, u, joint]), torch.cat([x0, x0, x0])
    cond = None if batch.cond is None else batch.cond.repeat(3, 1)
    straight, at_starts = passes.raw(starts, torch.zeros_like(ends), ends, cond)
    at_t, at_u, at_joint = torch.addcmul(starts, ends, straight).chunk(3)
    further, at_further = passes.raw(at_u, torch.zeros_like(s), s, batch.cond)
    match, by_t = mean_square(at_t - interpolate(x0, batch.x1, t), factors.match)
    apart = torch.addcmul(at_u, s, further).sub_(at_joint)
    consistency, by_apart = mean_square(apart, factors.consistency)
    by_u = passes.back(at_further, s * by_apart, by_x=True)
    assert by_u is not None  # noqa: S101 - it was asked for
    by_ends = torch.cat([by_t, by_u.add_(by_apart), -by_apart])
    passes.back(at_starts, by_ends.mul_(ends))
    return LossTerms(match, consistency, None)


def composition_times(
    a: torch.Tensor, b: torch.Tensor, rule: str
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Times s, u and their sum for the composition term, each (batch, 1).

    Args:
        a: (batch, 1) uniform numbers.
        b: (batch, 1) uniform numbers.
        rule: "triangle" folds the unit square onto s + u ≤ 1, so that both sides agree; "clamp"
            cuts the sum at 1 in the direct term only, as the article's code does; "modulo" wraps
            the sum into [0, 1).
    """
    if rule == "triangle":
        outside = a + b > 1
        a, b = torch.where(outside, 1 - a, a), torch.where(outside, 1 - b, b)
        return a, b, a + b
    joint = a + b
    return a, b, joint.clamp(max=1.0) if rule == "clamp" else joint % 1.0
