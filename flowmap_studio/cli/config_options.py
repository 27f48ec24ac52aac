"""Options made from the fields of `RunConfig`: a new field is an option with no further code."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import click

from flowmap_studio.core.config import RunConfig, defaults, settings
from flowmap_studio.core.errors import ConfigError
from flowmap_studio.core.setting import Setting

SPELLINGS: Mapping[str, tuple[str, ...]] = {"learning_rate": ("--lr", "--learning-rate")}
"""Options that are not simply the field's name with hyphens."""

F = TypeVar("F", bound=Callable[..., Any])


class Number(click.ParamType):
    """Passes what is no number on, so that `RunConfig` has the one say on what is allowed."""

    name = "number"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,  # noqa: ARG002 - click's signature
        ctx: click.Context | None,  # noqa: ARG002
    ) -> int | float | str:
        """The text as int, float or, if it is neither, as it is."""
        for kind in (int, float):
            try:
                return kind(value)
            except ValueError:
                continue
        return str(value)


class ConfigOption(click.Option):
    """An option that remembers its group in the form."""

    def __init__(self, *args: Any, group: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.group = group


class ConfigCommand(click.Command):
    """A command whose help lists the settings under the form's groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options first, then a section per group."""
        options = (p for p in self.get_params(ctx) if isinstance(p, click.Option))
        records = [(getattr(p, "group", ""), p.get_help_record(ctx)) for p in options]
        records.sort(key=lambda record: record[0] != "")  # stable: groups keep the form's order
        for group, members in itertools.groupby(records, key=lambda record: record[0]):
            with formatter.section(group or "Options"):
                formatter.write_dl([text for _, text in members if text is not None])


def config_options(command: F, exclude: Collection[str] = ()) -> F:
    """Add an option for every field of `RunConfig`; None stands for one that was not given.

    Args:
        command: To add them to.
        exclude: Fields that get none.
    """
    for name, setting in reversed(settings().items()):
        if name in exclude:
            continue
        numeric = not isinstance(defaults()[name], str)
        option = click.option(
            *spellings(name),
            name,
            cls=ConfigOption,
            group=setting.group,
            type=Number() if numeric else str,
            metavar=_metavar(setting, numeric=numeric),
            help=_help(name, setting),
        )
        command = option(command)
    return command


def spellings(field: str) -> tuple[str, ...]:
    """How a field is spelled as an option."""
    return SPELLINGS.get(field, (f"--{field.replace('_', '-')}",))


def given_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """The settings among a command's options that the user gave, by field."""
    return {name: options[name] for name in settings() if options.get(name) is not None}


def make_config(base: RunConfig, given: Mapping[str, Any]) -> RunConfig:
    """The config with these settings; a limit in steps lifts one in seconds.

    Args:
        base: Where the other settings come from.
        given: Values by field.

    Raises:
        ConfigError: A value is not allowed; the sentence begins with the option.
    """
    if "steps" in given and given.get("seconds"):
        raise ConfigError("Give either --steps or --seconds, not both.", "seconds")
    changes = {"seconds": 0, **given} if "steps" in given else given
    try:
        return base.replace(**changes)
    except ConfigError as error:
        if error.field is None:
            raise
        raise ConfigError(f"{spellings(error.field)[0]}: {error}", error.field) from error


def _metavar(setting: Setting, *, numeric: bool) -> str:
    if setting.choices:
        return "|".join(setting.choices)
    return "NUMBER" if numeric else "TEXT"


def _help(name: str, setting: Setting) -> str:
    """Help, range, unit and default in one paragraph."""
    unit = f" {setting.unit}" if setting.unit else ""
    parts = [f"{setting.help}."]
    if math.isfinite(setting.minimum) and math.isfinite(setting.maximum):
        parts.append(f"From {setting.minimum:,.10g} to {setting.maximum:,.10g}{unit}.")
    default = defaults()[name]
    shown = default if isinstance(default, str) else f"{default:,.10g}{unit}"
    return " ".join([*parts, f"Default: {shown}."])
