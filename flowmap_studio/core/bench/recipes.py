"""Which methods are measured with which couplings. Torch-free."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.methods import METHODS

FEW_STEPS = (1, 2, 4, 8, 16)
MANY_STEPS = 100
"""Euler steps that a velocity is given besides."""


@dataclass(frozen=True)
class Recipe:
    """A method and the coupling of its pairs."""

    method: str
    coupling: str

    @property
    def label(self) -> str:
        """What to call it in a table."""
        return f"{self.method} × {self.coupling}"

    def config(self, base: RunConfig, **changes: Any) -> RunConfig:
        """The base config with this method and coupling, and other changes."""
        return base.replace(method=self.method, coupling=self.coupling, **changes)

    def step_counts(self) -> tuple[int, ...]:
        """Numbers of jumps to judge it at."""
        return (*FEW_STEPS, MANY_STEPS) if METHODS[self.method].clock == "start" else FEW_STEPS


def default_recipe() -> Recipe:
    """What the program trains when nothing else is said."""
    config = RunConfig()
    return Recipe(config.method, config.coupling)


SENSIBLE = tuple(
    Recipe(method, coupling)
    for method, couplings in (
        ("semigroup", ("ot", "independent")),
        ("lagrangian", ("ot", "independent")),
        ("eulerian", ("ot", "independent")),
        ("trajectory", ("ot", "independent")),
        ("article", ("ot", "independent", "reflow")),
        ("flow-matching", ("ot", "independent")),
        ("rectified-flow", ("independent",)),
        ("schrodinger-bridge", ("sinkhorn",)),
    )
    for coupling in couplings
)
"""Every pair that somebody would train; rectified flow makes its own pairs."""

TWO_TIME = tuple(Recipe(method, "ot") for method, info in METHODS.items() if info.clock == "both")
"""Every two-time method with optimal pairs."""

TWO_TIME_INDEPENDENT = tuple(Recipe(recipe.method, "independent") for recipe in TWO_TIME)
"""Every two-time method with the pairs whose exact map is known."""


def of_methods(recipes: Sequence[Recipe], methods: Collection[str]) -> tuple[Recipe, ...]:
    """The recipes of these methods; all when none is named."""
    return tuple(recipe for recipe in recipes if not methods or recipe.method in methods)


BOARD_SETTINGS: Mapping[str, Any] = {
    "depth": 3,
    "position_features": 256,
    "position_detail": 16.0,
    "ot_batch": 512,
    "seconds": 180,
}
"""How maps of the checkerboard, whose edges are sharp, are trained, besides method and coupling."""
BOARD_SETTINGS_OF: Mapping[str, Mapping[str, Any]] = {"semigroup": {"lambda_cons": 3.0}}
"""And of single methods: the others gained nothing by a larger weight."""

DIGITS: Mapping[str, Any] = {
    "target": "digits",
    "hidden_dim": 256,
    "depth": 3,
    "time_embed_dim": 128,
    "batch_size": 256,
    "ema_decay": 0.998,
    "steps": 6000,
}
"""How maps of the digits are trained, besides method and coupling."""
DIGIT_STEPS = (1, 4, MANY_STEPS)
"""Jumps that they are judged at; the last by velocities alone."""
OF_DIGITS = tuple(
    Recipe(method, "independent") for method in ("semigroup", "flow-matching", "rectified-flow")
)
"""The map, and the velocities that it is compared with."""
