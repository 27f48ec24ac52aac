"""How figures over the plane are coloured, and the scales that tell what the colours mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.palettes import rgb
from flowmap_studio.core.probing.values import DEPTH_NATS, Heat

DOUBLINGS = 4.0
"""Doublings or halvings of area that have the full colour."""
FULL_GAP = 0.25
"""Distance, in units of the data's spread, that has the full colour."""
FOLD_ALPHA = 0.9
SHADES = 33
"""Steps of a scale; an odd number, so that one of them is its middle."""

Strength = Callable[[Heat], npt.NDArray[np.float64]]
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class HeatColours:
    """Colours of a picture, #rrggbb.

    Attributes:
        above: Of its figures.
        below: Of figures below 0 where those have a colour of their own.
        folded: Where the map folds.
    """

    above: str
    below: str
    folded: str


@dataclass(frozen=True)
class HeatLook:
    """How one kind of picture is coloured.

    Attributes:
        strength: How strongly it colours a place, 1 for the full colour.
        ends: The figures at both ends of its scale.
        texts: How these are written.
        signed: Whether figures below 0 have a colour of their own.
    """

    strength: Strength
    ends: Callable[[Heat], tuple[float, float]]
    texts: Callable[[float, float], tuple[str, str]]
    signed: bool = False


def _by_doublings(heat: Heat) -> npt.NDArray[np.float64]:
    """Of logarithms to base 2 that are clear at 0."""
    return np.abs(heat.values) / DOUBLINGS


def _by_nats(heat: Heat) -> npt.NDArray[np.float64]:
    """Of logarithms whose top is strong; what lies `DEPTH_NATS` below it is clear."""
    return np.clip(1 - (heat.top - heat.values) / DEPTH_NATS, 0, 1) ** 2


def _by_share(heat: Heat) -> npt.NDArray[np.float64]:
    """Of figures from 0 to their top, evenly."""
    return heat.values / heat.top if heat.top > 0 else np.zeros_like(heat.values)


def _by_distance(heat: Heat) -> npt.NDArray[np.float64]:
    """Of distances; small ones are seen too."""
    return np.sqrt(heat.values / FULL_GAP)


def _plain(low: float, high: float) -> tuple[str, str]:
    return f"{low:.3g}", f"{high:.3g}"


HEATS: Mapping[str, HeatLook] = {
    "area": HeatLook(
        _by_doublings,
        lambda _: (-DOUBLINGS, DOUBLINGS),
        lambda low, high: (f"÷ {2**-low:.0f}", f"× {2**high:.0f}"),
        signed=True,
    ),
    "likelihood": HeatLook(
        _by_nats,
        lambda heat: (heat.top - DEPTH_NATS, heat.top),
        lambda low, high: (f"{low:.1f}", f"{high:.1f} nats"),
    ),
    "density": HeatLook(_by_share, lambda heat: (0.0, heat.top), _plain),
    "semigroup": HeatLook(_by_distance, lambda _: (0.0, FULL_GAP), _plain),
}
"""By layer."""


def heat_pixels(layer: str, heat: Heat, colours: HeatColours) -> Pixels:
    """(rows, columns, 4) red, green, blue and opacity of a layer's picture, bottom row first."""
    look = HEATS[layer]
    share = look.strength(heat)
    share = np.where(np.isnan(share), 0, np.clip(share, 0, 1))
    below = (heat.values < 0) & look.signed
    chosen = np.where(below, 1, 0)
    chosen[heat.folded] = 2
    share[heat.folded] = FOLD_ALPHA
    table = np.array([rgb(colour) for colour in (colours.above, colours.below, colours.folded)])
    made = np.concatenate([table[chosen], np.round(255 * share)[..., None]], axis=-1)
    return made.astype(np.uint8)


@dataclass(frozen=True)
class HeatScale:
    """What the colours of a picture mean.

    Attributes:
        shades: (SHADES, 4) red, green, blue and opacity from the low end to the high one.
        low: The figure at the low end, as text.
        high: That at the high end.
    """

    shades: Pixels
    low: str
    high: str


def heat_scale(layer: str, heat: Heat, colours: HeatColours) -> HeatScale:
    """The scale of a layer's picture."""
    look = HEATS[layer]
    low, high = look.ends(heat)
    figures = np.linspace(low, high, SHADES)[None]
    none = np.zeros(figures.shape, np.bool_)
    row = Heat(figures, heat.low, heat.high, none, heat.top)
    return HeatScale(heat_pixels(layer, row, colours)[0], *look.texts(low, high))
