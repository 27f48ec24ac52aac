"""The registry of methods: names, what they learn and which loss terms they have. Torch-free.

Adding a method touches this registry and one file `objectives/<name>.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

TermState = Literal["live", "zero", "absent"]
"""Whether a loss term varies, is identically 0 by construction, or does not exist."""

Clock = Literal["elapsed", "both", "start"]
"""What a network is told of the times s and t of a jump: t − s, both, or s alone (a velocity)."""


@dataclass(frozen=True)
class MethodInfo:
    """What form, plots and presets need to know of a method without running it.

    Attributes:
        summary: One line for lists.
        clock: "both" for two-time maps, which compose exactly; "elapsed" for one-time maps;
            "start" for velocities, whose jump is one Euler step.
        has_consistency: Whether the objective has a consistency term.
        has_score: Whether it learns the score ∇log p_t too, beside a velocity.
        learns_from_teacher: Whether it is regressed on the ODE solution of a teacher velocity,
            which is trained in the first part of the run.
    """

    summary: str
    clock: Clock
    has_consistency: bool = True
    learns_from_teacher: bool = False
    has_score: bool = False


METHODS: Mapping[str, MethodInfo] = {
    "semigroup": MethodInfo(
        "Two-time map: one long jump must equal two short ones (PSD, shortcut models)", "both"
    ),
    "lagrangian": MethodInfo(
        "Two-time map: the end of a jump must move with the velocity there (LSD)", "both"
    ),
    "eulerian": MethodInfo(
        "Two-time map: jumps from along one path must end at one place (ESD, mean flow)", "both"
    ),
    "trajectory": MethodInfo(
        "Two-time map regressed on the ODE paths of a teacher: distillation",
        "both",
        learns_from_teacher=True,
    ),
    "article": MethodInfo("One-time map of the article: match + composition + identity", "elapsed"),
    "flow-matching": MethodInfo(
        "Baseline: a velocity, sampled by many steps of an ODE solver", "start", False
    ),
    "rectified-flow": MethodInfo(
        "Baseline: a velocity trained again on its own pairs, so that few steps do", "start", False
    ),
    "schrodinger-bridge": MethodInfo(
        "Velocity and score of Brownian bridges between sinkhorn's pairs: sampled by ODE or SDE",
        "start",
        has_consistency=False,
        has_score=True,
    ),
}


def term_states(
    method: str, parametrisation: str, density_head: str = "off"
) -> dict[str, TermState]:
    """How each loss term of a method behaves, by term name.

    Args:
        method: A name in `METHODS`.
        parametrisation: "residual" (identity exact, so its term is 0) or "free".
        density_head: "on" where a density head is trained too.
    """
    info = METHODS[method]
    identity: TermState = "zero" if parametrisation == "residual" else "live"
    return {
        "match": "live",
        "consistency": "live" if info.has_consistency else "absent",
        # A velocity is no map: that a jump of no length stays put is nobody's merit.
        "identity": "absent" if info.clock == "start" else identity,
        "total": "live",
        "score": "live" if info.has_score else "absent",
        "density": "live" if density_head == "on" else "absent",
    }
