"""What ways of sampling, and the clouds that they make, are called in the window's language."""

from __future__ import annotations

from flowmap_studio.core.drawing.layers import LABELS, STAGE_POINTS
from flowmap_studio.core.solvers import SOLVERS
from flowmap_studio.runtime.frames import Frame
from flowmap_studio.views.texts import tr


def sampling_text(velocity: bool, solver: str, steps: int) -> str:
    """What a way of sampling is called, as `core.solvers.sampling_name` does in English.

    Args:
        velocity: Whether it is a velocity, sampled by an ODE solver, and not a map, which jumps.
        solver: A name in `SOLVERS`; a map has none.
        steps: Steps of the solver, or jumps of the map.
    """
    title = SOLVERS[solver].title
    if velocity and not SOLVERS[solver].stages:
        return tr("{solver}, adaptive", solver=title)
    count = tr("{steps:,} step" if steps == 1 else "{steps:,} steps", steps=steps)
    return f"{title}, {count}" if velocity else count


def map_names(velocity: bool, solver: str, steps: int) -> tuple[str, str]:
    """What the one-step and the composed cloud of a map are called.

    Args:
        velocity: Whether it is a velocity.
        solver: Of the velocity, a name in `SOLVERS`.
        steps: Of the composed cloud.
    """
    if velocity:
        return sampling_text(True, "euler", 1), sampling_text(True, solver, steps)
    return tr(
        LABELS["one_step"]
    ), f"{tr(LABELS['composed'])}, {sampling_text(False, 'euler', steps)}"


def some_text(frame: Frame) -> str:
    """That only some points of large clouds are shown for now; "" where all are."""
    wanted = len(frame.clouds["source"])
    if frame.request.full or wanted <= STAGE_POINTS:
        return ""
    return tr("some of {wanted:,} points for now", wanted=wanted)
