"""The one palette (colour-blind safe) in light and dark. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of a colour #rrggbb."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


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
    faint: str
    grid: str
    accent: str
    accent_hover: str
    on_accent: str
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
    score: str
    density: str
    classes: tuple[str, ...]
    runs: tuple[str, ...]

    def class_colour(self, number: int) -> str:
        """The colour of a class; after the last one they begin anew."""
        return self.classes[number % len(self.classes)]

    def run_colour(self, number: int) -> str:
        """The colour of an earlier run by its number, counted from 1."""
        return self.runs[(number - 1) % len(self.runs)]

    def layer(self, name: str) -> str:
        """The colour of a layer or loss term by its name."""
        return str(getattr(self, name))

    def on_stage(self) -> tuple[str, ...]:
        """The plain colours of the stage, each once."""
        layers = (self.source, self.data, self.one_step, self.composed)
        ground = (self.stage, self.grid, self.border, self.text, self.muted)
        return tuple(dict.fromkeys((*ground, *layers, *self.classes)))


LIGHT = Palette(
    dark=False,
    window="#f4f5f7",
    panel="#ffffff",
    stage="#ffffff",
    field="#ffffff",
    border="#d5d9e0",
    text="#1b1f27",
    muted="#5d6675",
    faint="#9aa2af",
    grid="#e3e6eb",
    accent="#0072b2",
    accent_hover="#005f96",
    on_accent="#ffffff",
    danger="#b3261e",
    warning="#8a5a00",
    source="#8d96a5",
    data="#0072b2",
    one_step="#d98200",
    composed="#009e73",
    match="#d55e00",
    consistency="#b3568c",
    identity="#8f8400",
    total="#1b1f27",
    score="#0072b2",
    density="#009e73",
    # Okabe and Ito's, dark enough for a white ground.
    classes=(
        "#0072b2",
        "#d55e00",
        "#009e73",
        "#b3568c",
        "#d98200",
        "#3aa5dd",
        "#8f8400",
        "#4a4f59",
    ),
    # None is that of a layer or a loss term.
    runs=("#5a4fcf", "#2f9bd6", "#8a5a2b", "#a3195b", "#4f8f93", "#7b8496"),
)
DARK = Palette(
    dark=True,
    window="#14171d",
    panel="#1b1f27",
    stage="#101318",
    field="#232833",
    border="#333a47",
    text="#e7eaf0",
    muted="#98a2b3",
    faint="#667082",
    grid="#262c37",
    accent="#56b4e9",
    accent_hover="#7cc6f0",
    on_accent="#0b1016",
    danger="#ff8a80",
    warning="#f5c15c",
    source="#7d8798",
    data="#56b4e9",
    one_step="#f0a400",
    composed="#1fc997",
    match="#ff7f3f",
    consistency="#e08fbf",
    identity="#f0e442",
    total="#e7eaf0",
    score="#56b4e9",
    density="#2bc49a",
    classes=(
        "#56b4e9",
        "#ff7f3f",
        "#1fc997",
        "#e08fbf",
        "#f0a400",
        "#3d8fd1",
        "#f0e442",
        "#c3c9d4",
    ),
    runs=("#9d92ff", "#5fd3e6", "#c99a63", "#ff7aa8", "#7fc4b8", "#a9b3c4"),
)

PALETTES: Mapping[str, Palette] = {"light": LIGHT, "dark": DARK}
"""By the name of the look."""
