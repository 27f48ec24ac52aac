"""One evaluation of the article's network for many points that share their times, without a graph.

The same function as `FlowMapNet.forward` in another order: what the first layer makes of the times
is made once and not for every point, and the features of positions are made in memory that is used
again. Rounding differs in the last bits of float32.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

from flowmap_studio.core.dense import dense
from flowmap_studio.core.native import network as native

if TYPE_CHECKING:
    from flowmap_studio.core.networks import FlowMapNet

FEW_OUTPUTS = 16
"""Up to so many the matrix product is quicker with the points along the rows of memory."""
MOST_THREADS = 8
"""Threads whose memory is kept: some 2 MiB each."""


class _Scratch:
    """Memory of a thread's evaluations, used again: fresh pages cost as much as the arithmetic."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, torch.dtype, torch.device], torch.Tensor] = {}

    def take(self, name: str, like: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
        """(rows, columns) of what is left in that part, of the dtype and device of `like`."""
        key, size = (name, like.dtype, like.device), rows * columns
        part = self._parts.get(key)
        if part is None or part.numel() < size:
            part = self._parts[key] = like.new_empty(size)
        return part[:size].view(rows, columns)


class _ScratchOfThreads:
    """One for each of the threads that evaluated last.

    Not a `threading.local`: where a tensor of such a one is freed while Python takes down the state
    of a thread that Qt started, and the freeing calls Python, the state is freed twice (CPython
    3.11 then crashes).
    """

    def __init__(self) -> None:
        self._all: dict[int, _Scratch] = {}
        self._lock = threading.Lock()

    def mine(self) -> _Scratch:
        """Of the calling thread."""
        thread, spare = threading.get_ident(), None
        with self._lock:
            found = self._all.pop(thread, None) or _Scratch()
            self._all[thread] = found
            if len(self._all) > MOST_THREADS:
                # An evaluation in hand keeps what it took.
                spare = self._all.pop(next(iter(self._all)))
        del spare  # outside the lock, as freeing may call anything
        return found

    def forget_mine(self) -> None:
        """Give the calling thread's memory back."""
        with self._lock:
            forgotten = self._all.pop(threading.get_ident(), None)
        del forgotten  # outside the lock


_scratch = _ScratchOfThreads()


def forget_scratch() -> None:
    """Let this thread's next evaluation take new memory, as its first one did."""
    _scratch.forget_mine()


def evaluate_together(
    network: FlowMapNet, x: torch.Tensor, times: torch.Tensor, cond: torch.Tensor | None
) -> torch.Tensor:
    """(batch, outputs) the network's raw output, in inference mode only.

    Args:
        network: Which.
        x: (batch, dim) positions.
        times: (1, 1 or 2) times of all of them.
        cond: (batch, classes) one-hot classes; None for the null class of all.
    """
    offset = _offset(network, times, cond)
    if native.suits(network, x):
        return native.evaluate(network, x, offset)
    first, *others = [layer for layer in network.net if isinstance(layer, nn.Linear)]
    norms = [layer for layer in network.net if isinstance(layer, nn.LayerNorm)]
    rows = _given(network)
    features = _position_features(network, x, _scratch.mine())
    shared = offset[0] if len(offset) == 1 else None
    hidden = dense(features.t(), first.weight[:, :rows], shared)
    if shared is None:
        hidden += offset
    for norm, layer in zip(norms[:-1], others[:-1], strict=True):
        hidden = dense(_bent(norm, hidden), layer.weight, layer.bias)
    return _last(others[-1], _bent(norms[-1], hidden))


def jump_together(
    network: FlowMapNet,
    starts: Sequence[tuple[torch.Tensor, torch.Tensor | None]],
    times: torch.Tensor,
    gaps: torch.Tensor,
    counts: Sequence[int],
) -> list[torch.Tensor]:
    """(batch, dim) positions of each start after its jumps x + gap · output, in inference mode.

    Args:
        network: Which.
        starts: (batch, dim) positions of each, and what the library's `begin` made of them, if it
            did.
        times: (jumps, 1 or 2) times of the jumps of the first start, of the second, and so on.
        gaps: (jumps, 1) their lengths.
        counts: Jumps of each start.
    """
    null = [times.new_zeros(len(times), network.classes)] if network.classes else []
    if native.suits(network, starts[0][0], times, *null):
        told = torch.split(native.told_at(network, times, *null), list(counts))
    else:  # apart: rounding depends on how many there are
        told = tuple(_offset(network, part, None) for part in torch.split(times, list(counts)))
    each = zip(starts, told, torch.split(gaps, list(counts)), strict=True)
    return native.jumps(network, [native.Route(x, t, gap, begun) for (x, begun), t, gap in each])


def _given(network: FlowMapNet) -> int:
    """Inputs of the first layer that are made of positions."""
    dim, count = network.frequencies.shape
    return dim + 2 * count


def _offset(network: FlowMapNet, times: torch.Tensor, cond: torch.Tensor | None) -> torch.Tensor:
    """(1, batch or jumps, width) what the first layer makes of all but positions, bias included."""
    first = network.net[0]
    assert isinstance(first, nn.Linear)  # noqa: S101 - tells mypy what the network is made of
    told = _told(network, times, cond)
    return torch.addmm(first.bias, told, first.weight[:, _given(network) :].t())


def _position_features(network: FlowMapNet, x: torch.Tensor, scratch: _Scratch) -> torch.Tensor:
    """(dim + 2 frequencies, batch) positions, sines and cosines: each a whole block of memory."""
    dim, count = network.frequencies.shape
    features = scratch.take("features", x, dim + 2 * count, len(x))
    features[:dim] = x.t()
    if count:
        angle = scratch.take("angle", x, count, len(x))
        torch.mm(network.frequencies.t(), features[:dim], out=angle)
        torch.sin(angle, out=features[dim : dim + count])
        torch.cos(angle, out=features[dim + count :])
    return features


def _told(network: FlowMapNet, times: torch.Tensor, cond: torch.Tensor | None) -> torch.Tensor:
    """(1 or batch, embeddings) what the first layer is told besides positions."""
    told: torch.Tensor = network.time_mlp(times)
    if not network.classes:
        return told
    known = network.cond_mlp(told.new_zeros(1, network.classes) if cond is None else cond)
    rows = max(len(told), len(known))
    return torch.cat([told.expand(rows, -1), known.expand(rows, -1)], dim=-1)


def _bent(norm: nn.LayerNorm, hidden: torch.Tensor) -> torch.Tensor:
    return F.silu(norm(hidden), inplace=True)


def _last(layer: nn.Linear, hidden: torch.Tensor) -> torch.Tensor:
    if layer.out_features > FEW_OUTPUTS:
        return F.linear(hidden, layer.weight, layer.bias)
    return torch.mm(layer.weight, hidden.t()).t() + layer.bias
