"""Shipped SVG icons, coloured by the palette and sharp at every scale."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from PySide6.QtCore import QByteArray, QDataStream, QIODevice, qCompress
from PySide6.QtGui import QIcon

from flowmap_studio.resources import asset
from flowmap_studio.views.theme import Palette

ENGINE = "svg"
"""Qt's own drawer of such icons: it draws in the size that is wanted when it is wanted."""
COMPRESSED = 1
"""That what is stored went through `qCompress`, as Qt stores it itself."""


@cache
def icon(name: str, palette: Palette) -> QIcon:
    """The icon of that name in the palette's text colour; muted when disabled, accent when on."""
    source = asset("icons", f"{name}.svg").read_text(encoding="utf-8")
    off, on = QIcon.State.Off, QIcon.State.On
    colours = {
        (QIcon.Mode.Normal, off): palette.text,
        (QIcon.Mode.Normal, on): palette.accent,
        (QIcon.Mode.Disabled, off): palette.faint,
        (QIcon.Mode.Disabled, on): palette.faint,
    }
    return _of_sources(
        {shown: source.replace("currentColor", colour) for shown, colour in colours.items()}
    )


def application_icon() -> QIcon:
    """The program's own icon."""
    return QIcon(str(asset("icons", "flowmap-studio.svg")))


def _of_sources(sources: Mapping[tuple[QIcon.Mode, QIcon.State], str]) -> QIcon:
    """An icon from the text of an SVG for each of its states.

    Qt takes such texts from files only, or from a stored icon, which is what is written here. To
    draw 24 icons ahead, in all sizes that a scale could ask for, took 55 ms of the start.
    """
    stored = QByteArray()
    out = QDataStream(stored, QIODevice.OpenModeFlag.WriteOnly)
    out.setVersion(QDataStream.Version.Qt_6_5)
    out.writeQString(ENGINE)
    out.writeInt32(0)  # files
    out.writeInt32(COMPRESSED)
    out.writeInt32(len(sources))
    for (mode, state), text in sources.items():
        out.writeInt32(mode.value << 4 | state.value)
        out << qCompress(QByteArray(text.encode()))
    out.writeInt32(0)  # pixmaps
    made, stream = QIcon(), QDataStream(stored)
    stream.setVersion(QDataStream.Version.Qt_6_5)
    stream >> made
    return made
