"""The loss history of a run in bounded memory, whatever the number of steps. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TERMS = ("match", "consistency", "identity", "total", "score", "density")
"""The loss terms in the order of the history's columns; the total is of all others."""
TOTAL = TERMS.index("total")
RARE_TERMS = ("score", "density")
"""Terms that few methods have, and that are not spoken of where they are absent."""

CAPACITY = 32_768
"""Buckets of a history unless another number is asked for."""

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class HistoryView:
    """Part of a history, one row per bucket of `stride` steps.

    Attributes:
        steps: (n,) step number at the centre of each bucket.
        mean: (n, terms) mean of each term over the bucket, NaN where the term was not computed.
        low: (n, terms) smallest value in the bucket.
        high: (n, terms) largest value in the bucket.
    """

    steps: npt.NDArray[np.float64]
    mean: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True)
class HistoryState:
    """A history to be kept in a file.

    Attributes:
        stride: Steps per bucket, a power of two.
        buckets: (n, 3, terms) mean, smallest and largest value of each bucket.
        pending: (fewer than stride, terms) the newest steps, which fill no bucket yet.
    """

    stride: int
    buckets: FloatArray
    pending: FloatArray

    @property
    def steps(self) -> int:
        """Number of steps recorded."""
        return len(self.buckets) * self.stride + len(self.pending)


@dataclass(frozen=True)
class KeptLosses:
    """A history as it is kept, a row for every stretch of steps.

    Attributes:
        first: (n,) first step of each stretch, counted from 1.
        last: (n,) its last step.
        mean: (n, terms) mean of each term, NaN where the term was not computed.
        low: (n, terms) smallest value.
        high: (n, terms) largest value.
    """

    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    mean: FloatArray
    low: FloatArray
    high: FloatArray


