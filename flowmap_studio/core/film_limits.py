"""What can be asked for of pictures and films, and what kinds of files can hold. Torch-free."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.drawing.layers import BACK_TO_FRONT, LAYERS, OPACITY
from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.projections import Ride

FILM_ENDINGS = (".gif", ".mp4")
STILL_ENDINGS = (".png", ".svg")
LEAST_SIDE, MOST_SIDE = 64, 4096
"""Pixels."""
MOST_FPS = 60
MOST_GIF_FPS = 50
"""Players show frames of less than two hundredths of a second for ten of them."""
LEAST_SECONDS, MOST_SECONDS = 0.1, 600.0
MOST_GIF_PIXELS = 1_000_000_000
"""Of all frames together: they are kept in memory, a byte each, until the file is written."""


@dataclass(frozen=True)
class Look:
    """How a picture of the stage looks.

    Attributes:
        size: Width and height in pixels.
        look: "light" or "dark".
        layers: Those that are drawn, what the map can be probed for among them.
        opacities: By layer, in [0, 1].
        colours: #rrggbb of the layers that don't have their own.
        order: Layers from the back to the front.
        area: Lower and upper ends (x0, x1, y0, y1) of what is seen in data units; source and data
            as they fit when None.
        projection: (dim, 2) the directions along which points of dim axes are seen; the first two
            axes when None.
        ride: The tour that a film of such points makes instead.
        say: Puts the names, the caption and "and 3 more" of a scene into a language.
    """

    size: tuple[int, int] = (640, 640)
    look: str = "light"
    layers: tuple[str, ...] = LAYERS
    opacities: Mapping[str, float] = field(default_factory=lambda: OPACITY)
    colours: Mapping[str, str] = field(default_factory=dict)
    order: Sequence[str] = BACK_TO_FRONT
    area: tuple[float, float, float, float] | None = None
    projection: npt.NDArray[np.floating] | None = None
    ride: Ride | None = None
    say: Callable[[str], str] = str

    def seen_along(self, seconds: float) -> npt.NDArray[np.floating] | None:
        """(dim, 2) the directions of a film's view after so many seconds; None for the first."""
        return self.projection if self.ride is None else self.ride.at(seconds)


@dataclass(frozen=True)
class Timing:
    """How long a film lasts.

    Attributes:
        fps: Frames per second.
        seconds: From noise to data.
    """

    fps: int = 25
    seconds: float = 4.0

    @property
    def frames(self) -> int:
        """Number of frames, two at least: noise and data."""
        return max(2, round(self.fps * self.seconds))

    def times(self) -> list[float]:
        """Flow time t of each frame: evenly from 0 to 1, both exact."""
        return [number / (self.frames - 1) for number in range(self.frames)]

    def moments(self) -> list[float]:
        """Seconds from the first frame to each."""
        return [number / self.fps for number in range(self.frames)]


def check_film(ending: str, look: Look, timing: Timing) -> None:
    """Refuse what a kind of file can't hold.

    Raises:
        StudioError: So; the sentence says what to change.
    """
    width, height = look.size
    if ending == ".mp4" and (width % 2 or height % 2):
        raise StudioError(
            f"An .mp4 has even sizes only, not {width} × {height}; choose "
            f"{width + width % 2} × {height + height % 2}."
        )
    if ending != ".gif":
        return
    if timing.fps > MOST_GIF_FPS:
        raise StudioError(
            f"A .gif plays at most {MOST_GIF_FPS} frames a second, not {timing.fps}; choose fewer, "
            "or an .mp4."
        )
    if timing.frames * width * height > MOST_GIF_PIXELS:
        raise StudioError(
            f"{timing.frames:,} frames of {width} × {height} pixels are too much for a .gif; "
            "choose fewer, smaller ones, or an .mp4."
        )
