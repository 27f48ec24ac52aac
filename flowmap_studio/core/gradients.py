"""The gradient of one step's loss, taken in parts that fit the caches, and the memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.density_head import head_loss
from flowmap_studio.core.devices import free_cached
from flowmap_studio.core.errors import lacks_memory
from flowmap_studio.core.flat import FlatWeights
from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.objectives import by_hand
from flowmap_studio.core.objectives.base import (
    DENSITY_WEIGHT,
    Batch,
    Factors,
    LossTerms,
    Objective,
)
from flowmap_studio.core.parts import Piece, cut, largest, smaller
from flowmap_studio.core.passes import Passes

PART_ROWS = 512
"""Rows of a batch whose gradient is taken at once on the CPU, at most: activations of larger ones
outgrow the caches. The article's step with 1,024 rows took 16.9 ms in two parts, 16.1 to 17.4 at
once, 17.8 to 19.1 in four and 21.3 in eight."""
COMPILED_ROWS = 4096
"""Likewise by the compiled network, which keeps to the caches by itself: 34.5 ms at once where it
took 36.7 in two parts and 42.1 in four. Its memory grows with the rows all the same."""


class Gradient:
    """The gradient of a step's loss, in pieces that fit the memory.

    Attributes:
        news: One sentence for the user, to be taken away once it is told; "" where there is none.

    Args:
        flow_map: The map.
        flat: Its weights and their gradient.
        config: Gives the weights of the terms.
        loss: The method's.
    """

    def __init__(
        self, flow_map: FlowMap, flat: FlatWeights, config: RunConfig, loss: Objective
    ) -> None:
        self.news = ""
        self._flow_map = flow_map
        self._flat = flat
        self._config = config
        self._loss = loss
        self._most: int | None = None
        self._may_cut = True

    @contextmanager
    def uncut(self) -> Iterator[None]:
        """Within it memory that runs out is an error: the pieces stay as they are."""
        self._may_cut = False
        try:
            yield
        finally:
            self._may_cut = True

    def take(self, batch: Batch) -> tuple[LossTerms, torch.Tensor]:
        """Put the gradient of a batch's loss in the place of the former one.

        Where memory runs out the batch is taken in pieces half as large, from a gradient of zero:
        the same step but for the order of summation. Nothing else has been changed by then.

        Args:
            batch: The step's draws.

        Returns:
            The terms and their weighted sum, without their graph.

        Raises:
            RuntimeError: Memory ran out for the smallest pieces too, or as the network raises it.
            MemoryError: Likewise.
        """
        while True:
            self._flat.zero_grad()
            try:
                return add_gradient(
                    self._flow_map, batch, self._config, self._loss, most=self._most
                )
            except (RuntimeError, MemoryError) as error:
                if not lacks_memory(error) or not self._cut(batch):
                    raise
            # Not above: the error keeps what the failed attempt had made alive.
            free_cached(batch.x0.device)

    def _cut(self, batch: Batch) -> bool:
        """Take smaller pieces from now on, if there are any."""
        count, size = len(batch.x0), part_rows(self._flow_map, batch)
        fewer = smaller(count, size, self._config, self._most) if self._may_cut else None
        if fewer is None:
            return False
        self._most = fewer
        rows = largest(cut(count, size, self._config, fewer))
        self._announce(
            f"Memory ran out; the gradient of a batch is now taken in parts of {rows:,} rows, "
            "which is slower and changes nothing else."
        )
        return True

    def _announce(self, sentence: str) -> None:
        self.news = sentence


def add_gradient(
    flow_map: FlowMap,
    batch: Batch,
    config: RunConfig,
    loss: Objective,
    most: int | None = None,
) -> tuple[LossTerms, torch.Tensor]:
    """Add the gradient of a batch's loss to that of the map's weights.

    Args:
        flow_map: The map.
        batch: The step's draws.
        config: Gives the weights of the terms.
        loss: The method's.
        most: Rows whose gradient is taken at once, at most; as many as is quickest when None.

    Returns:
        The terms and their weighted sum, without their graph.
    """
    pieces = cut(len(batch.x0), part_rows(flow_map, batch), config, most)
    hand, found = by_hand(config.method), []
    with flow_map.adding_gradients() as step:
        passes = None if hand is None else Passes.of(flow_map, step, batch.x0)
        for piece in pieces:
            rows = batch if len(pieces) == 1 else piece.of(batch)
            terms = None
            if hand is not None and passes is not None:
                factors = Factors(piece.matched, piece.others * config.lambda_cons)
                terms = hand(passes, rows, config, factors)
            if terms is None:
                terms = loss(flow_map, rows, config)
                piece.total(terms, config).backward()  # type: ignore[no-untyped-call]
            found.append((piece, terms))
    terms = _mean(found)
    if config.density_head == "on":
        density = head_loss(flow_map, batch)
        (DENSITY_WEIGHT * density).backward()  # type: ignore[no-untyped-call]
        terms = terms._replace(density=density.detach())
    return terms, terms.total(config)


def part_rows(flow_map: FlowMap, batch: Batch) -> int:
    """Rows that are best taken at once: all where the processor has no caches to care for."""
    count = len(batch.x0)
    if batch.x0.device.type != "cpu" or count <= PART_ROWS:
        return count
    compiled = flow_map.compiled(batch.x0, in_training=True)
    return min(count, COMPILED_ROWS if compiled else PART_ROWS)


def _mean(pieces: list[tuple[Piece, LossTerms]]) -> LossTerms:
    """The terms of the whole batch, from each piece's share of the rows and its terms."""

    def of(name: str) -> torch.Tensor | None:
        there = [(piece.share(name), getattr(terms, name)) for piece, terms in pieces]
        there = [(share, term.detach()) for share, term in there if term is not None]
        if len(there) < 2:
            return there[0][1] if there else None
        # A part of a single row may lack a term; the others then stand for it.
        shares = sum(share for share, _ in there)
        return torch.stack([share / shares * term for share, term in there]).sum()

    match = of("match")
    assert match is not None  # noqa: S101 - every method has one
    return LossTerms(match, of("consistency"), of("identity"), of("score"))


def loss_row(terms: LossTerms, total: torch.Tensor, no_identity: float) -> torch.Tensor:
    """(terms,) in the order of `history.TERMS`; NaN for a term that is absent.

    Args:
        terms: Without their graph.
        total: Their weighted sum.
        no_identity: What stands for an identity term that is not there.
    """
    absent = total.new_full((), math.nan)
    missing = total.new_full((), no_identity)
    identity = missing if terms.identity is None else terms.identity
    rest = (terms.consistency, terms.score, terms.density)
    consistency, score, density = (absent if term is None else term for term in rest)
    return torch.stack([terms.match, consistency, identity, total, score, density])
