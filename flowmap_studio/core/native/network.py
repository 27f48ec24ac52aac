"""The article's network by the compiled library, without derivatives; see `differentiable`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch

from flowmap_studio.core.native import library
from flowmap_studio.core.native.binding import UNWRITTEN, addresses, bound, threads_of

if TYPE_CHECKING:
    from flowmap_studio.core.networks import FlowMapNet


class Route(NamedTuple):
    """Points that make the same jumps.

    Attributes:
        x: (batch, dim) positions.
        told: (jumps, width) what the first layer makes of each jump's times, bias included.
        gaps: (jumps, 1) their lengths.
        begun: What `begin` made of x, if it did; in floats the ends are the same to the last bit.
    """

    x: torch.Tensor
    told: torch.Tensor
    gaps: torch.Tensor
    begun: torch.Tensor | None = None

    def contiguous(self) -> Route:
        """Its tensors as the library reads them."""
        begun = None if self.begun is None else self.begun.contiguous()
        return Route(self.x.contiguous(), self.told.contiguous(), self.gaps.contiguous(), begun)


def suits(network: FlowMapNet, x: torch.Tensor, *told: torch.Tensor) -> bool:
    """Whether the library is there and can do a network's work.

    Args:
        network: Which.
        x: (batch, any) positions.
        told: What is embedded by `forward`; nothing for `evaluate` and `jumps`.
    """
    if not library.usable():
        return False
    known, weight = bound(network), network.last.weight
    return (
        known.dense
        and known.shaped
        and (known.embeds or not told)
        and x.device.type == weight.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and x.shape[0] > 0
        and not any(one.requires_grad for one in told)
    )


def embeds(network: FlowMapNet) -> bool:
    """Whether the library can embed what is told to a network of such sizes."""
    return bound(network).embeds


def evaluate(network: FlowMapNet, x: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
    """(batch, outputs) of a network without derivatives.

    Args:
        network: One that `suits`.
        x: (batch, dim) positions.
        told: (batch or 1, width) what its first layer makes of times and classes, bias included.

    Raises:
        MemoryError: There was none.
        ValueError: The library can't do such a network.
    """
    known, weights = bound(network), bound(network).weights()
    frequencies = network.frequencies if known.features else None
    x = (x if known.features else network.position_features(x)).contiguous()
    described, told = known.described(weights, frequencies), told.contiguous()
    out = x.new_empty(len(x), described.outputs)
    step = described.width if len(told) > 1 else 0
    call = (x.data_ptr(), len(x), told.data_ptr(), step, out.data_ptr())
    library.ask("network_at", described, *call, threads_of(network))
    return out


def jumps(network: FlowMapNet, routes: Sequence[Route]) -> list[torch.Tensor]:
    """(batch, dim) of each route: where its points are after jumps x + gap · output.

    Without derivatives. Threads don't wait for each other between routes; the longest one is best
    the first.

    Args:
        network: One that `can_jump`; in whole numbers of 16 bits where it is `rounded`.
        routes: Which.

    Raises:
        MemoryError: There was none.
        ValueError: The library can't do such a network.
    """
    known = bound(network)
    described = known.described(known.weights(), network.frequencies)
    given = [route.contiguous() for route in routes]
    ends = [torch.empty_like(route.x) for route in given]
    table = (library.Route * len(routes))()
    for place, (x, told, gaps, begun), out in zip(table, given, ends, strict=True):
        place.x, place.told, place.gaps = x.data_ptr(), told.data_ptr(), gaps.data_ptr()
        place.begun = None if begun is None else begun.data_ptr()
        place.rows, place.jumps, place.out = len(x), len(gaps), out.data_ptr()
    library.ask("network_jumps", described, table, len(table), network.rounded, threads_of(network))
    return ends


def told_at(network: FlowMapNet, *told: torch.Tensor) -> torch.Tensor:
    """(rows, width) what the first layer makes of times and classes, bias included.

    A row is the same to the last bit whatever the others are.

    Args:
        network: One that `suits` positions and what is told.
        told: (rows, any) each: times, and the classes if it has such.

    Raises:
        MemoryError: There was none.
        ValueError: The library can't do such a network.
    """
    known = bound(network)
    if not known.embeds:
        raise ValueError(UNWRITTEN)
    described = known.described(known.weights(), network.frequencies)
    given = [one.contiguous() for one in told]
    out = given[0].new_empty(len(given[0]), described.width)
    library.ask("network_told", described, addresses(given), len(out), out.data_ptr())
    return out


def begin(network: FlowMapNet, x: torch.Tensor) -> torch.Tensor:
    """(batch, width) what the first layer makes of positions, times and bias left out.

    Args:
        network: One that `can_jump`.
        x: (batch, dim) positions.

    Raises:
        MemoryError: There was none.
        ValueError: The library can't do such a network.
    """
    known = bound(network)
    described, x = known.described(known.weights(), network.frequencies), x.contiguous()
    out = x.new_empty(len(x), described.width)
    call = (x.data_ptr(), len(x), out.data_ptr())
    library.ask("network_begin", described, *call, threads_of(network))
    return out


def can_jump(network: FlowMapNet, x: torch.Tensor) -> bool:
    """Whether the library can make `jumps` of such points."""
    makes_features = suits(network, x) and bound(network).features
    return makes_features and network.last.out_features == x.shape[1]
