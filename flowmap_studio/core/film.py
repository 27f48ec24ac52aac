"""Pictures and films of a flow, as the window exports and `flowmap-studio render` writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from flowmap_studio.core.drawing.layers import LAYERS, START_OPACITY
from flowmap_studio.core.drawing.raster import Painter, Pixels, as_png
from flowmap_studio.core.drawing.scene import Layout, Scene, fitted_view, lay_out
from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.palettes import PALETTES

if TYPE_CHECKING:  # torch comes with it
    from flowmap_studio.core.stage_clouds import StageClouds

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
        layers: Those that are drawn.
        opacities: By layer, in [0, 1].
    """

    size: tuple[int, int] = (640, 640)
    look: str = "light"
    layers: tuple[str, ...] = LAYERS
    opacities: Mapping[str, float] = field(default_factory=lambda: START_OPACITY)


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


def still(scene: Scene, layout: Layout, look: Look, ending: str) -> bytes:
    """The bytes of a picture.

    Args:
        scene: What it shows.
        layout: Where.
        look: Its look and opacities.
        ending: ".png" or ".svg".
    """
    palette = PALETTES[look.look]
    scene = replace(scene, opacities=look.opacities)
    if ending == ".svg":
        from flowmap_studio.core.drawing.vector import as_svg

        return as_svg(scene, layout, palette)
    return as_png(Painter(layout, palette).draw(scene))


def flow_layout(clouds: StageClouds, look: Look) -> Layout:
    """The view that fits source and data, as the window's."""
    return lay_out(look.size, fitted_view(clouds.source, clouds.data))


def film(
    clouds: StageClouds,
    look: Look,
    timing: Timing,
    ending: str,
    tell: Callable[[int, int], None],
) -> bytes:
    """The bytes of a film of the flow from noise to data.

    Args:
        clouds: What moves.
        look: How it looks.
        timing: How fast.
        ending: ".gif" or ".mp4".
        tell: Called with the number of frames done and of all; what it raises ends the film.

    Raises:
        StudioError: That kind of file can't hold it.
    """
    from flowmap_studio.core.drawing.films import as_gif, as_mp4

    check_film(ending, look, timing)
    palette = PALETTES[look.look]
    painter = Painter(flow_layout(clouds, look), palette)

    def drawn(t: float) -> Pixels:
        return painter.draw(replace(clouds.at(t), opacities=look.opacities))

    def pictures() -> Iterator[Pixels]:
        for number, t in enumerate(timing.times()):
            tell(number, timing.frames)
            yield drawn(t)
        tell(timing.frames, timing.frames)

    if ending == ".gif":
        samples = [drawn(t) for t in (0.0, 0.5, 1.0)]
        return as_gif(pictures(), timing.fps, samples, palette.on_stage())
    return as_mp4(pictures(), timing.fps, look.size)
