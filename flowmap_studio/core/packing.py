"""From a trained map to the preset that window and command line save alike."""

from __future__ import annotations

from collections.abc import Mapping

from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.presets import Preset
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.thumbnails import image_thumbnail, thumbnail

PICTURED = 4096
"""One-step samples that the thumbnail shows."""
IMAGES_PICTURED = 25


def pack(snapshot: Snapshot, title: str, metrics: Mapping[str, float]) -> Preset:
    """A preset with its picture.

    Args:
        snapshot: The map.
        title: One line.
        metrics: Figures measured on this very snapshot, by name.
    """
    picture = pictured(LoadedMap(snapshot))
    return Preset(snapshot=snapshot.with_metrics(metrics), title=title, thumbnail=picture)


def pictured(loaded: LoadedMap) -> bytes:
    """The thumbnail of a map's one-step samples."""
    image = loaded.snapshot.image
    if image is None:
        return thumbnail(loaded.sample(PICTURED, steps=1, seed=0))
    return image_thumbnail(loaded.sample(IMAGES_PICTURED, steps=1, seed=0), image)
