"""What one field of the config is: its default, its description, and which values it takes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flowmap_studio.core.errors import ConfigError


@dataclass(frozen=True)
class Setting:
    """What form and command line need to know of one field besides its type and default."""

    group: str
    label: str
    help: str
    minimum: float = -math.inf
    maximum: float = math.inf
    unit: str = ""
    choices: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    logarithmic: bool = False
    advanced: bool = False


def setting(default: Any, **described: Any) -> Any:
    """A field of a config with its default and its description."""
    return dataclasses.field(default=default, metadata={"setting": Setting(**described)})


def checked(name: str, described: Setting, kind: type, value: Any) -> Any:
    """A field's value as its type.

    Args:
        name: The field.
        described: Its description.
        kind: Its type: int, float or str.
        value: What it shall be.

    Raises:
        ConfigError: It is none such; the sentence names the field and its range.
    """
    if kind is str:
        return _checked_text(name, described, value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(f"{described.label} must be a number, not {value!r}.", name)
    if not abs(value) < 1e300:  # NaN too; a longer whole number can't become a float
        raise ConfigError(f"{described.label} must be a finite number.", name)
    if kind is int and value != int(value):
        raise ConfigError(f"{described.label} must be a whole number, not {value!r}.", name)
    if not described.minimum <= value <= described.maximum:
        low, high = f"{described.minimum:,.10g}", f"{described.maximum:,.10g}"
        raise ConfigError(
            f"{described.label} must lie between {low} and {high}, not {value:,.10g}.", name
        )
    convert: Callable[[Any], Any] = kind
    return convert(value)


def _checked_text(name: str, described: Setting, value: Any) -> str:
    if not isinstance(value, str) or len(value) > 4096 or "\0" in value:
        raise ConfigError(f"{described.label} must be a text of at most 4,096 characters.", name)
    if described.choices and value not in described.choices:
        raise ConfigError(
            f"{described.label} {value!r} is unknown; choose from {', '.join(described.choices)}.",
            name,
        )
    return value
