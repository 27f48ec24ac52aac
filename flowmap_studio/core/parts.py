"""The rows of a batch whose gradient is taken at once; fewer of them where memory is short.

A batch is spent in *parts*, each with its own share of rows on the diagonal s = t. Where a part
does not fit the memory it is cut into *pieces* in which every row keeps what it is for, so that the
sum of their gradients is the part's, up to the order of summation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.methods import METHODS
from flowmap_studio.core.objectives.base import Batch, LossTerms
from flowmap_studio.core.objectives.two_time import diagonal_rows

LEAST_ROWS = 16
"""Pieces are not cut below that: a step would take so long that a smaller batch serves better."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows whose gradient is taken at once.

    Attributes:
        rows: Which, of the batch.
        count: How many.
        diagonal: How many of them, the first ones, are on the diagonal; the config's share of
            them when None.
        matched: Share of the batch's match term that they stand for.
        others: Share of its other terms.
    """

    rows: slice | torch.Tensor
    count: int
    diagonal: int | None
    matched: float
    others: float

    def of(self, batch: Batch) -> Batch:
        """These rows of a batch."""
        return batch.rows(self.rows)._replace(diagonal=self.diagonal)

    def share(self, term: str) -> float:
        """Of a term by its name in `LossTerms`."""
        return self.matched if term == "match" else self.others

    def total(self, terms: LossTerms, config: RunConfig) -> torch.Tensor:
        """What the rows add to the batch's weighted sum of terms."""
        if self.matched == self.others:
            return self.matched * terms.total(config)
        rest = (terms.consistency, terms.identity, terms.score)
        others = (None if term is None else self.others * term for term in rest)
        return LossTerms(self.matched * terms.match, *others).total(config)


@lru_cache(maxsize=16)
def cut(count: int, size: int, config: RunConfig, most: int | None = None) -> tuple[Piece, ...]:
    """The pieces of a batch.

    Args:
        count: Rows of the batch.
        size: Rows of a part, at most.
        config: Gives the share of the diagonal.
        most: Rows of a piece, at most, but each has a row on the diagonal; the parts are not cut
            when None.
    """
    parts = _edges(0, count, -(-count // size))
    if most is None:
        return tuple(
            Piece(slice(a, b), b - a, None, (b - a) / count, (b - a) / count) for a, b in parts
        )
    return tuple(piece for a, b in parts for piece in _pieces(a, b, count, config, most))


def smaller(count: int, size: int, config: RunConfig, most: int | None = None) -> int | None:
    """The next smaller limit of a piece's rows, about a half; None where there is none.

    Args:
        count: Rows of the batch.
        size: Rows of a part, at most.
        config: Gives the share of the diagonal.
        most: The limit so far.
    """
    now = largest(cut(count, size, config, most))
    half = max(LEAST_ROWS, -(-now // 2))
    return half if largest(cut(count, size, config, half)) < now else None


def largest(pieces: tuple[Piece, ...]) -> int:
    """Rows of the largest piece."""
    return max(piece.count for piece in pieces)


def _pieces(a: int, b: int, count: int, config: RunConfig, most: int) -> list[Piece]:
    """The rows from a to b, cut so that each piece has as large a share of the diagonal."""
    method, rows = METHODS[config.method], b - a
    on = diagonal_rows(rows, config.diagonal_share) if method.clock == "both" else 0
    number = -(-rows // most)
    number = min(number, on) if on else number
    pieces = []
    both = zip(_edges(a, a + on, number), _edges(a + on, b, number), strict=True)
    for (first, second), (third, fourth) in both:
        diagonal, off = second - first, fourth - third
        size, share = diagonal + off, rows / count
        even = share * size / rows
        # A mean over the diagonal's rows is made of means over these rows; likewise off it.
        matched = share * diagonal / on if on and not method.learns_from_teacher else even
        others = share * off / (rows - on) if on and rows > on else even
        index = torch.cat([torch.arange(first, second), torch.arange(third, fourth)])
        pieces.append(Piece(index, size, diagonal if on else None, matched, others))
    return pieces


def _edges(start: int, stop: int, parts: int) -> list[tuple[int, int]]:
    """Even parts of a range."""
    count = stop - start
    return list(pairwise(start + count * part // parts for part in range(parts + 1)))
