"""One training step of the article's network by the library: gradients are added in place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from flowmap_studio.core.native import library
from flowmap_studio.core.native.binding import bound
from flowmap_studio.core.native.ready import Kept, Ready

if TYPE_CHECKING:
    from flowmap_studio.core.networks import FlowMapNet


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
            if self._into is not None:
                weights = known.weights()
                self._gradients = [weight.grad for weight in weights]
                self._ready = Ready(self._network, weights, both_ways=True)
        return self._ready

    def back(self, kept: Kept, slope: torch.Tensor, *, by_given: bool) -> torch.Tensor | None:
        """The way back from an evaluation in this step; as `Ready.back`.

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
        return ready.back(kept, slope, into, self._folded, by_given=by_given)

    def end(self) -> None:
        """Let the weights' gradients be whole.

        Raises:
            RuntimeError: They were replaced meanwhile.
            MemoryError: There was no memory.
        """
        self._ended = True
        if self._folded is None or self._ready is None or self._into is None:
            return
        weights = bound(self._network).weights()
        for weight, gradient in zip(weights, self._gradients, strict=True):
            if weight.grad is not gradient:
                raise RuntimeError("the weights' gradients are gone; remove them before the step")
        self._ready.unfold(self._folded, self._into)


@contextmanager
def in_hand(network: FlowMapNet) -> Iterator[Step]:
    """A step of a network, which its evaluations know of; it ends behind it.

    Raises:
        RuntimeError: As `Step.end`.
        MemoryError: Likewise.
    """
    known = bound(network)
    step = known.step = Step(network)
    try:
        yield step
        step.end()
    finally:
        known.step = None
