"""The view in a preset's head is read as strictly as the rest, and old files do without."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from flowmap_studio.core.errors import PresetError
from flowmap_studio.core.presets import LayerLook, StageView
from flowmap_studio.core.presets.view import describe_view, parse_view

SOUND = {"t": 0.5, "steps": 8, "area": [-1, 1, -2.5, 2], "layers": {"data": [True, 0.5]}}
BAD: dict[str, tuple[str, Any]] = {
    "t over 1": ("t", 1.5),
    "t true": ("t", True),
    "t text": ("t", "0.5"),
    "steps 0": ("steps", 0),
    "steps fraction": ("steps", 2.5),
    "steps huge": ("steps", 10**400),
    "area of three": ("area", [0, 1, 0]),
    "area reversed": ("area", [1, 0, 0, 1]),
    "area flat": ("area", [0, 1, 2, 2]),
    "area huge": ("area", [-(10**400), 1, 0, 1]),
    "area object": ("area", {}),
    "layers list": ("layers", []),
    "layers many": ("layers", {str(k): [True, 1] for k in range(65)}),
    "layer name": ("layers", {"x" * 65: [True, 1]}),
    "layer number": ("layers", {"data": [1, 1]}),
    "layer opacity": ("layers", {"data": [True, 1.01]}),
    "layer short": ("layers", {"data": [True]}),
    "layer long": ("layers", {"data": [True, 1, "#aabbcc", 1]}),
    "layer colour": ("layers", {"data": [True, 1, "red"]}),
    "layer colour code": ("layers", {"data": [True, 1, "#aabbcc; x"]}),
    "order text": ("order", "data"),
    "order twice": ("order", ["data", "data"]),
    "order lists": ("order", [["data"]]),
    "order many": ("order", [str(k) for k in range(65)]),
    "order name": ("order", ["x" * 65]),
}


def test_a_sound_view_is_read() -> None:
    view = parse_view(SOUND)
    assert view == StageView(0.5, 8, (-1.0, 1.0, -2.5, 2.0), {"data": LayerLook(True, 0.5)})
    assert parse_view(describe_view(view)) == view
    assert parse_view(describe_view(StageView())) == StageView()
    looks = {"data": LayerLook(True, 0.5, "#a0b1c2"), "grid": LayerLook(False, 1.0)}
    painted = StageView(layers=looks, order=("grid", "data"))
    assert parse_view(describe_view(painted)) == painted


@pytest.mark.parametrize("case", list(BAD))
def test_a_forged_view_is_refused(case: str) -> None:
    name, value = BAD[case]
    with pytest.raises(PresetError, match="its view has a field of the wrong kind"):
        parse_view(SOUND | {name: value})


@pytest.mark.parametrize("value", [[], "t", 3, {}, SOUND | {"more": 1}])
def test_what_is_no_view_is_refused(value: Any) -> None:
    with pytest.raises(PresetError, match="missing or unknown fields"):
        parse_view(value)


def test_a_view_does_not_change_afterwards() -> None:
    layers = {"data": LayerLook(True, 1.0)}
    view = StageView(layers=layers)
    layers["data"] = LayerLook(False, 0.0)
    assert view.layers["data"].visible
    with pytest.raises(dataclasses.FrozenInstanceError):
        view.t = 0.0
