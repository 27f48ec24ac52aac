"""The article's network by the compiled library, with derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as F

from flowmap_studio.core.native import library
from flowmap_studio.core.native.binding import TILE, Bound, addresses, bound, threads_of

if TYPE_CHECKING:
    from flowmap_studio.core.networks import FlowMapNet


class _How(NamedTuple):
    """How a network is asked.

    Attributes:
        frequencies: Of the position features that it makes itself; None where it is given them.
        threads: That it works in.
    """

    frequencies: torch.Tensor | None
    threads: int


def forward(network: FlowMapNet, x: torch.Tensor, *told: torch.Tensor) -> torch.Tensor:
    """(batch, outputs) of a network, to be differentiated as it can be but not by times.

    Args:
        network: One that `network.suits`.
        x: (batch, dim) positions.
        told: (batch, any) each: times, and the classes if it has such.

    Raises:
        MemoryError: There was none.
    """
    known = bound(network)
    # Features that are differentiated are torch's.
    makes = known.features and not (x.requires_grad and torch.is_grad_enabled())
    frequencies = network.frequencies if makes else None
    given = x if makes else network.position_features(x)
    how = _How(frequencies, threads_of(network))
    # Before the function: what it saves must be what it was given.
    inputs = [one.contiguous() for one in (given, *told)]
    weights = [one.contiguous() for one in known.weights()]
    if not torch.is_grad_enabled():
        return _run(known, how, [*inputs, *weights], keep=False)[0]
    out: torch.Tensor
    if network.adds_gradients and known.gradients() is not None:
        out = _InPlace.apply(known, how, weights[-1], *inputs)  # type: ignore[no-untyped-call]
    else:
        out = _Through.apply(known, how, *inputs, *weights)  # type: ignore[no-untyped-call]
    return out


def _run(
    known: Bound,
    how: _How,
    tensors: Sequence[torch.Tensor],
    *,
    keep: bool,
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """The outputs, and the sums and moments of all layers, if they are to be kept."""
    given, told, weights = _sorted(known, tensors)
    network, rows = known.described(weights, how.frequencies), len(given)
    out = given.new_empty(rows, network.outputs)
    kept: tuple[torch.Tensor, ...] = ()
    place = None
    if keep:
        room = TILE * -(-rows // TILE)
        sums = given.new_empty(network.depth, room, network.width)
        moments = given.new_empty(network.depth, room, 2)
        kept = sums, moments
        place = library.Kept(sums.data_ptr(), moments.data_ptr(), rows, room)
    call = (network, given.data_ptr(), addresses(told), rows, place, out.data_ptr())
    library.ask("network_forward", *call, how.threads)
    return out, kept


class _Through(torch.autograd.Function):
    """A network, for a graph."""

    @staticmethod
    def forward(ctx: Any, known: Bound, how: _How, *tensors: torch.Tensor) -> torch.Tensor:
        out, kept = _run(known, how, tensors, keep=any(ctx.needs_input_grad))
        ctx.save_for_backward(*kept, *tensors)
        ctx.known, ctx.how = known, how
        return out

    @staticmethod
    def backward(ctx: Any, *slopes: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        known, asked, slope = ctx.known, ctx.needs_input_grad[2:], slopes[0].contiguous()
        sums, moments, *tensors = ctx.saved_tensors
        if torch.is_grad_enabled():  # the derivative is to be differentiated in its turn
            return None, None, *_differentiable(ctx, tensors, asked, slope)
        given, told, _ = _sorted(known, tensors)
        by_weights, into = known.zero_sums(given, wanted=any(asked[1:]))
        by_given = _back(ctx, tensors, (sums, moments), slope, into, by_given=asked[0])
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
        ctx: Any, known: Bound, how: _How, _weight: torch.Tensor, *given: torch.Tensor
    ) -> torch.Tensor:
        out, kept = _run(known, how, [*given, *known.weights()], keep=True)
        ctx.save_for_backward(*kept, *given)
        ctx.known, ctx.how = known, how
        return out

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "a network that adds up its gradients has no second derivatives; leave "
                "adding_gradients for them"
            )
        sums, moments, *given = ctx.saved_tensors
        tensors, wanted = [*given, *ctx.known.weights()], ctx.needs_input_grad[3]
        into = ctx.known.gradients()
        if into is None:
            raise RuntimeError("the weights' gradients are gone; remove them before the forward")
        by_given = _back(ctx, tensors, (sums, moments), slope.contiguous(), into, by_given=wanted)
        return None, None, None, by_given, *(None for _ in given[1:])


def _back(
    ctx: Any,
    tensors: Sequence[torch.Tensor],
    kept: tuple[torch.Tensor, torch.Tensor],
    slope: torch.Tensor,
    into: library.AllSums,
    *,
    by_given: bool,
) -> torch.Tensor | None:
    """Add the derivatives by weights to `into`; those by what was given, if they are wanted."""
    given, told, weights = _sorted(ctx.known, tensors)
    sums, moments = kept
    place = library.Kept(sums.data_ptr(), moments.data_ptr(), len(given), sums.shape[1])
    found = torch.empty_like(given) if by_given else None
    by = None if found is None else found.data_ptr()
    call = (given.data_ptr(), addresses(told), place, slope.data_ptr(), by, into)
    network = ctx.known.described(weights, ctx.how.frequencies)
    library.ask("network_backward", network, *call, ctx.how.threads)
    return found


def _differentiable(
    ctx: Any, tensors: Sequence[torch.Tensor], asked: Sequence[bool], slope: torch.Tensor
) -> list[torch.Tensor | None]:
    """The derivatives by torch's operations on the saved tensors, whose graph goes on."""
    given, told, weights = _sorted(ctx.known, tensors)
    with torch.enable_grad():
        parts, at = [given], 0
        if ctx.how.frequencies is not None:
            angle = given @ ctx.how.frequencies
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
