"""From a trained map to the preset that window and command line save alike."""

from __future__ import annotations

from collections.abc import Mapping

from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.presets import Preset
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.thumbnails import thumbnail

PICTURED = 4096
"""One-step samples that the thumbnail shows."""


def pack(snapshot: Snapshot, title: str, metrics: Mapping[str, float]) -> Preset:
    """A preset with its picture.

    Args:
        snapshot: The map.
        title: One line.
        metrics: Figures measured on this very snapshot, by name.
    """
    picture = thumbnail(LoadedMap(snapshot).sample(PICTURED, steps=1, seed=0))
    return Preset(snapshot=snapshot.with_metrics(metrics), title=title, thumbnail=picture)
