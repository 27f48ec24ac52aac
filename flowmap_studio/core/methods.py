"""The registry of methods: names, what they learn and which loss terms they have. Torch-free.

Adding a method touches this registry and one file `objectives/<name>.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

TermState = Literal["live", "zero", "absent"]
"""Whether a loss term varies, is identically 0 by construction, or does not exist."""


@dataclass(frozen=True)
class MethodInfo:
    """What form, plots and presets need to know of a method without running it.

    Attributes:
        summary: One line for lists.
        two_time: Whether the network sees both s and t, so that its maps compose exactly.
        has_consistency: Whether the objective has a consistency term.
    """

    summary: str
    two_time: bool
    has_consistency: bool


METHODS: Mapping[str, MethodInfo] = {
    "semigroup": MethodInfo(
        "Two-time map: one long jump must equal two short ones (PSD, shortcut models)",
        two_time=True,
        has_consistency=True,
    ),
    "article": MethodInfo(
        "One-time map of the article: match + composition + identity",
        two_time=False,
        has_consistency=True,
    ),
}


def term_states(method: str, parametrisation: str) -> dict[str, TermState]:
    """How each loss term of a method behaves, by term name.

    Args:
        method: A name in `METHODS`.
        parametrisation: "residual" (identity exact, so its term is 0) or "free".
    """
    return {
        "match": "live",
        "consistency": "live" if METHODS[method].has_consistency else "absent",
        "identity": "zero" if parametrisation == "residual" else "live",
        "total": "live",
    }
