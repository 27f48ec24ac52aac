"""The article's network made ready for several calls of the library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch

from flowmap_studio.core.native import library
from flowmap_studio.core.native.binding import TILE, UNWRITTEN, addresses, bound, threads_of

if TYPE_CHECKING:
    from flowmap_studio.core.networks import FlowMapNet


class Kept(NamedTuple):
    """What the way back from an evaluation needs.

    Attributes:
        given: (batch, dim) positions, or the features of them that the library does not make.
        told: (batch, any) each: times, and the classes if there are such.
        sums: (depth, room, width) before LayerNorm.
        moments: (depth, room, 2) of LayerNorm.
    """

    given: torch.Tensor
    told: Sequence[torch.Tensor]
    sums: torch.Tensor
    moments: torch.Tensor

    def place(self) -> library.Kept:
        """Where it is."""
        sums, rows = self.sums, self.given.shape[0]
        return library.Kept(sums.data_ptr(), self.moments.data_ptr(), rows, sums.shape[1])


class Ready:
    """A network for as many passes as are made before its weights change.

    Attributes:
        frequencies: (dim, count) of the position features that the library makes; None where it
            is given them.
        makes_features: Whether it makes all that is made of positions.

    Args:
        network: One that `network.suits`, also for what it is told.
        weights: Its own, contiguous, in the order of `Bound.weights`; they are kept alive.
        both_ways: Whether there is to be a way back.

    Raises:
        MemoryError: There was none.
        ValueError: The library can't do such a network.
    """

    def __init__(
        self, network: FlowMapNet, weights: Sequence[torch.Tensor], *, both_ways: bool
    ) -> None:
        known = bound(network)
        if not known.embeds:
            raise ValueError(UNWRITTEN)
        self.makes_features = known.features
        self.frequencies = network.frequencies if known.features else None
        self._weights = weights
        self._network = known.described(weights, self.frequencies)
        self._columns = known.columns(self._network)
        self._threads = threads_of(network)
        self._both_ways = both_ways
        size, self._folded_size = known.sizes(self._network)
        self._memory = weights[0].new_empty(size)
        library.ask("network_ready", self._network, self._memory.data_ptr(), both_ways)

    def evaluate(self, given: torch.Tensor, told: Sequence[torch.Tensor]) -> torch.Tensor:
        """(batch, outputs) at what is given and for what is told, as in `Kept`, contiguous.

        Raises:
            MemoryError: There was none.
            ValueError: The sizes don't go together.
        """
        return self._forward(given, told, None)

    def forward(
        self, given: torch.Tensor, told: Sequence[torch.Tensor]
    ) -> tuple[torch.Tensor, Kept]:
        """What `evaluate` gives, and what the way back from it needs; likewise."""
        network, rows = self._network, given.shape[0]
        room = TILE * -(-rows // TILE)
        sums = given.new_empty(network.depth, room, network.width)
        kept = Kept(given, told, sums, given.new_empty(network.depth, room, 2))
        return self._forward(given, told, kept.place()), kept

    def _forward(
        self, given: torch.Tensor, told: Sequence[torch.Tensor], place: library.Kept | None
    ) -> torch.Tensor:
        rows = given.shape[0]
        if [tuple(one.shape) for one in (given, *told)] != [(rows, n) for n in self._columns]:
            raise ValueError("the rows or columns are not those of the network")
        out = given.new_empty(rows, self._network.outputs)
        call = (given.data_ptr(), addresses(told), rows, place, out.data_ptr(), self._threads)
        library.ask("network_forward", self._network, self._memory.data_ptr(), *call)
        return out

    def back(
        self,
        kept: Kept,
        slope: torch.Tensor,
        into: library.AllSums,
        folded: torch.Tensor,
        *,
        by_given: bool,
    ) -> torch.Tensor | None:
        """The way back from an evaluation of this network, made ready for both ways.

        Args:
            kept: What `forward` kept.
            slope: (batch, outputs) derivatives of a loss by its outputs, contiguous.
            into: The derivatives by weights are added to it.
            folded: Likewise of the first layer and the embeddings, from `folded`; see `unfold`.
            by_given: Whether derivatives by `given` are wanted.

        Returns:
            Them, if they are.

        Raises:
            MemoryError: There was none.
        """
        assert self._both_ways  # noqa: S101 - as it is made by both users
        found = torch.empty_like(kept.given) if by_given else None
        by = None if found is None else found.data_ptr()
        call = (kept.given.data_ptr(), addresses(kept.told), kept.place(), slope.data_ptr(), by)
        places = (self._memory.data_ptr(), *call, into, folded.data_ptr(), self._threads)
        library.ask("network_backward", self._network, *places)
        return found

    def folded(self) -> torch.Tensor:
        """Zeros, for what `back` adds up and `unfold` takes apart."""
        return self._memory.new_zeros(self._folded_size)

    def unfold(self, folded: torch.Tensor, into: library.AllSums) -> None:
        """Add what was added to `folded` to the derivatives by the weights as they are.

        Raises:
            MemoryError: There was none.
        """
        library.ask("network_unfold", self._network, folded.data_ptr(), into)
