"""Exports of what is on stage."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtWidgets import QWidget

from flowmap_studio.core.errors import StudioError
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
        names = (
            "x,y" if points.shape[1] == 2 else ",".join(f"x{i + 1}" for i in range(points.shape[1]))
        )
        rows = (",".join(f"{value:.9g}" for value in row) for row in points)
        write_whole(path, ("\n".join([names, *rows]) + "\n").encode())
    elif suffix == ".npy":
        with tempfile.TemporaryFile() as stream:
            np.save(stream, points)
            stream.seek(0)
            write_whole(path, stream.read())
    else:
        raise StudioError(f"Could not export {path.name}: give it the ending .png, .csv or .npy.")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        StudioError: It could not be written; an older file of that name is unchanged.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        reason = error.strerror or "the system refused"
        raise StudioError(f"Could not write {path.name}: {reason}.") from error
