"""The stages of a run: one, or several where a teacher has to be trained first. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.methods import METHODS


@dataclass(frozen=True)
class Stage:
    """One part of a run.

    Attributes:
        config: What this part trains, its budget included.
        from_teacher: Whether its pairs are the ODE paths of the stage before.
        warm: Whether it begins with the weights of the stage before.
        name: What it trains, for people; "" where there is but one.
    """

    config: RunConfig
    from_teacher: bool = False
    warm: bool = False
    name: str = ""


def plan(config: RunConfig) -> list[Stage]:
    """The stages of a run; their budgets add up to the config's.

    Rectified flow (Liu et al. 2022) trains flow matching, then `reflows` times again on its own
    pairs, each time from the weights it has. Coupling reflow and trajectory distillation train a
    flow-matching teacher first.
    """
    info = METHODS[config.method]
    first = "independent" if config.coupling == "reflow" else config.coupling
    if config.method == "rectified-flow":
        count = config.reflows + 1
        shares = _shares(config, [1 / count] * count)
        teacher = Stage(_teacher(shares[0], first), name="flow matching")
        reflows = (
            Stage(share, from_teacher=True, warm=True, name=f"reflow {number}")
            for number, share in enumerate(shares[1:], start=1)
        )
        return [teacher, *reflows]
    if config.needs_teacher:
        teaching, learning = _shares(config, [config.teacher_share, 1 - config.teacher_share])
        teacher = Stage(_teacher(teaching, first), name="teacher")
        pupil = "distillation" if info.learns_from_teacher else "on the teacher's pairs"
        warm = info.clock == "start" and not info.has_score  # else the teacher's weights don't fit
        return [teacher, Stage(learning, from_teacher=True, warm=warm, name=pupil)]
    return [Stage(config)]


def _teacher(config: RunConfig, coupling: str) -> RunConfig:
    """What the teacher is trained with: flow matching, of which there is no free form."""
    return config.replace(
        method="flow-matching",
        coupling=coupling,
        parametrisation="residual",
        density_head="off",
    )


def _shares(config: RunConfig, shares: list[float]) -> list[RunConfig]:
    """The config with parts of its budget; every stage has a step at least."""
    parts, used, done = [], 0, 0.0
    for share in shares:
        done += share
        steps = max(1, round(done * config.steps) - used)
        used += steps
        parts.append(config.replace(steps=steps, seconds=share * config.seconds))
    return parts
