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


class Decimal(click.ParamType):
    """A number within bounds, not necessarily whole.

    Args:
        minimum: Smallest one.
        maximum: Largest one.
    """

    name = "number"

    def __init__(self, minimum: float, maximum: float) -> None:
        self._minimum = minimum
        self._maximum = maximum

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,  # noqa: ARG002 - click's signature
    ) -> float:
        """The number.

        Raises:
            StudioError: It is none, or out of bounds.
        """
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not self._minimum <= number <= self._maximum:  # NaN too
            raise StudioError(
                f"{option_of(param)} must be a number from {self._minimum:g} to "
                f"{self._maximum:g}, not {shortened(value)}."
            )
        return number


class Size(click.ParamType):
    """Width and height in pixels, as in 640x480.

    Args:
        minimum: Of each side.
        maximum: Of each side.
    """

    name = "size"

    def __init__(self, minimum: int, maximum: int) -> None:
        self._minimum = minimum
        self._maximum = maximum

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,  # noqa: ARG002 - click's signature
    ) -> tuple[int, int]:
        """Width and height.

        Raises:
            StudioError: It is no size, or out of bounds.
        """
        if isinstance(value, tuple):
            return value
        sides = [side for side in value.lower().split("x") if side.isascii() and side.isdecimal()]
        numbers = [int(side) for side in sides if len(side) < 10]
        fit = [self._minimum <= side <= self._maximum for side in numbers]
        if value.lower().count("x") != 1 or fit != [True, True]:
            raise StudioError(
                f"{option_of(param)} must be a width and a height from {self._minimum:,} to "
                f"{self._maximum:,} pixels, such as 640x480, not {shortened(value)}."
            )
        return numbers[0], numbers[1]


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


class Time(Decimal):
    """A time of the flow in [0, 1]."""

    name = "time"

    def __init__(self) -> None:
        super().__init__(0, 1)


class Guidance(Decimal):
    """The scale of a class's guidance, from 0 to `MAX_GUIDANCE`."""

    name = "scale"

    def __init__(self) -> None:
        super().__init__(0, MAX_GUIDANCE)


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
