"""How the palette is put on the application."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from flowmap_studio.core.palettes import DARK, LIGHT, Palette
from flowmap_studio.resources import asset

__all__ = ["DARK", "LIGHT", "Palette", "apply", "interface_font", "load_fonts", "system_palette"]


FONT_FAMILY = "Inter"
FONT_POINTS = 10.0


def system_palette(app: QApplication) -> Palette:
    """Light or dark, as the system says."""
    dark = app.styleHints().colorScheme() == Qt.ColorScheme.Dark
    return DARK if dark else LIGHT


def load_fonts() -> None:
    """Make the shipped font known, so that the look does not depend on the machine's fonts."""
    if FONT_FAMILY in QFontDatabase.families():
        return
    try:
        folder = asset("fonts")
    except FileNotFoundError:  # the system's fonts can be read as well
        return
    for path in sorted(folder.glob("*.otf")):
        QFontDatabase.addApplicationFont(str(path))


def apply(app: QApplication, palette: Palette) -> None:
    """Put style, font, colours and style sheet on the application."""
    from flowmap_studio.views.style_sheet import style_sheet

    sheet = style_sheet(palette)
    if app.styleSheet() == sheet:
        return  # it is on already, and putting it on styles every widget anew
    load_fonts()
    app.setStyle("Fusion")
    app.setFont(interface_font())
    app.setPalette(_qt_palette(palette))
    app.setStyleSheet(sheet)


def interface_font(points: float = FONT_POINTS) -> QFont:
    """The interface's font with figures of equal width, so that numbers do not jump about."""
    font = QFont(FONT_FAMILY)
    font.setPointSizeF(points)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def _qt_palette(p: Palette) -> QPalette:
    role = QPalette.ColorRole
    colours = {
        role.Window: p.window,
        role.WindowText: p.text,
        role.Base: p.field,
        role.AlternateBase: p.panel,
        role.Text: p.text,
        role.Button: p.field,
        role.ButtonText: p.text,
        role.BrightText: p.danger,
        role.ToolTipBase: p.panel,
        role.ToolTipText: p.text,
        role.PlaceholderText: p.muted,
        role.Highlight: p.accent,
        role.HighlightedText: p.on_accent,
        role.Link: p.accent,
        role.Mid: p.border,
        role.Midlight: p.grid,
        role.Dark: p.border,
        role.Light: p.panel,
    }
    made = QPalette()
    for which, colour in colours.items():
        made.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, which, QColor(p.muted))
    return made
