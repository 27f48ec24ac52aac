"""Exports of what is on stage."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtWidgets import QWidget

from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.files import points_as_csv, points_as_npy, write_whole
from flowmap_studio.runtime.frames import Frame


def export_stage(path: Path, stage: QWidget, frame: Frame | None) -> None:
    """Write the stage as .png, or the one-step cloud at the shown time as .csv or .npy.

    Raises:
        StudioError: There is nothing to export, or it could not be written.
    """
    suffix = path.suffix.lower()
    if suffix == ".png":
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        stage.grab().save(buffer, "PNG")
        write_whole(path, bytes(buffer.data()))
        return
    if frame is None:
        raise StudioError("There is nothing to export yet; press Train or open a preset first.")
    points = frame.clouds["one_step"]
    if suffix == ".csv":
        write_whole(path, points_as_csv(points))
    elif suffix == ".npy":
        write_whole(path, points_as_npy(points))
    else:
        raise StudioError(f"Could not export {path.name}: give it the ending .png, .csv or .npy.")
