"""What a check found: how much it did, its figures, and which invariants were broken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

MOST_TOLD = 20
"""Broken invariants that are told one by one; of more only their number."""


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Attributes:
        check: Its name.
        done: How much it did, in words: "20,000 inputs".
        figures: What was measured, by name with unit.
        broken: One sentence for each invariant that did not hold.
        seconds: How long it took.
    """

    check: str
    done: str
    figures: Mapping[str, float | int | str]
    broken: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def held(self) -> bool:
        """Whether every invariant held."""
        return not self.broken

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"held": self.held}


def finding_of(values: Mapping[str, Any]) -> Finding:
    """The finding that `Finding.as_dict` described."""
    names = ("check", "done", "figures", "seconds")
    return Finding(**{name: values[name] for name in names}, broken=tuple(values["broken"]))


class Broken:
    """Collects broken invariants; equal sentences count once, with their number."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        return sum(self._counts.values())

    def add(self, sentence: str) -> None:
        """Note one."""
        self._counts[sentence] = self._counts.get(sentence, 0) + 1

    def extend(self, sentences: Iterable[str]) -> None:
        """Note several."""
        for sentence in sentences:
            self.add(sentence)

    def unless(self, holds: bool, sentence: str) -> None:
        """Note one unless its condition holds."""
        if not holds:
            self.add(sentence)

    def told(self) -> tuple[str, ...]:
        """The sentences, the first of them if there are many."""
        rows = [text if n == 1 else f"{text} ({n} times)" for text, n in self._counts.items()]
        more = len(rows) - MOST_TOLD
        return (*rows[:MOST_TOLD], *([f"and {more} more"] if more > 0 else []))
