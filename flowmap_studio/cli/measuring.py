"""The figures of a map that has just been trained, which must not cost the map."""

from __future__ import annotations

import torch

from flowmap_studio.cli import console
from flowmap_studio.core.advice import Advice, Figures, advise
from flowmap_studio.core.errors import device_failed, first_line, lacks_memory
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.metrics import Referee, preset_metrics
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.targets import Target

Measured = tuple[Snapshot, list[Advice]]


def measured(
    snapshot: Snapshot, earlier: Snapshot | None, target: Target, device: torch.device
) -> Measured:
    """The map with its figures, and what they advise; without them where it can't be measured.

    Args:
        snapshot: The map.
        earlier: The map in the last third of the run, to tell whether it was still learning.
        target: What it learned.
        device: Where to evaluate it; on the CPU instead where the device fails or is too small.
    """
    for place in dict.fromkeys((device, torch.device("cpu"))):
        try:
            return _measured(snapshot, earlier, target, place)
        except (RuntimeError, MemoryError) as error:
            if not (lacks_memory(error) or device_failed(error)):
                raise
            name = place.type.upper()
            console.warn(f"The map could not be measured on the {name}: {first_line(error)}")
    return snapshot, []


def _measured(
    snapshot: Snapshot, earlier: Snapshot | None, target: Target, device: torch.device
) -> Measured:
    referee = Referee(target, snapshot.normalisation)
    if len(referee.data) < 2:  # a file of three points: nothing is held out to judge by
        return snapshot, []
    metrics = preset_metrics(referee, LoadedMap(snapshot, device))
    before = None if earlier is None else referee.one_figure(LoadedMap(earlier, device), 1)
    figures = Figures(
        snapshot.step,
        progress=1.0,
        spread_ratio=metrics["spread_ratio"],
        one_step=metrics["sliced_w2_1"],
        composed=metrics["sliced_w2_8"],
        jumps=8,
        floor=metrics["sliced_w2_floor"],
        folded=metrics.get("folded_share"),
        earlier=before,
    )
    return snapshot.with_metrics(metrics), list(advise(snapshot.config, figures))
