"""What sampling costs: evaluations of the network and memory, both counted while it happens."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.together import forget_scratch


class Evaluations:
    """Rows that went through the network: an adaptive solver decides for each batch anew.

    Attributes:
        rows: How many so far.
    """

    def __init__(self) -> None:
        self.rows = 0

    def per_point(self, points: int) -> float:
        """Evaluations for each of so many points, in the mean."""
        return self.rows / max(points, 1)


@contextmanager
def counted(flow_map: FlowMap) -> Iterator[Evaluations]:
    """Count the evaluations of a map's network within it."""
    count, lock = Evaluations(), threading.Lock()

    def add(rows: int) -> None:
        with lock:  # several threads may evaluate parts of the points
            count.rows += rows

    flow_map.watchers.append(add)
    try:
        yield count
    finally:
        flow_map.watchers.remove(add)


class PeakMemory(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Bytes of all tensors made within it that are alive at one time, at their highest.

    What an operation uses inside itself is not seen, nor what lay there before, the weights among
    it.

    Attributes:
        peak: In bytes.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._alive: dict[int, int] = {}

    def __enter__(self) -> PeakMemory:
        """Look on from here; memory that evaluations keep for the next one counts as theirs."""
        forget_scratch()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call the operation and take note of what it made; see `TorchDispatchMode`."""
        del types
        given = {storage.data_ptr() for storage in _storages((args, kwargs))}
        made = func(*args, **(kwargs or {}))
        for storage in _storages(made):
            if storage.data_ptr() not in given:  # else a view, or changed in place
                self._note(storage)
        return made

    def _note(self, storage: torch.UntypedStorage) -> None:
        key = storage.data_ptr()
        if key and key not in self._alive:
            self._alive[key] = storage.nbytes()
            weakref.finalize(storage, self._alive.pop, key, None)
            self.peak = max(self.peak, sum(self._alive.values()))


def _storages(tree: Any) -> list[torch.UntypedStorage]:
    return [leaf.untyped_storage() for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]
