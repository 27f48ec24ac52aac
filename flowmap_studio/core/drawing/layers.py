"""The layers of the stage: their points, names, depth and look, in the window and without it."""

from __future__ import annotations

from collections.abc import Mapping

from flowmap_studio.core.images import ImageShape
from flowmap_studio.core.palettes import Palette
from flowmap_studio.core.probing.values import LAYER_PROBES
from flowmap_studio.core.solvers import sampling_name

STAGE_POINTS = 4096
"""Points of each cloud on the stage at first; the default of `flowmap-studio sample` too."""
STAGE_COUNTS = tuple(1024 * 4**power for power in range(6))
"""Points of a cloud that the stage offers: from a thousand to a million."""
STAGE_IMAGES = 144
"""Images of each kind on the stage; with the same noise as the first of so many points."""
STAGE_SEED = 0
"""Seed of the stage's noise: `sample --seed 0` gives the very points on the stage at t = 1."""
LAYERS = ("source", "data", "one_step", "composed")
"""Layers in the order of the legend."""
LABELS = {
    "source": "Source (noise)",
    "data": "Data",
    "one_step": "One step",
    "composed": "Composed",
}
START_OPACITY: Mapping[str, float] = {
    "source": 0.3,
    "data": 0.45,
    "one_step": 1.0,
    "composed": 0.65,
}
DEPTH = ("source", "data", "composed", "one_step")
"""From the back to the front: what the map does in one step is never covered."""
NAMES: Mapping[str, str] = {
    **LABELS,
    "grid": "Deformed grid",
    "velocity": "Velocity field",
    "trajectories": "Trajectories",
    "area": "Area change",
    "likelihood": "Log-likelihood",
    "density": "Density",
    "semigroup": "Semigroup residual",
}
"""Of the clouds, and of what the map is probed for."""
ALL_LAYERS = (*LAYERS, *LAYER_PROBES)
BACK_TO_FRONT = (
    *("density", "likelihood", "semigroup", "area"),
    *DEPTH[:2],
    "grid",
    *DEPTH[2:],
    "trajectories",
    "velocity",
)
"""Pictures lie under the points, lines over those that they are about."""
OPACITY: Mapping[str, float] = {
    **START_OPACITY,
    "grid": 0.6,
    "velocity": 0.8,
    "trajectories": 0.7,
    "area": 0.7,
    "likelihood": 0.7,
    "density": 0.7,
    "semigroup": 0.7,
}
LINE_WIDTH: Mapping[str, float] = {"grid": 1.0, "velocity": 1.2, "trajectories": 1.6, "trace": 2.0}
"""Logical pixels."""
_COLOURS = {
    "grid": "muted",
    "velocity": "text",
    "trajectories": "consistency",
    "area": "match",
    "likelihood": "identity",
    "density": "one_step",
    "semigroup": "consistency",
    "group": "consistency",
    "trace": "text",
    "traced": "text",
}
"""Names of the palette's colours: they differ from those of the clouds."""
FOLLOWED = ("group", "trace", "traced")
"""What is followed over time, in front of all layers: points, the way of one, and where it is."""
MARKER_SCALE = {
    "source": 0.7,
    "data": 1.5,
    "one_step": 0.75,
    "composed": 0.8,
    "group": 1.0,
    "traced": 1.2,
}
"""Data is a broad faint band to land on. Composed points are hidden under one-step points where
both agree: all the green that is seen is drift."""


def layer_colour(palette: Palette, layer: str) -> str:
    """A layer's own colour, #rrggbb."""
    return palette.layer(_COLOURS.get(layer, layer))


def stage_count(image: ImageShape | None, points: int = STAGE_POINTS) -> int:
    """Points of each moving cloud on the stage, or images where these are images.

    Args:
        image: What the points are as images; None for other points.
        points: How many are wanted.
    """
    return points if image is None else STAGE_IMAGES


def map_layer_names(velocity: bool, solver: str, steps: int) -> tuple[str, str]:
    """What the one-step and the composed cloud of a map are called.

    Args:
        velocity: Whether it is a velocity, sampled by an ODE solver, and not a map, which jumps.
        solver: Of the velocity, a name in `SOLVERS`.
        steps: Of the composed cloud.
    """
    if velocity:
        return sampling_name(True, "euler", 1), sampling_name(True, solver, steps)
    return LABELS["one_step"], f"{LABELS['composed']}, {sampling_name(False, 'euler', steps)}"