class LossHistory:
    """Mean, minimum and maximum of each loss term over buckets of equal length.

    A bucket starts as one step. When `capacity` buckets are full, neighbours are merged, so that
    a million steps take the memory and the drawing time of a few ten thousand.

    Args:
        capacity: Largest number of buckets kept; even.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        if capacity < 2 or capacity % 2:
            raise ValueError("capacity must be even and at least 2")
        self._capacity = capacity
        self._stride = 1
        self._filled = 0
        # Columns: mean, low, high of the terms.
        self._buckets = np.empty((capacity, 3, len(TERMS)), np.float32)
        self._pending = np.empty((0, len(TERMS)), np.float32)
        self._steps = 0

    @classmethod
    def restored(cls, state: HistoryState) -> LossHistory:
        """A history that goes on from `state`, which has fewer than `CAPACITY` buckets."""
        made = cls()
        made._stride, made._filled, made._steps = state.stride, len(state.buckets), state.steps
        made._buckets[: made._filled] = state.buckets
        made._pending = state.pending.copy()
        return made

    def thinned(self, capacity: int) -> LossHistory:
        """A copy of at most `capacity` buckets, to look at and not to go on with."""
        made = LossHistory(capacity)
        buckets, made._stride = self._buckets[: self._filled], self._stride
        while len(buckets) > capacity:
            buckets = _merged(buckets[: len(buckets) // 2 * 2])
            made._stride *= 2
        made._filled, made._steps = len(buckets), self._steps
        made._buckets[: made._filled] = buckets
        return made

    def state(self) -> HistoryState:
        """All of it, copied."""
        filled = self._buckets[: self._filled].copy()
        return HistoryState(self._stride, filled, self._pending.copy())

    def __len__(self) -> int:
        """Number of steps recorded."""
        return self._steps

    @property
    def stride(self) -> int:
        """Steps per bucket."""
        return self._stride

    def append(self, losses: FloatArray) -> None:
        """Record one row per step.

        Args:
            losses: (steps, terms) values in the order of `TERMS`; NaN for an absent term.
        """
        self._steps += len(losses)
        rows = np.concatenate([self._pending, np.asarray(losses, np.float32)])
        whole = len(rows) // self._stride * self._stride
        while whole:
            room = (self._capacity - self._filled) * self._stride
            taken, rows = rows[: min(room, whole)], rows[min(room, whole) :]
            self._store(taken)
            if self._filled == self._capacity:
                self._merge()
            whole = len(rows) // self._stride * self._stride
        self._pending = rows.copy()

    def latest(self) -> FloatArray:
        """(terms,) the mean terms of the newest bucket; NaN when nothing was recorded."""
        if len(self._pending):
            mean: FloatArray = self._pending.mean(axis=0)
            return mean
        if self._filled:
            newest: FloatArray = self._buckets[self._filled - 1, 0].copy()
            return newest
        return np.full(len(TERMS), np.nan, np.float32)

    def tail(self, steps: int) -> FloatArray:
        """(at most steps, terms) the newest steps; those of one bucket have its mean."""
        whole = self._buckets[max(0, self._filled - steps) : self._filled, 0]
        rows = np.concatenate([np.repeat(whole, self._stride, axis=0), self._pending])
        return rows[max(0, len(rows) - steps) :]

    def view(
        self, columns: int | None = None, start: float = 0, stop: float | None = None
    ) -> HistoryView:
        """The steps from `start` to `stop`, merged to at most about `columns` rows.

        Args:
            columns: Wanted number of rows, e.g. the pixels of the plot; None keeps all.
            start: First step.
            stop: Last step; None goes to the newest.
        """
        last = self._filled * self._stride if stop is None else stop
        # One bucket beyond each end, so that a zoomed curve reaches the plot's edges.
        first = int(np.clip(start // self._stride - 1, 0, self._filled))
        end = int(np.clip(np.ceil(last / self._stride) + 1, first, self._filled))
        rows = self._buckets[first:end]
        group = 1 if columns is None else max(1, int(np.ceil((end - first) / max(columns, 1))))
        starts = np.arange(0, end - first, group)
        if not len(starts):
            empty = np.empty((0, len(TERMS)), np.float32)
            return HistoryView(np.empty(0), empty, empty, empty)
        lengths = np.diff(np.append(starts, end - first))
        mean = np.add.reduceat(rows[:, 0], starts) / lengths[:, None]
        return HistoryView(
            steps=(first + starts + lengths / 2) * self._stride,
            mean=mean.astype(np.float32),
            low=np.minimum.reduceat(rows[:, 1], starts),
            high=np.maximum.reduceat(rows[:, 2], starts),
        )

    def kept(self) -> KeptLosses:
        """All that is kept, the newest steps that do not fill a bucket yet among it."""
        starts = np.arange(self._filled) * self._stride
        means, lows, highs = np.moveaxis(self._buckets[: self._filled], 1, 0)
        lasts = starts + self._stride
        if len(self._pending):
            starts = np.append(starts, self._filled * self._stride)
            lasts = np.append(lasts, self._steps)
            means = np.vstack([means, self._pending.mean(axis=0)])
            lows = np.vstack([lows, self._pending.min(axis=0)])
            highs = np.vstack([highs, self._pending.max(axis=0)])
        return KeptLosses(starts + 1, lasts, means, lows, highs)

    def _store(self, rows: FloatArray) -> None:
        grouped = rows.reshape(-1, self._stride, len(TERMS))
        target = self._buckets[self._filled : self._filled + len(grouped)]
        target[:, 0] = grouped.mean(axis=1)
        target[:, 1] = grouped.min(axis=1)
        target[:, 2] = grouped.max(axis=1)
        self._filled += len(grouped)

    def _merge(self) -> None:
        self._filled = self._capacity // 2
        self._buckets[: self._filled] = _merged(self._buckets)
        self._stride *= 2


def _merged(buckets: FloatArray) -> FloatArray:
    """(n / 2, 3, terms) an even number of buckets, each two made one."""
    pairs = buckets.reshape(-1, 2, 3, len(TERMS))
    return np.stack(
        [pairs[:, :, 0].mean(axis=1), pairs[:, :, 1].min(axis=1), pairs[:, :, 2].max(axis=1)],
        axis=1,
    )
