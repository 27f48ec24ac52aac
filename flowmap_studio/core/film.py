"""Pictures and films of a flow, as the window exports and `flowmap-studio render` writes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from flowmap_studio.core.drawing.layers import FOLLOWED
from flowmap_studio.core.drawing.raster import Painter, Pixels, as_png
from flowmap_studio.core.drawing.scene import Layout, Scene, fitted_view, lay_out
from flowmap_studio.core.drawing.sheets import SheetPainter
from flowmap_studio.core.film_limits import Look, Timing, check_film
from flowmap_studio.core.palettes import PALETTES
from flowmap_studio.core.projections import projected

if TYPE_CHECKING:  # torch comes with it
    from flowmap_studio.core.stage_clouds import StageClouds

MOST_FITTED = 100
"""Views of a tour that its film is fitted to: long ones have tens of thousands."""


def still(scene: Scene, layout: Layout, look: Look, ending: str) -> bytes:
    """The bytes of a picture.

    Args:
        scene: What it shows.
        layout: Where.
        look: "light" or "dark" is taken of it.
        ending: ".png" or ".svg".
    """
    palette = PALETTES[look.look]
    if ending == ".svg":
        from flowmap_studio.core.drawing.vector import as_svg

        return as_svg(scene, layout, palette)
    return as_png(Painter(layout, palette).draw(scene))


def flow_layout(clouds: StageClouds, look: Look, moments: Sequence[float] = (0.0,)) -> Layout:
    """The view that a look asks for, or that fits source and data, as the window's.

    Args:
        clouds: What is shown.
        look: How it looks.
        moments: Seconds of the film at which they shall fit.
    """
    if look.area is not None:
        left, right, bottom, top = look.area
        return lay_out(look.size, (np.array([left, bottom]), np.array([right, top])))
    frames = [look.seen_along(moment) for moment in moments]
    both = clouds.source, clouds.data
    seen = [projected(cloud, frame) for cloud in both for frame in frames]
    return lay_out(look.size, fitted_view(*seen))


def picture(clouds: StageClouds, t: float, look: Look, ending: str) -> bytes:
    """The bytes of a picture of the flow at time t, in the film's view.

    Args:
        clouds: What is shown; images as sheets, which can't be an .svg.
        t: Flow time in [0, 1].
        look: How it looks.
        ending: ".png" or ".svg".
    """
    if clouds.image is None:
        return still(_scene(clouds, t, look), flow_layout(clouds, look), look, ending)
    return as_png(_painter(clouds, look).draw(_scene(clouds, t, look)))


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
    moments = timing.moments()
    painter = _painter(clouds, look, _spaced(moments) if look.ride else moments[:1])

    def drawn(t: float, moment: float = 0.0) -> Pixels:
        return painter.draw(_scene(clouds, t, look, moment))

    def pictures() -> Iterator[Pixels]:
        for number, (t, moment) in enumerate(zip(timing.times(), moments, strict=True)):
            tell(number, timing.frames)
            yield drawn(t, moment)
        tell(timing.frames, timing.frames)

    if ending == ".gif":
        samples = [drawn(t) for t in (0.0, 0.5, 1.0)]
        given = [colour for colour in look.colours.values() if colour]
        plain = dict.fromkeys((*palette.on_stage(), *given))
        return as_gif(pictures(), timing.fps, samples, list(plain))
    return as_mp4(pictures(), timing.fps, look.size)


def _spaced(moments: Sequence[float]) -> list[float]:
    """Some of a film's moments, the last one among them."""
    by = math.ceil(len(moments) / MOST_FITTED)
    return [*moments[::by], moments[-1]]


def _painter(
    clouds: StageClouds, look: Look, moments: Sequence[float] = (0.0,)
) -> Painter | SheetPainter:
    palette = PALETTES[look.look]
    if clouds.image is None:
        return Painter(flow_layout(clouds, look, moments), palette)
    return SheetPainter(look.size, clouds.image, look.layers, palette)


def _scene(clouds: StageClouds, t: float, look: Look, moment: float = 0.0) -> Scene:
    """The stage at flow time t as a look wants it, so many seconds after the film's begin."""
    seen_along = look.seen_along(moment) if clouds.image is None else None
    return _looking(clouds.at(t, seen_along), look)


def _looking(scene: Scene, look: Look) -> Scene:
    """A scene as a look wants it, and in its language."""
    return replace(
        scene,
        names={layer: look.say(name) for layer, name in scene.names.items()},
        opacities={**dict.fromkeys(FOLLOWED, 1.0), **look.opacities},
        colours=look.colours,
        order=(*look.order, *FOLLOWED),
        caption=look.say(scene.caption),
        further=look.say(scene.further),
    )
