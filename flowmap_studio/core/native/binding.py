"""A network as the library sees it: made once, for a step has no time to take it apart anew."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import nn

from flowmap_studio.core.dense import Dense
from flowmap_studio.core.native import library
from flowmap_studio.core.native.library import (
    AllSums,
    Embedding,
    EmbeddingSums,
    Layer,
    Network,
    ask,
)
from flowmap_studio.core.native.loading import Count

if TYPE_CHECKING:
    from flowmap_studio.core.native.step import Step
    from flowmap_studio.core.networks import FlowMapNet

MOST_OUTPUTS, MOST_DEPTH = 16, 32
"""The last layer is written for few; as in network.c."""
TILE = 12
"""Rows are written by whole tiles of at most as many; a multiple of those of all libraries."""
FLOAT = 4
"""Bytes."""
UNWRITTEN = "the library is not written for a network of these sizes"

Structure = TypeVar("Structure", bound=ctypes.Structure)


class Bound:
    """What a network is besides the numbers of its weights.

    Attributes:
        embedded: How many embeddings there are: of times, and of classes.
        eps: Of LayerNorm.
        step: The training step in hand; see `FlowMap.adding_gradients`.

    Args:
        network: Which.
    """

    def __init__(self, network: FlowMapNet) -> None:
        embedders = [network.time_mlp, *([network.cond_mlp] if network.classes else [])]
        parts = [part for parts in (*embedders, network.net) for part in parts]
        owners = [part for part in parts if isinstance(part, nn.Linear | nn.LayerNorm)]
        self._first, norm = network.net[0], network.net[1]
        assert isinstance(norm, nn.LayerNorm)  # noqa: S101 - tells mypy what it is made of
        self.eps = norm.eps
        self.step: Step | None = None
        self.embedded = len(embedders)
        self._small = network.last.out_features <= MOST_OUTPUTS
        self._small &= len(network.net) // 3 <= MOST_DEPTH
        self._width, self._embedding = (
            norm.weight.numel(),
            embedders[0].get_parameter("2.bias").numel(),
        )
        self._dim, self._count = network.frequencies.shape
        # Asking modules for their weights takes many times as long.
        self._owners = [owner._parameters for owner in owners]  # noqa: SLF001
        self._shapes = [tuple(one.shape) for one in self.weights()]
        self._sizes = [one.numel() for one in self.weights()]
        self._starts = [FLOAT * at for at in accumulate(self._sizes, initial=0)][:-1]
        self._described: dict[bool, tuple[list[int], Network]] = {}
        self._gradients: tuple[list[int], AllSums] | None = None
        self._memory: tuple[int, int] | None = None

    @property
    def shaped(self) -> bool:
        """Whether the library can do networks of its shape at all."""
        return self._small and self._width % library.panel() == 0

    @property
    def embeds(self) -> bool:
        """Whether it can embed its times and classes too."""
        return self._embedding % library.panel() == 0

    @property
    def features(self) -> bool:
        """Whether it can make its position features too."""
        return self._count % library.lanes() == 0

    @property
    def dense(self) -> bool:
        """Whether its layers are the studio's; a baseline has torch's own."""
        return isinstance(self._first, Dense)

    def weights(self) -> list[torch.Tensor]:
        """Four of each embedding and each layer with its LayerNorm, and two of the last layer."""
        found = []
        for owner in self._owners:
            found += [owner["weight"], owner["bias"]]
        return found  # type: ignore[return-value]  # none is missing

    def described(
        self, weights: Sequence[torch.Tensor], frequencies: torch.Tensor | None
    ) -> Network:
        """The network of contiguous tensors, which must be kept alive meanwhile.

        Args:
            weights: In the order of `weights`.
            frequencies: (dim, count) of the position features that it is to make itself; None
                where it is given them.

        Raises:
            ValueError: The library can't do such a network.
        """
        if not (self.shaped and (frequencies is None or self.features)):
            raise ValueError(UNWRITTEN)  # it would read and write anywhere
        places = [one.data_ptr() for one in weights]
        if frequencies is not None:
            places.append(frequencies.data_ptr())
        known = self._described.get(frequencies is None)
        if known is None or known[0] != places:
            known = places, self._network(places[: len(weights)], frequencies)
            self._described[frequencies is None] = known
        return known[1]

    def _network(self, places: Sequence[int], frequencies: torch.Tensor | None) -> Network:
        fours, embedded = _by_four(places), self.embedded
        embeddings = (Embedding * embedded)()
        for at in range(embedded):
            size, inputs = self._shapes[4 * at]
            embeddings[at] = Embedding(inputs, size, *fours[at])
        layers = _array(Layer, fours[embedded:])
        network = Network(self._dim + 2 * self._count, 0)
        if frequencies is not None:
            network = Network(self._dim, self._count, frequencies.data_ptr())
        network.embedded, network.embeddings, network.layers = embedded, embeddings, layers
        network.width, network.depth = self._shapes[4 * embedded][0], len(layers)
        network.outputs, network.eps = self._shapes[-1][0], self.eps
        network.last_weight, network.last_bias = places[-2:]
        return network

    def columns(self, network: Network) -> list[int]:
        """Those of what is given, and of all that is told.

        Args:
            network: As described with the frequencies if it can make its features.
        """
        told = [self._shapes[4 * at][1] for at in range(self.embedded)]
        return [network.dim, *told]

    def sizes(self, network: Network) -> tuple[int, int]:
        """Floats that a network made ready takes, and those of its folded derivatives.

        Args:
            network: As described with the frequencies if it can make its features.
        """
        if self._memory is None:
            ready, folded = Count(), Count()
            ask("network_sizes", network, ctypes.byref(ready), ctypes.byref(folded))
            self._memory = ready.value, folded.value
        return self._memory

    def gradients(self) -> AllSums | None:
        """The weights' own gradients, to be added to; None where one is not there."""
        there = []
        for weight in self.weights():
            one = weight.grad
            if one is None or not (one.is_contiguous() and weight.is_contiguous()):
                return None
            there.append(one)
        places = [one.data_ptr() for one in there]
        if self._gradients is None or self._gradients[0] != places:
            self._gradients = places, self._sums(places, wanted=True)
        return self._gradients[1]

    def _sums(self, places: Sequence[int], *, wanted: bool) -> AllSums:
        fours, count = _by_four(places), self.embedded
        embeddings, layers = _array(EmbeddingSums, fours[:count]), _array(Layer, fours[count:])
        return AllSums(embeddings, layers, *places[-2:], wanted)

    def zero_sums(self, like: torch.Tensor, *, wanted: bool) -> tuple[list[torch.Tensor], AllSums]:
        """Zeros of the weights' shapes, in one piece of memory, and what tells the library of them.

        Args:
            like: Of their dtype.
            wanted: Whether derivatives by weights are.
        """
        whole = like.new_zeros(sum(self._sizes))
        places = [whole.data_ptr() + start for start in self._starts]
        parts = torch.split(whole, self._sizes)
        shaped = [
            part if len(shape) == 1 else part.view(shape)
            for part, shape in zip(parts, self._shapes, strict=True)
        ]
        return shaped, self._sums(places, wanted=wanted)


def _by_four(places: Sequence[int]) -> list[tuple[int, ...]]:
    """All but the last layer's, by embedding and layer."""
    return [tuple(places[at : at + 4]) for at in range(0, len(places) - 2, 4)]


def _array(kind: type[Structure], rows: Sequence[tuple[int, ...]]) -> ctypes.Array[Structure]:
    return (kind * len(rows))(*(kind(*row) for row in rows))


_BOUND: WeakKeyDictionary[nn.Module, Bound] = WeakKeyDictionary()
"""Not on the networks themselves: addresses can't be copied with them."""


def bound(network: FlowMapNet) -> Bound:
    """Of a network; made when it is first asked for."""
    found = _BOUND.get(network)
    if found is None:
        found = _BOUND[network] = Bound(network)
    return found


def threads_of(network: FlowMapNet) -> int:
    """How many the library works in for a network."""
    return network.threads or torch.get_num_threads()


def addresses(tensors: Sequence[torch.Tensor]) -> ctypes.Array[ctypes.c_void_p]:
    """Of contiguous tensors, which must be kept alive meanwhile."""
    return (ctypes.c_void_p * len(tensors))(*(one.data_ptr() for one in tensors))
