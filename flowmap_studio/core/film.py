"""Pictures and films of a flow, as the window exports and `flowmap-studio render` writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from flowmap_studio.core.drawing.raster import Painter, Pixels, as_png
from flowmap_studio.core.drawing.scene import Layout, Scene, fitted_view, lay_out, projected
from flowmap_studio.core.drawing.sheets import SheetPainter
from flowmap_studio.core.film_limits import Look, Timing, check_film
from flowmap_studio.core.palettes import PALETTES

if TYPE_CHECKING:  # torch comes with it
    from flowmap_studio.core.stage_clouds import StageClouds


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


def flow_layout(clouds: StageClouds, look: Look) -> Layout:
    """The view that a look asks for, or that fits source and data, as the window's."""
    if look.area is not None:
        left, right, bottom, top = look.area
        return lay_out(look.size, (np.array([left, bottom]), np.array([right, top])))
    seen = [projected(cloud, look.projection) for cloud in (clouds.source, clouds.data)]
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
        return still(_looking(clouds.at(t), look), flow_layout(clouds, look), look, ending)
    return as_png(_painter(clouds, look).draw(_looking(clouds.at(t), look)))


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
    painter = _painter(clouds, look)

    def drawn(t: float) -> Pixels:
        return painter.draw(_looking(clouds.at(t), look))

    def pictures() -> Iterator[Pixels]:
        for number, t in enumerate(timing.times()):
            tell(number, timing.frames)
            yield drawn(t)
        tell(timing.frames, timing.frames)

    if ending == ".gif":
        samples = [drawn(t) for t in (0.0, 0.5, 1.0)]
        given = [colour for colour in look.colours.values() if colour]
        plain = dict.fromkeys((*palette.on_stage(), *given))
        return as_gif(pictures(), timing.fps, samples, list(plain))
    return as_mp4(pictures(), timing.fps, look.size)


def _painter(clouds: StageClouds, look: Look) -> Painter | SheetPainter:
    palette = PALETTES[look.look]
    if clouds.image is None:
        return Painter(flow_layout(clouds, look), palette)
    return SheetPainter(look.size, clouds.image, look.layers, palette)


def _looking(scene: Scene, look: Look) -> Scene:
    """A scene as a look wants it, and in its language."""
    clouds = scene.clouds
    if look.projection is not None:  # images keep all their axes
        clouds = {name: projected(cloud, look.projection) for name, cloud in clouds.items()}
    return replace(
        scene,
        clouds=clouds,
        names={layer: look.say(name) for layer, name in scene.names.items()},
        opacities=look.opacities,
        colours=look.colours,
        order=look.order,
        caption=look.say(scene.caption),
        further=look.say(scene.further),
    )
