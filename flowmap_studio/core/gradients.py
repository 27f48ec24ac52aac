"""The gradient of one step's loss, taken in parts that fit the processor's caches."""

from __future__ import annotations

import math
from itertools import pairwise

import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.density_head import head_loss
from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.objectives.base import DENSITY_WEIGHT, Batch, LossTerms, Objective

PART_ROWS = 512
"""Rows of a batch whose gradient is taken at once on the CPU, at most. Larger ones wait for the
memory: the article's step with 1,024 rows took 83 ms at once and 56 in two parts."""


def add_gradient(
    flow_map: FlowMap, batch: Batch, config: RunConfig, loss: Objective
) -> tuple[LossTerms, torch.Tensor]:
    """Add the gradient of a batch's loss to that of the map's weights.

    Args:
        flow_map: The map.
        batch: The step's draws.
        config: Gives the weights of the terms.
        loss: The method's.

    Returns:
        The terms and their weighted sum, without their graph.
    """
    parts = _parts(batch)
    found = []
    for rows in parts:
        terms = loss(flow_map, batch if len(parts) == 1 else batch.rows(rows), config)
        share = (rows.stop - rows.start) / len(batch.x0)
        (share * terms.total(config)).backward()
        found.append((share, terms))
    terms = _mean(found)
    if config.density_head == "on":
        density = head_loss(flow_map, batch)
        (DENSITY_WEIGHT * density).backward()  # type: ignore[no-untyped-call]
        terms = terms._replace(density=density.detach())
    return terms, terms.total(config)


def _parts(batch: Batch) -> list[slice]:
    """Even parts of the rows; one where the processor has no caches to care for."""
    count = len(batch.x0)
    parts = -(-count // PART_ROWS) if batch.x0.device.type == "cpu" else 1
    edges = [count * part // parts for part in range(parts + 1)]
    return [slice(*edge) for edge in pairwise(edges)]


def _mean(parts: list[tuple[float, LossTerms]]) -> LossTerms:
    """The terms of the whole batch, from each part's share of the rows and its terms."""

    def of(name: str) -> torch.Tensor | None:
        there = [(share, getattr(terms, name)) for share, terms in parts]
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
