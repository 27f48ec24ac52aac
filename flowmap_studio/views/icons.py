"""Shipped SVG icons, coloured by the palette and sharp at every scale."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from flowmap_studio.resources import asset
from flowmap_studio.views.theme import Palette

SIZES = (16, 20, 24, 32, 40, 48, 64)


@cache
def icon(name: str, palette: Palette) -> QIcon:
    """The icon of that name in the palette's text colour; muted when disabled, accent when on."""
    made = QIcon()
    off, on = QIcon.State.Off, QIcon.State.On
    states = (  # a tuple: a quiet palette's text may be as faint as what is disabled
        (palette.text, ((QIcon.Mode.Normal, off),)),
        (palette.accent, ((QIcon.Mode.Normal, on),)),
        (palette.faint, ((QIcon.Mode.Disabled, off), (QIcon.Mode.Disabled, on))),
    )
    source = asset("icons", f"{name}.svg").read_text(encoding="utf-8")
    for colour, shown in states:
        renderer = QSvgRenderer(QByteArray(source.replace("currentColor", colour).encode()))
        for size in SIZES:
            drawn = _drawn(renderer, size)
            for mode, state in shown:
                made.addPixmap(drawn, mode, state)
    return made


def application_icon() -> QIcon:
    """The program's own icon."""
    return QIcon(str(asset("icons", "flowmap-studio.svg")))


def _drawn(renderer: QSvgRenderer, size: int) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return pixmap
