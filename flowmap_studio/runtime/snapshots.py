"""The training history: snapshots kept within a number, spaced geometrically, then evenly."""

from __future__ import annotations

from flowmap_studio.core.snapshot import Snapshot

MEMORY_BUDGET = 96 * 1024 * 1024
"""Bytes of weights that the history may keep."""
MOST = 200


class SnapshotHistory:
    """Snapshots of one run in order of their step, the first and the newest always among them."""

    def __init__(self) -> None:
        self._kept: list[Snapshot] = []

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, index: int) -> Snapshot:
        return self._kept[index]

    @property
    def newest(self) -> Snapshot | None:
        """The one with the most steps; None where there is none."""
        return self._kept[-1] if self._kept else None

    @property
    def steps(self) -> list[int]:
        """Training step of each snapshot."""
        return [snapshot.step for snapshot in self._kept]

    def add(self, snapshot: Snapshot) -> None:
        """Keep a newer snapshot; may drop one whose neighbours are relatively nearest."""
        if self._kept and self._kept[-1].step == snapshot.step:
            self._kept[-1] = snapshot
            return
        self._kept.append(snapshot)
        size = max(1, sum(array.nbytes for array in snapshot.weights.values()))
        while len(self._kept) > max(3, min(MOST, MEMORY_BUDGET // size)):
            self._drop_one()

    def _drop_one(self) -> None:
        # Learning slows down: a gap counts relative to the step at which it lies.
        steps = self.steps
        gaps = [(steps[i + 1] - steps[i - 1]) / (steps[i] + 1) for i in range(1, len(steps) - 1)]
        del self._kept[1 + gaps.index(min(gaps))]
