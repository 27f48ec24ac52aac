"""The article's network made ready for several calls of the library, and one step's of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch

from flowmap_studio.core.native import library
from flowmap_studio.core.native.binding import TILE, addresses, bound, threads_of

if TYPE_CHECKING:
    from flowmap_studio.core.networks import FlowMapNet


class Pass(NamedTuple):
    """An evaluation, with what the way back from it needs.

    Attributes:
        given: (batch, dim) positions, or the features of them that the library does not make.
        told: (batch, any) each: times, and the classes if there are such.
        out: (batch, outputs).
        sums: (depth, room, width) before LayerNorm; None where there is no way back.
        moments: (depth, room, 2) likewise.
    """

    given: torch.Tensor
    told: Sequence[torch.Tensor]
    out: torch.Tensor
    sums: torch.Tensor | None = None
    moments: torch.Tensor | None = None


class Ready:
    """A network for as many passes as are made before its weights change.

    Attributes:
        frequencies: (dim, count) of the position features that the library makes; None where it
            is given them.
        makes_features: Whether it makes all that is made of positions.

    Args:
        network: One that `network.suits`.
        weights: Its own, contiguous, in the order of `Bound.weights`; they are kept alive.
        both_ways: Whether there is to be a way back.

    Raises:
        MemoryError: There was none.
    """

    def __init__(
        self, network: FlowMapNet, weights: Sequence[torch.Tensor], *, both_ways: bool
    ) -> None:
        known = bound(network)
        assert known.shaped and known.embeds  # noqa: S101, PT018 - else it would write anywhere
        self.frequencies = network.frequencies if known.features else None
        self.makes_features = known.features
        self._weights = weights
        self._network = known.described(weights, self.frequencies)
        self._threads = threads_of(network)
        self._size, self._folded_size = known.sizes(self._network)
        self._memory = weights[0].new_empty(self._size)
        library.ask("network_ready", self._network, self._memory.data_ptr(), both_ways)

    def forward(self, given: torch.Tensor, told: Sequence[torch.Tensor], *, keep: bool) -> Pass:
        """Evaluate.

        Args:
            given: As in `Pass`, contiguous.
            told: Likewise.
            keep: Whether there is a way back from it.

        Raises:
            MemoryError: There was none.
        """
        network, rows = self._network, len(given)
        out = given.new_empty(rows, network.outputs)
        found, place = Pass(given, told, out), None
        if keep:
            room = TILE * -(-rows // TILE)
            sums = given.new_empty(network.depth, room, network.width)
            moments = given.new_empty(network.depth, room, 2)
            found = Pass(given, told, out, sums, moments)
            place = library.Kept(sums.data_ptr(), moments.data_ptr(), rows, room)
        call = (given.data_ptr(), addresses(told), rows, place, out.data_ptr())
        library.ask("network_forward", network, self._memory.data_ptr(), *call, self._threads)
        return found

    def back(
        self,
        one: Pass,
        slope: torch.Tensor,
        into: library.AllSums,
        folded: torch.Tensor,
        *,
        by_given: bool,
    ) -> torch.Tensor | None:
        """The way back from a kept pass.

        Args:
            one: Of this network, made ready for both ways.
            slope: (batch, outputs) derivatives of a loss by its outputs, contiguous.
            into: The derivatives by weights are added to it.
            folded: Likewise of the first layer and the embeddings, from `folded`; see `unfold`.
            by_given: Whether derivatives by `given` are wanted.

        Returns:
            Them, if they are.

        Raises:
            MemoryError: There was none.
        """
        assert one.sums is not None and one.moments is not None  # noqa: S101, PT018 - a kept one
        place = library.Kept(
            one.sums.data_ptr(), one.moments.data_ptr(), len(one.given), one.sums.shape[1]
        )
        found = torch.empty_like(one.given) if by_given else None
        by = None if found is None else found.data_ptr()
        call = (one.given.data_ptr(), addresses(one.told), place, slope.data_ptr(), by, into)
        places = (self._memory.data_ptr(), *call, folded.data_ptr(), self._threads)
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


class Step:
    """The passes between two changes of a network's weights, whose gradients are added in place.

    Args:
        network: Which.
    """

    def __init__(self, network: FlowMapNet) -> None:
        self._network = network
        self._ready: Ready | None = None
        self._into: library.AllSums | None = None
        self._gradients: list[torch.Tensor | None] = []  # kept alive: `_into` is their addresses
        self._folded: torch.Tensor | None = None
        self._ended = False

    def begin(self) -> Ready | None:
        """The network made ready; None where weights have no gradients to be added to."""
        if self._ready is None:
            known = bound(self._network)
            self._into = known.gradients()
            self._gradients = [weight.grad for weight in known.weights()]
            if self._into is not None:
                self._ready = Ready(self._network, known.weights(), both_ways=True)
        return self._ready

    def back(self, one: Pass, slope: torch.Tensor, *, by_given: bool) -> torch.Tensor | None:
        """The way back from a pass of this step's; as `Ready.back`.

        Raises:
            RuntimeError: The step is over.
            MemoryError: There was no memory.
        """
        if self._ended:
            raise RuntimeError("the gradients are added up; go back within adding_gradients")
        ready, into = self._ready, self._into
        assert ready is not None and into is not None  # noqa: S101, PT018 - there was a pass
        if self._folded is None:
            self._folded = ready.folded()
        return ready.back(one, slope, into, self._folded, by_given=by_given)

    def end(self) -> None:
        """Let the weights' gradients be whole.

        Raises:
            MemoryError: There was none.
        """
        self._ended = True
        if self._folded is not None and self._ready is not None and self._into is not None:
            self._ready.unfold(self._folded, self._into)
