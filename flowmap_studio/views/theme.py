"""The one palette (colour-blind safe, Okabe and Ito), in light and dark, and the style sheet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Palette:
    """Colours as #rrggbb; layers and loss terms keep theirs everywhere, curves included."""

    dark: bool
    window: str
    panel: str
    stage: str
    field: str
    border: str
    text: str
    muted: str
    grid: str
    accent: str
    danger: str
    warning: str
    source: str
    data: str
    one_step: str
    composed: str
    match: str
    consistency: str
    identity: str
    total: str

    def layer(self, name: str) -> str:
        """The colour of a layer or loss term by its name."""
        return str(getattr(self, name))


LIGHT = Palette(
    dark=False, window="#f4f5f7", panel="#ffffff", stage="#ffffff", field="#ffffff",
    border="#d5d9e0", text="#1b1f27", muted="#5d6675", grid="#e3e6eb", accent="#0072b2",
    danger="#b3261e", warning="#8a5a00", source="#8d96a5", data="#0072b2", one_step="#d98200",
    composed="#009e73", match="#d55e00", consistency="#b3568c", identity="#8f8400", total="#1b1f27",
)
DARK = Palette(
    dark=True, window="#14171d", panel="#1b1f27", stage="#101318", field="#232833",
    border="#333a47", text="#e7eaf0", muted="#98a2b3", grid="#262c37", accent="#56b4e9",
    danger="#ff8a80", warning="#f5c15c", source="#7d8798", data="#56b4e9", one_step="#f0a400",
    composed="#1fc997", match="#ff7f3f", consistency="#e08fbf", identity="#f0e442", total="#e7eaf0",
)
