"""The script that draws a preset's samples without the studio, filled in. Torch-free."""

from __future__ import annotations

from importlib import resources
from typing import Any

from flowmap_studio.core.drawing.layers import STAGE_POINTS, STAGE_SEED

TEMPLATE = "sample_script.py"
"""A module of this package, so that it is checked and run as any other."""
BEGIN, END = "# --- what to draw", "# --- how"


def sample_script(
    preset: str,
    out: str,
    steps: int,
    t: float = 1.0,
    solver: str = "euler",
    label: str | None = None,
    guidance: float = 1.0,
    num: int = STAGE_POINTS,
) -> str:
    """The text of a Python script that draws the stage's points of a preset.

    Args:
        preset: Name of the preset's file, in the script's own folder.
        out: Name of the .npy file that it writes there.
        steps: Jumps of the map, or steps of a velocity's solver.
        t: Flow time in [0, 1] of the samples.
        solver: A velocity's, a name in `SOLVERS`.
        label: Name of the one class of a conditional map; all when None.
        guidance: Scale of the guidance.
        num: Of the points.
    """
    text = resources.files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8")
    wanted: dict[str, Any] = {
        "PRESET": preset,
        "OUT": out,
        "NUM": num,
        "STEPS": steps,
        "TIME": t,
        "SEED": STAGE_SEED,
        "SOLVER": solver,
        "LABEL": label,
        "GUIDANCE": guidance,
    }
    head, _, rest = text.partition(BEGIN)
    rule, _, rest = rest.partition("\n")
    _, _, tail = rest.partition(END)
    # repr, so that no name can be anything but a text.
    lines = [f"{name} = {value!r}" for name, value in wanted.items()]
    return "\n".join([f"{head}{BEGIN}{rule}", *lines, f"{END}{tail}"])
