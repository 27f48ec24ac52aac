"""What the studio notices about a map, in one sentence with the figure. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowmap_studio.core.config import RunConfig, settings
from flowmap_studio.core.methods import METHODS

COLLAPSED = 0.5
"""Spread of the one-step cloud, as a share of the data's, below which it counts as collapsed."""
ENOUGH_STEPS = 200
"""An untrained map has not collapsed; it has not begun."""
DRIFTED = 1.25
"""Composed over one-step sliced W2 from which composing counts as harmful; the gap must exceed
half of the floor too, which is itself a random figure."""
FOLDED = 0.25
"""Share of the noise that a one-step map may turn over: the shipped ones do 2 to 16 %, in the
narrow seams between parts of the data."""
FAR_ABOVE_FLOOR = 3.0
"""One-step sliced W2 over the floor from which a finished map counts as under-trained."""
FALLING = 0.9
"""Newest over earlier one-step figure below which it counts as still falling."""
FEW_STEPS = 1000
MOST_LAMBDA = 10.0


@dataclass(frozen=True)
class Figures:
    """What was measured of a map; None for what was not.

    Attributes:
        step: Training steps behind it.
        progress: Share of the run's budget that is used, in [0, 1].
        spread_ratio: Spread of the one-step cloud over the data's.
        one_step: Sliced W2 of the one-step cloud, in units of the data's spread.
        composed: Sliced W2 of the cloud composed of `jumps` jumps.
        jumps: Of the composed cloud.
        floor: Sliced W2 of data against data.
        folded: Share of the noise at which the one-step map folds, `probes.fold_share`.
        earlier: Sliced W2 of the one-step cloud in the last third of the run, before the newest.
    """

    step: int
    progress: float = 0.0
    spread_ratio: float | None = None
    one_step: float | None = None
    composed: float | None = None
    jumps: int = 1
    floor: float | None = None
    folded: float | None = None
    earlier: float | None = None


@dataclass(frozen=True)
class Advice:
    """One finding and its cure.

    Attributes:
        kind: "mean-collapse", "semigroup-drift", "folding" or "under-training".
        sentence: What was found, with the figure, why, and what to do.
        change: Settings that cure it, by field name.
    """

    kind: str
    sentence: str
    change: Mapping[str, Any]

    @property
    def offer(self) -> str:
        """The change in words, for a button: "Use coupling ot"."""
        described = settings()
        words = []
        for field, value in self.change.items():
            label, unit = described[field].label, described[field].unit
            name = f"{label[0].lower()}{label[1:]}"
            shown = value if isinstance(value, str) else f"{value:,.10g}"
            words.append(f"{name} {shown} {'' if unit == name else unit}".strip())
        return f"Use {', '.join(words)}"


def advise(config: RunConfig, figures: Figures) -> list[Advice]:
    """What is wrong with a map, the most important first; empty where nothing was noticed.

    A finding that explains the ones after it stands alone: a collapsed cloud says nothing of
    folds, and a map is under-trained only if nothing else is wrong with it.

    Args:
        config: What the map was trained with.
        figures: What was measured of it.
    """
    collapse = _collapse(config, figures)
    if collapse is not None:
        return [collapse]
    found = [advice for advice in (_drift(config, figures), _folding(config, figures)) if advice]
    if found:
        return found
    under = _under_training(config, figures)
    return [] if under is None else [under]


def _collapse(config: RunConfig, figures: Figures) -> Advice | None:
    ratio = figures.spread_ratio
    if ratio is None or figures.step < ENOUGH_STEPS or not ratio < COLLAPSED:
        return None
    found = f"Mean collapse: the one-step cloud has {ratio:.0%} of the data's spread"
    if config.coupling == "independent" and not config.two_time:
        return Advice(
            "mean-collapse",
            f"{found}, because with independent pairs the best one-time map sends every noise "
            "point to the mean of the data; choose coupling ot or method semigroup.",
            {"coupling": "ot"},
        )
    return Advice(
        "mean-collapse", f"{found}; train longer or choose coupling ot.", {"coupling": "ot"}
    )


def _drift(config: RunConfig, figures: Figures) -> Advice | None:
    one, composed, floor = figures.one_step, figures.composed, figures.floor
    if METHODS[config.method].clock != "elapsed" or figures.step < ENOUGH_STEPS:
        return None
    if one is None or composed is None or floor is None or figures.jumps < 2:
        return None
    if not composed > max(DRIFTED * one, one + floor / 2):
        return None
    change = {"method": "semigroup"}
    if config.parametrisation != "residual":
        change["parametrisation"] = "residual"
    return Advice(
        "semigroup-drift",
        f"Semigroup drift: composed of {figures.jumps} steps the cloud is farther from the data "
        f"than in one step (sliced W2 {composed:.3g} against {one:.3g}), because a one-time map "
        "composes exactly only where the velocity does not change with time; choose method "
        "semigroup.",
        change,
    )


def _folding(config: RunConfig, figures: Figures) -> Advice | None:
    share = figures.folded
    if share is None or figures.step < ENOUGH_STEPS or not share > FOLDED:
        return None
    found = f"Folding: the one-step map turns {share:.0%} of the noise over, so that points overlap"
    if config.coupling == "independent":
        return Advice(
            "folding", f"{found}; choose coupling ot, whose paths do not cross.", {"coupling": "ot"}
        )
    weight = min(MOST_LAMBDA, max(1.0, 2 * config.lambda_cons))
    if METHODS[config.method].has_consistency and weight > config.lambda_cons:
        return Advice(
            "folding",
            f"{found}; give consistency more weight, λ {weight:g}.",
            {"lambda_cons": weight},
        )
    return Advice("folding", f"{found}; train longer.", _longer(config))


def _under_training(config: RunConfig, figures: Figures) -> Advice | None:
    one, floor = figures.one_step, figures.floor
    if one is None or floor is None or figures.progress < 1 or not one > FAR_ABOVE_FLOOR * floor:
        return None
    if METHODS[config.method].clock == "start":  # one step of a velocity is not meant to be near
        return None
    falling = figures.earlier is not None and one < FALLING * figures.earlier
    if not falling and figures.step >= FEW_STEPS:
        return None
    after = f"after {figures.step:,} step{'s' * (figures.step != 1)}"
    state = " and was still falling" if falling else ""
    change = _longer(config)
    wanted = f"{change['seconds']:g} s" if "seconds" in change else f"{change['steps']:,} steps"
    return Advice(
        "under-training",
        f"Under-training: {after} the one-step cloud is {one / floor:.1f} times as far from the "
        f"data as fresh data is (sliced W2 {one:.3g} against {floor:.3g}){state}; train for "
        f"{wanted}.",
        change,
    )


def _longer(config: RunConfig) -> dict[str, Any]:
    """Twice the run, or as much as makes a fair one."""
    if config.seconds:
        return {"seconds": min(1e7, 2 * config.seconds)}
    return {"steps": min(100_000_000, max(FEW_STEPS, 2 * config.steps))}
