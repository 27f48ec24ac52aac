"""What the button of an advice says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowmap_studio.core.config import settings
from flowmap_studio.views.texts import tr


def offer_text(change: Mapping[str, Any]) -> str:
    """A change of settings in words: "Use coupling ot".

    Args:
        change: Values by the names of fields of the config.
    """
    described = settings()
    words = []
    for field, value in change.items():
        label, unit = tr(described[field].label), tr(described[field].unit)
        name = f"{label[0].lower()}{label[1:]}"
        shown = value if isinstance(value, str) else f"{value:,.10g}"
        words.append(f"{name} {shown} {'' if unit == name else unit}".strip())
    return tr("Use {changes}", changes=", ".join(words))
