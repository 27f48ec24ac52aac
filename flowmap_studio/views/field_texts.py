"""What the tooltips of the settings form say."""

from __future__ import annotations

import html
import math
from collections.abc import Collection

from flowmap_studio.core.config import RunConfig, defaults, settings
from flowmap_studio.views.texts import tr


def setting_tip(name: str, reason: str = "") -> str:
    """Help, range, unit and default of a field as rich text.

    Args:
        name: A field of the config.
        reason: Why the field cannot be edited now, if so.
    """
    setting = settings()[name]
    parts = [f"<b>{html.escape(reason)}</b>"] if reason else []
    parts.append(f"{html.escape(tr(setting.help))}.")
    low, high = setting.minimum, setting.maximum
    if math.isfinite(low) and math.isfinite(high):
        unit = f" {html.escape(tr(setting.unit))}" if setting.unit else ""
        parts.append(tr("From {low:,.10g} to {high:,.10g}{unit}.", low=low, high=high, unit=unit))
    parts.append(tr("Default: {value}.", value=html.escape(default_text(name))))
    return "<qt>" + "<br>".join(parts) + "</qt>"


def default_text(name: str) -> str:
    """The default of a field with its unit, for people."""
    return value_text(name, defaults()[name])


def value_text(name: str, value: object) -> str:
    """A value of a field with its unit, for people."""
    number = f"{value:,.10g}" if isinstance(value, (int, float)) else str(value)
    return f"{number} {tr(settings()[name].unit)}".rstrip()


def unusual(config: RunConfig, besides: Collection[str] = ()) -> list[str]:
    """The settings that are not at their defaults, with their values.

    Args:
        config: Which settings.
        besides: Fields that are left out.
    """
    values, usual = config.as_dict(), defaults()
    return [
        f"{tr(setting.label)}: {value_text(name, values[name])}"
        for name, setting in settings().items()
        if name not in besides and values[name] != usual[name]
    ]
