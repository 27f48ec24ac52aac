"""The preset library's moving picture: the one-step cloud on its way from noise to data."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.presets import read_preset
from flowmap_studio.core.thumbnails import CARD_COLOUR, density_picture, fitting_view

FRAMES = 16
SIDE = 96
POINTS = 1500


def moving_thumbnail(path: Path) -> list[bytes]:
    """`FRAMES` square PNG pictures from t = 0 to t = 1, all with the same view.

    Args:
        path: Of a preset.

    Raises:
        PresetError: It is no sound preset.
        DataError: Its map can't be sampled.
    """
    loaded = LoadedMap(read_preset(path).snapshot)
    noise = loaded.noise(POINTS, seed=0)
    guide = loaded.guide(POINTS, 0, None, 1.0)
    clouds = [loaded.at(noise, t, 1, guide) for t in np.linspace(0, 1, FRAMES).tolist()]
    view = fitting_view(np.concatenate([clouds[0], clouds[-1]]))
    return [density_picture(c, SIDE, background=CARD_COLOUR, view=view) for c in clouds]
