"""Exports of what is on stage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QGuiApplication, QImage, QPixmap

from flowmap_studio.core.drawing.layers import ALL_LAYERS, FOLLOWED, NAMES
from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.files import points_as_csv, points_as_npy
from flowmap_studio.core.film_limits import MOST_SIDE, Look
from flowmap_studio.runtime.frames import Frame
from flowmap_studio.views.cloud_view import CloudView
from flowmap_studio.views.session_mirror import layer_names
from flowmap_studio.views.texts import told, tr
from flowmap_studio.views.theme import Palette

if TYPE_CHECKING:  # Pillow comes with it: imported when a picture is wanted
    from flowmap_studio.core.drawing.scene import Scene
    from flowmap_studio.views.stage_layers.followed import Followed

ENDINGS = ".png, .svg, .gif, .mp4, .csv, .npy or .py"
NOTHING = "There is nothing to export yet; press Train or open a preset first."
FINER = 2
"""Pixels of a picture for each of the stage's: it shall look well on paper and larger screens."""


def points_content(path: Path, frame: Frame | None) -> bytes:
    """The one-step cloud at the shown time as .csv or .npy.

    Raises:
        StudioError: There is nothing to export, or no such kind of file.
    """
    if frame is None:
        raise StudioError(NOTHING)
    points, wanted = frame.clouds["one_step"], len(frame.clouds["source"])
    if len(points) < wanted:
        raise StudioError(
            f"Only {len(points):,} of {wanted:,} points are made so far; wait for the others, or "
            "pause the run."
        )
    if frame.rounded:
        raise StudioError(
            "The points are still in motion and rounded; export them once they rest, which takes "
            "a moment."
        )
    kinds: dict[str, Callable[..., bytes]] = {".csv": points_as_csv, ".npy": points_as_npy}
    if path.suffix.lower() not in kinds:
        raise StudioError(f"Could not export {path.name}: give it the ending {ENDINGS}.")
    return kinds[path.suffix.lower()](points)


def stage_picture(
    stage: CloudView, followed: Followed, frame: Frame | None, palette: Palette, ending: str
) -> bytes:
    """The bytes of a picture of the stage as it is seen, without its buttons.

    Args:
        stage: Its layers and its view are drawn, in `FINER` times as many pixels.
        followed: Trace and group.
        frame: What is on stage.
        palette: Colours.
        ending: ".png" or ".svg".

    Raises:
        StudioError: There is nothing on stage.
    """
    from flowmap_studio.core.drawing.scene import lay_out
    from flowmap_studio.core.film import still

    if frame is None:
        raise StudioError(NOTHING)
    finer = FINER if ending == ".png" else 1
    size = min(stage.width() * finer, MOST_SIDE), min(stage.height() * finer, MOST_SIDE)
    look = Look(size, "dark" if palette.dark else "light")
    return still(stage_scene(stage, followed, frame), lay_out(size, stage.view()), look, ending)


def as_png(picture: QPixmap) -> bytes:
    """The bytes of a .png file."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")
    return bytes(buffer.data())


def copy_picture(png: bytes) -> None:
    """Put a picture on the clipboard."""
    QGuiApplication.clipboard().setImage(QImage.fromData(png, "PNG"))


def visible_layers(stage: CloudView) -> tuple[str, ...]:
    """The layers whose eyes are open, without lines and pictures that can't be made."""
    there = stage.shapes().keys() | stage.clouds().keys()
    return tuple(layer for layer in ALL_LAYERS if layer in there)


def film_look(stage: CloudView, followed: Followed, size: tuple[int, int], look: str) -> Look:
    """How a film looks that shows what the stage shows, and what is followed."""
    return Look(
        size=size,
        look=look,
        layers=visible_layers(stage),
        opacities={layer: stage.layer_opacity(layer) for layer in ALL_LAYERS},
        colours=_colours(stage) | followed.colours,
        order=stage.layer_order(),
        area=stage.area(),
        projection=stage.projection(),
        say=told,
    )


def stage_scene(stage: CloudView, followed: Followed, frame: Frame) -> Scene:
    """What is on stage, to be drawn without it."""
    from flowmap_studio.core.drawing.scene import Scene

    one_step, composed = layer_names(frame.request)
    shown = stage.clouds()
    trace = followed.shape()
    return Scene(
        clouds=shown | {"group": followed.group.points, "traced": followed.head.points},
        shapes=stage.shapes() | ({} if trace is None else {"trace": trace}),
        names={
            **{layer: tr(name) for layer, name in NAMES.items()},
            "one_step": one_step,
            "composed": composed,
        },
        opacities={
            **{layer: stage.layer_opacity(layer) for layer in ALL_LAYERS},
            **dict.fromkeys(FOLLOWED, 1.0),
        },
        colours=_colours(stage) | followed.colours,
        order=(*stage.layer_order(), *FOLLOWED),
        labels={layer: frame.labels[layer] for layer in shown if layer in frame.labels},
        classes=frame.request.snapshot.classes,
        caption=stage.caption(),
        further=tr("and {more:,} more"),
    )


def _colours(stage: CloudView) -> dict[str, str]:
    """Of the layers that the user gave one."""
    return {layer: stage.layer_colour(layer) for layer in ALL_LAYERS}
