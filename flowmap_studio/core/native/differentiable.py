"""The article's network by the compiled library, with derivatives, for graphs of torch's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from flowmap_studio.core.native.binding import Bound, bound
from flowmap_studio.core.native.ready import Kept, Ready
from flowmap_studio.core.native.step import Step

if TYPE_CHECKING:
    from flowmap_studio.core.networks import FlowMapNet


def forward(network: FlowMapNet, x: torch.Tensor, *told: torch.Tensor) -> torch.Tensor:
    """(batch, outputs) of a network, to be differentiated as it can be but not by times.

    Args:
        network: One that `network.suits`.
        x: (batch, dim) positions.
        told: (batch, any) each: times, and the classes if it has such.

    Raises:
        MemoryError: There was none.
    """
    known, keep = bound(network), torch.is_grad_enabled()
    given = x if known.features else network.position_features(x)
    # Before the function: what it saves must be what it was given.
    inputs = [one.contiguous() for one in (given, *told)]
    step = known.step
    ready = step.begin() if step is not None else None
    out: torch.Tensor
    if ready is None:
        weights = [one.contiguous() for one in known.weights()]
        ready = Ready(network, weights, both_ways=keep)
        if keep:
            out = _Through.apply(known, ready, *inputs, *weights)  # type: ignore[no-untyped-call]
    elif keep:
        out = _InPlace.apply(step, ready, network.last.bias, *inputs)  # type: ignore[no-untyped-call]
    if not keep:
        out = ready.evaluate(inputs[0], inputs[1:])
    return out


class _Through(torch.autograd.Function):
    """A network, for a graph."""

    @staticmethod
    def forward(ctx: Any, known: Bound, ready: Ready, *tensors: torch.Tensor) -> torch.Tensor:
        given, told, _ = _sorted(known, tensors)
        out, kept = ready.forward(given, told)
        ctx.save_for_backward(kept.sums, kept.moments, *tensors)
        ctx.known, ctx.ready = known, ready
        return out

    @staticmethod
    def backward(ctx: Any, *slopes: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        known, asked, slope = ctx.known, ctx.needs_input_grad[2:], slopes[0].contiguous()
        sums, moments, *tensors = ctx.saved_tensors
        if torch.is_grad_enabled():  # the derivative is to be differentiated in its turn
            return None, None, *_differentiable(ctx, tensors, asked, slope)
        given, told, _ = _sorted(known, tensors)
        wanted = any(asked[1:])
        by_weights, into = known.zero_sums(given, wanted=wanted)
        folded = ctx.ready.folded()
        kept = Kept(given, told, sums, moments)
        by_given = ctx.ready.back(kept, slope, into, folded, by_given=asked[0])
        if wanted:
            ctx.ready.unfold(folded, into)
        found = (by_given, *(None for _ in told), *by_weights)
        return (
            None,
            None,
            *(one if is_asked else None for one, is_asked in zip(found, asked, strict=True)),
        )


class _InPlace(torch.autograd.Function):
    """A network whose weights' gradients are added up where they are.

    For a graph that is gone back through once, by `backward`, and by derivatives that are not
    differentiated in their turn. One of the weights stands for all of them.
    """

    @staticmethod
    def forward(
        ctx: Any, step: Step, ready: Ready, _weight: torch.Tensor, *inputs: torch.Tensor
    ) -> torch.Tensor:
        out, kept = ready.forward(inputs[0], inputs[1:])
        ctx.save_for_backward(kept.sums, kept.moments, *inputs)
        ctx.step = step
        return out

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "a network that adds up its gradients has no second derivatives; leave "
                "adding_gradients for them"
            )
        sums, moments, given, *told = ctx.saved_tensors
        kept, slope = Kept(given, told, sums, moments), slope.contiguous()
        by_given = ctx.step.back(kept, slope, by_given=ctx.needs_input_grad[3])
        return None, None, None, by_given, *(None for _ in told)


def _differentiable(
    ctx: Any, tensors: Sequence[torch.Tensor], asked: Sequence[bool], slope: torch.Tensor
) -> list[torch.Tensor | None]:
    """The derivatives by torch's operations on the saved tensors, whose graph goes on."""
    given, told, weights = _sorted(ctx.known, tensors)
    with torch.enable_grad():
        parts, at = [given], 0
        if ctx.ready.frequencies is not None:
            angle = given @ ctx.ready.frequencies
            parts += [torch.sin(angle), torch.cos(angle)]
        for one in told:
            weight_in, bias_in, weight_out, bias_out = weights[at : at + 4]
            bent = F.silu(F.linear(one, weight_in, bias_in))
            parts.append(F.linear(bent, weight_out, bias_out))
            at += 4
        hidden = torch.cat(parts, dim=-1)
        for first in range(at, len(weights) - 2, 4):
            weight, bias, gain, shift = weights[first : first + 4]
            total = F.linear(hidden, weight, bias)
            hidden = F.silu(F.layer_norm(total, gain.shape, gain, shift, ctx.known.eps))
        out = F.linear(hidden, *weights[-2:])
    wanted = [one for one, is_asked in zip(tensors, asked, strict=True) if is_asked]
    found = iter(torch.autograd.grad(out, wanted, slope, create_graph=True))
    return [next(found) if is_asked else None for is_asked in asked]


def _sorted(
    known: Bound, tensors: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, Sequence[torch.Tensor], Sequence[torch.Tensor]]:
    """What is given, what is told, and the weights."""
    end = 1 + known.embedded
    return tensors[0], tensors[1:end], tensors[end:]
