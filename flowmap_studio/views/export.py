"""Exports of what is on stage."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from flowmap_studio.core.drawing.layers import LABELS, LAYERS
from flowmap_studio.core.drawing.scene import Scene, lay_out
from flowmap_studio.core.drawing.vector import as_svg
from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.files import points_as_csv, points_as_npy, write_whole
from flowmap_studio.runtime.frames import Frame
from flowmap_studio.views.cloud_view import CloudView
from flowmap_studio.views.session_mirror import layer_names
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette

ENDINGS = ".png, .svg, .gif, .mp4, .csv, .npy or .py"
NOTHING = "There is nothing to export yet; press Train or open a preset first."


def export_stage(path: Path, stage: CloudView, frame: Frame | None, palette: Palette) -> None:
    """Write the stage as .svg, or the one-step cloud at the shown time as .csv or .npy.

    Raises:
        StudioError: There is nothing to export, or it could not be written.
    """
    suffix = path.suffix.lower()
    if frame is None:
        raise StudioError(NOTHING)
    if suffix == ".svg":
        layout = lay_out((stage.width(), stage.height()), stage.view())
        write_whole(path, as_svg(stage_scene(stage, frame), layout, palette))
        return
    points = frame.clouds["one_step"]
    if suffix == ".csv":
        write_whole(path, points_as_csv(points))
    elif suffix == ".npy":
        write_whole(path, points_as_npy(points))
    else:
        raise StudioError(f"Could not export {path.name}: give it the ending {ENDINGS}.")


def copy_picture(stage: QWidget) -> None:
    """Put the stage on the clipboard as a picture."""
    QGuiApplication.clipboard().setPixmap(stage.grab())


def as_png(stage: QWidget) -> bytes:
    """The bytes of a .png file of the stage as it is on the screen."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    stage.grab().save(buffer, "PNG")
    return bytes(buffer.data())


def visible_layers(stage: CloudView) -> tuple[str, ...]:
    """The layers whose eyes are open."""
    return tuple(layer for layer in LAYERS if stage.is_layer_visible(layer))


def opacities(stage: CloudView) -> dict[str, float]:
    """The layers' opacities."""
    return {layer: stage.layer_opacity(layer) for layer in LAYERS}


def stage_scene(stage: CloudView, frame: Frame) -> Scene:
    """What is on stage, to be drawn without it."""
    shown = visible_layers(stage)
    one_step, composed = layer_names(frame.request)
    return Scene(
        clouds={layer: frame.clouds[layer] for layer in shown},
        names={
            **{layer: tr(name) for layer, name in LABELS.items()},
            "one_step": one_step,
            "composed": composed,
        },
        opacities=opacities(stage),
        labels={layer: frame.labels[layer] for layer in shown if layer in frame.labels},
        classes=frame.request.snapshot.classes,
        caption=stage.caption(),
        further=tr("and {more:,} more"),
    )
