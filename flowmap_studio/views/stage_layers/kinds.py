"""The layers of the stage in the window: their keys, tips and choice of colours."""

from __future__ import annotations

from collections.abc import Mapping

from flowmap_studio.core.drawing.layers import ALL_LAYERS
from flowmap_studio.views.theme import Palette

KEYS: Mapping[str, str] = dict(zip(ALL_LAYERS, "1234567890R", strict=True))
"""The key that shows or hides each layer."""
TIPS: Mapping[str, str] = {
    "source": "The noise points x0 that every cloud starts from; always the same ones, so that "
    "points move instead of flickering",
    "data": "A sample of the data: what the one-step and composed clouds should look like at t = 1",
    "one_step": "X(x0, 0, t): each noise point carried to time t in one evaluation of the map",
    "composed": "The same noise points carried to time t in several shorter jumps. Where this "
    "cloud drifts from the one-step cloud, the map does not compose yet",
    "grid": "A square grid over the noise, carried to time t by the map. Lines that cross show "
    "where it folds",
    "velocity": "v_t(x): where points go at time t and how fast; the longest arrow fills the room "
    "between two. A one-time map has it only where the map arrives",
    "trajectories": "The ways of 64 noise points from t = 0 to the time on stage",
    "area": "det ∂X_{0,t}/∂z at the noise z that the map starts from: coloured where area grows, "
    "grey where it shrinks, red where the map folds (negative)",
    "likelihood": "log p_t of the mean density in each pixel, by change of variables: the stronger "
    "the colour, the likelier; up to 8 nats below the likeliest place",
    "density": "How densely 16,384 samples of one evaluation lie at time t, smoothed: what the "
    "samples show, in even steps from none to most",
    "semigroup": "‖X(t/2, t) ∘ X(0, t/2) − X(0, t)‖ at the noise that the map starts from, in "
    "units of the data's spread: where two jumps end elsewhere than one. Full colour from 0.25 on",
}


def colour_choices(palette: Palette) -> tuple[str, ...]:
    """Colours that a layer can be given besides its own."""
    return (palette.text, palette.muted, *palette.classes)
