"""Kinds of numbers on the command line, each refused with one sentence that says what fits."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import click

from flowmap_studio.core.errors import StudioError


class WholeNumber(click.ParamType):
    """A whole number within bounds.

    Args:
        minimum: Smallest one.
        maximum: Largest one.
    """

    name = "number"

    def __init__(self, minimum: int, maximum: int) -> None:
        self._minimum = minimum
        self._maximum = maximum

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,  # noqa: ARG002 - click's signature
    ) -> int:
        """The number.

        Raises:
            StudioError: It is none, or out of bounds.
        """
        try:
            number = int(value)
        except ValueError:
            number = None
        if number is None or not self._minimum <= number <= self._maximum:
            raise StudioError(
                f"{option_of(param)} must be a whole number from {self._minimum:,} to "
                f"{self._maximum:,}, not {shortened(value)}."
            )
        return number


class StepCounts(click.ParamType):
    """Numbers of steps, parted by commas.

    Args:
        maximum: Largest number of steps.
    """

    name = "numbers"

    def __init__(self, maximum: int) -> None:
        self._one = WholeNumber(1, maximum)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """The numbers in ascending order, each once.

        Raises:
            StudioError: One of them is none, or out of bounds.
        """
        if isinstance(value, tuple):
            return value
        return tuple(sorted({self._one.convert(part, param, ctx) for part in value.split(",")}))


class Names(click.ParamType):
    """Names, parted by commas.

    Args:
        known: Those that there are.
    """

    name = "names"

    def __init__(self, known: Collection[str]) -> None:
        self._known = known

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,  # noqa: ARG002 - click's signature
    ) -> tuple[str, ...]:
        """The names, each once, in the order given.

        Raises:
            StudioError: One of them is unknown.
        """
        if isinstance(value, tuple):
            return value
        names = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
        for name in names:
            if name not in self._known:
                raise StudioError(
                    f"{option_of(param)}: {shortened(name)} is unknown; choose from "
                    f"{', '.join(self._known)}."
                )
        return names


class Time(click.ParamType):
    """A time of the flow."""

    name = "time"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,  # noqa: ARG002 - click's signature
    ) -> float:
        """The time in [0, 1].

        Raises:
            StudioError: It is no number, or not within.
        """
        try:
            time = float(value)
        except ValueError:
            time = float("nan")
        if not 0 <= time <= 1:  # NaN too
            raise StudioError(
                f"{option_of(param)} must be a number from 0 to 1, not {shortened(value)}."
            )
        return time


class Guidance(click.ParamType):
    """The scale of a class's guidance."""

    name = "scale"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,  # noqa: ARG002 - click's signature
    ) -> float:
        """The scale in [0, 100].

        Raises:
            StudioError: It is no number, or not within.
        """
        try:
            scale = float(value)
        except ValueError:
            scale = float("nan")
        if not 0 <= scale <= MAX_GUIDANCE:  # NaN too
            raise StudioError(
                f"{option_of(param)} must be a number from 0 to {MAX_GUIDANCE}, not "
                f"{shortened(value)}."
            )
        return scale


MAX_GUIDANCE = 100
STEPS = WholeNumber(1, 100_000)
SEED = WholeNumber(0, 2**31 - 1)


def option_of(param: click.Parameter | None) -> str:
    """The option's name as the user wrote it."""
    return param.opts[0] if param is not None else "The value"


def shortened(value: Any) -> str:
    """What the user wrote, quoted, for a sentence."""
    text = str(value)
    return repr(text if len(text) <= 40 else f"{text[:37]}…")
