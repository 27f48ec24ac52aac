"""How the stage looked when a preset was saved: time, steps, layers and the visible area."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from flowmap_studio.core.errors import PresetError

MOST_STEPS = 4096
MOST_LAYERS = 64
NAME_LIMIT = 64
"""Characters of a layer's name."""
FARTHEST = 1e30
FIELDS = {"t", "steps", "area", "layers"}
ORDER = "order"
"""Left out where the layers lie as they do by themselves."""
COLOUR = re.compile(r"#[0-9a-f]{6}")

Area = tuple[float, float, float, float]


@dataclass(frozen=True)
class LayerLook:
    """Whether a layer is seen, its opacity in [0, 1] and its colour, #rrggbb; "" for its own."""

    visible: bool
    opacity: float
    colour: str = ""


@dataclass(frozen=True)
class StageView:
    """What of the stage a preset remembers.

    Attributes:
        t: Flow time in [0, 1].
        steps: Jumps of the composed cloud.
        area: Ends (x0, x1, y0, y1) of what was seen, in data units; None fits source and data.
        layers: By name; a program passes over those that it does not have.
        order: Their names from the back to the front; empty for the usual order.
    """

    t: float = 1.0
    steps: int = 8
    area: Area | None = None
    layers: Mapping[str, LayerLook] = field(default_factory=dict)
    order: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", MappingProxyType(dict(self.layers)))


def describe_view(view: StageView) -> dict[str, Any]:
    """The header's object for a view."""
    return {
        "t": view.t,
        "steps": view.steps,
        "area": None if view.area is None else list(view.area),
        "layers": {name: _described(look) for name, look in view.layers.items()},
        **({ORDER: list(view.order)} if view.order else {}),
    }


def _described(look: LayerLook) -> list[Any]:
    return [look.visible, look.opacity, *([look.colour] if look.colour else [])]


def parse_view(described: Any) -> StageView:
    """The view of a header's object.

    Raises:
        PresetError: A field is missing, unknown, of the wrong kind or out of range.
    """
    if not isinstance(described, dict) or set(described) - {ORDER} != FIELDS:
        raise PresetError("its view has missing or unknown fields")
    t, steps, area, layers = (described[name] for name in ("t", "steps", "area", "layers"))
    order = described.get(ORDER, [])
    good = (
        _is_share(t)
        and type(steps) is int
        and 1 <= steps <= MOST_STEPS
        and (area is None or _is_area(area))
        and isinstance(layers, dict)
        and len(layers) <= MOST_LAYERS
        and all(len(name) <= NAME_LIMIT and _is_look(look) for name, look in layers.items())
        and _is_order(order)
    )
    if not good:
        raise PresetError("its view has a field of the wrong kind")
    looks = {name: LayerLook(one[0], float(one[1]), *one[2:]) for name, one in layers.items()}
    x0, x1, y0, y1 = area or (0, 0, 0, 0)
    seen = (float(x0), float(x1), float(y0), float(y1)) if area else None
    return StageView(float(t), steps, seen, looks, tuple(order))


def _is_share(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1


def _is_area(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(type(end) in (int, float) and abs(end) <= FARTHEST for end in value)
        and value[0] < value[1]
        and value[2] < value[3]
    )


def _is_look(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) in (2, 3)
        and isinstance(value[0], bool)
        and _is_share(value[1])
        and all(isinstance(one, str) and COLOUR.fullmatch(one) for one in value[2:])
    )


def _is_order(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MOST_LAYERS
        and all(isinstance(name, str) and len(name) <= NAME_LIMIT for name in value)
        and len(set(value)) == len(value)
    )
