"""A recorder for the CPU that keeps to the rules of a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

WAITS = ("_local_scalar_dense", "nonzero", "equal", "masked_select", "_unique2", "unique_dim")
WAITS += ("_linalg_check_errors", "is_nonzero", "item", "bincount", "repeat_interleave")
"""Operators whose result the host waits for."""
FROM_HOST = ("lift_fresh", "lift", "lift_fresh_copy")
"""Operators that bring numbers of Python's to the device, which a graph can't do from ordinary
memory."""


class Tape(TorchDispatchMode):
    """Keeps all operators with their numbers, and does them again on the same tensors.

    Attributes:
        calls: The operators that were recorded.
        replays: How often they were done again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]] = []
        self.replays = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        masks = "index" in func.__name__ and any(
            part.dtype == torch.bool for part in _tensors_in(args)
        )
        if func.overloadpacket.__name__ in WAITS + FROM_HOST or masks:
            raise RuntimeError(f"operation not permitted when stream is capturing: {func}")
        out = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, out))
        return out

    def aside(self, work: Callable[[], torch.Tensor]) -> torch.Tensor:
        return work()

    def record(self, work: Callable[[], torch.Tensor]) -> tuple[Callable[[], object], torch.Tensor]:
        with self:
            found = work()
        return self.replay, found

    def pace(self) -> None:
        pass

    @torch.no_grad()
    def replay(self) -> None:
        self.replays += 1
        for func, args, kwargs, out in self.calls:
            again = func(*args, **kwargs)
            if any(found.alias_info for found in func._schema.returns):
                continue  # a view, or what was changed in place: there already
            for place, value in zip(_tensors(out), _tensors(again), strict=True):
                if not place._is_zerotensor():  # what forward mode has instead of memory
                    place.copy_(value)


def _tensors_in(args: Any) -> Iterator[torch.Tensor]:
    """All tensors among arguments, in lists too."""
    for part in args:
        if isinstance(part, tuple | list):
            yield from _tensors_in(part)
        elif isinstance(part, torch.Tensor):
            yield part


def _tensors(out: Any) -> list[torch.Tensor]:
    parts = out if isinstance(out, tuple | list) else [out]
    return [part for part in parts if isinstance(part, torch.Tensor)]
