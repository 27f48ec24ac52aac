"""One figure of the tables of speed beside its goal. Torch-free."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flowmap_studio.core.markdown import table


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What was measured.

    Attributes:
        part: To which part of the benchmark it belongs.
        name: What it is, in words.
        unit: Of the figures.
        median: The median, or the one figure where there is but one.
        p95: The 95th percentile; None where there is but one figure.
        worst: The largest; None where there is but one figure.
        goal: What is aimed at; None where nothing is.
        judged: Which figure the goal is for: "median", "p95" or "worst".
        more: Whether more is better.
        limit: What the same work would take at the machine's rate of matrix products, in the same
            unit; None where that says nothing.
    """

    part: str
    name: str
    unit: str
    median: float
    p95: float | None = None
    worst: float | None = None
    goal: float | None = None
    judged: str = "p95"
    more: bool = False
    limit: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        found = {"median": self.median, "p95": self.p95, "worst": self.worst}[self.judged]
        if found is None or math.isnan(found):
            return None
        return found >= self.goal if self.more else found <= self.goal


def milliseconds(
    part: str,
    name: str,
    seconds: Sequence[float],
    *,
    goal: float | None = None,
    judged: str = "p95",
    limit: float | None = None,
) -> Figure:
    """The figure of several times.

    Args:
        part: See `Figure`.
        name: See `Figure`.
        seconds: Each time.
        goal: In milliseconds.
        judged: See `Figure`.
        limit: In seconds.
    """
    median, p95, worst = (float(x) for x in 1e3 * np.percentile(seconds, [50, 95, 100]))
    least = None if limit is None else 1e3 * limit
    return Figure(
        part=part,
        name=name,
        unit="ms",
        median=median,
        p95=p95,
        worst=worst,
        goal=goal,
        judged=judged,
        limit=least,
    )


def figure_table(figures: Sequence[Figure]) -> str:
    """All figures as a Markdown table."""
    headings = ["figure", "median", "p95", "largest", "limit", "goal", "reached"]
    return table(headings, [_cells(figure) for figure in figures])


def figure_line(figure: Figure) -> str:
    """One figure in a line."""
    p95 = "" if figure.p95 is None else f", p95 {_number(figure.p95)}"
    return f"{figure.name}: {_number(figure.median)}{p95} {figure.unit}"


def _cells(figure: Figure) -> list[str]:
    values = (figure.median, figure.p95, figure.worst, figure.limit)
    shown = [_number(value) for value in values]
    if math.isfinite(figure.median):
        shown[0] += f" {figure.unit}".rstrip()
    if figure.goal is None:
        return [figure.name, *shown, "", ""]
    which = "" if figure.judged == "median" else f", {figure.judged.replace('worst', 'largest')}"
    goal = f"{'≥' if figure.more else '≤'} {_number(figure.goal)}{which}"
    return [figure.name, *shown, goal, {True: "yes", False: "no", None: ""}[figure.reached]]


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
