"""The evaluator's maps, each loaded once. Imports torch when the first one is loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from flowmap_studio.core.snapshot import Snapshot

if TYPE_CHECKING:  # torch comes with it
    from flowmap_studio.core.loaded_map import LoadedMap, Share


class HeldMaps:
    """The map on stage and its rivals, for the evaluator's thread alone.

    Attributes:
        loaded: The map on stage; None before there is one.

    Args:
        unwanted: Whether to give up what is evaluated, see `LoadedMap.give_up_when`.
        share: Evaluates parts of the points in two threads.
    """

    def __init__(self, unwanted: Callable[[], bool], share: Share) -> None:
        self.loaded: LoadedMap | None = None
        self._beside: list[LoadedMap] = []
        self._unwanted = unwanted
        self._share = share

    def load(self, snapshot: Snapshot) -> LoadedMap:
        """The map of the snapshot on stage."""
        self.loaded = self._ready(self.loaded, snapshot)
        return self.loaded

    def load_beside(self, snapshots: Sequence[Snapshot]) -> list[LoadedMap]:
        """The maps of rivals; one that is sampled in two ways is loaded once."""
        made: dict[int, LoadedMap] = {id(one.snapshot): one for one in self._beside}
        for snapshot in snapshots:
            made[id(snapshot)] = self._ready(made.get(id(snapshot)), snapshot)
        self._beside = [made[id(snapshot)] for snapshot in snapshots]
        return self._beside

    def use_threads(self, count: int) -> None:
        """Evaluate maps in this thread, or in two; exactly, until they are rounded off."""
        one_torch_thread()
        share = self._share if count > 1 else None
        for one in self._all():
            one.parted_by(share if one.device.type == "cpu" else None)
        self.round_off(rounded=False)

    def round_off(self, *, rounded: bool) -> None:
        """Evaluate maps as `LoadedMap.round_off` says."""
        for one in self._all():
            one.round_off(rounded=rounded)

    def _all(self) -> list[LoadedMap]:
        return [*([] if self.loaded is None else [self.loaded]), *self._beside]

    def _ready(self, held: LoadedMap | None, snapshot: Snapshot) -> LoadedMap:
        """What is held, if it is of the snapshot and its device was not lost meanwhile."""
        from flowmap_studio.core.devices import usable_device, usable_yet
        from flowmap_studio.core.loaded_map import LoadedMap

        if held is not None and held.snapshot is snapshot and usable_yet(held.device):
            held.keep_begun()  # it is asked for again; of a run each map is seen but once
            return held
        made = LoadedMap(snapshot, usable_device(snapshot.config.device))
        made.give_up_when(self._unwanted)
        return made


def one_torch_thread() -> None:
    """Let torch compute in the calling thread alone: frames are shared out part by part."""
    import torch

    torch.set_num_threads(1)
