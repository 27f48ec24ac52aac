"""Every field of the config: its bounds, its round trip, its one-sentence errors."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowmap_studio.core.config import EARLIER, RunConfig, defaults, settings
from flowmap_studio.core.errors import ConfigError
from flowmap_studio.core.methods import METHODS
from flowmap_studio.core.setting import Setting

SETTINGS = settings()
NUMBERS = [name for name, default in defaults().items() if isinstance(default, (int, float))]
TEXTS = [name for name, default in defaults().items() if isinstance(default, str)]
CHOICES = [name for name in TEXTS if SETTINGS[name].choices]


def refused(field: str | None, **values: Any) -> str:
    """The sentence with which these values are refused."""
    with pytest.raises(ConfigError) as raised:
        RunConfig(**values)
    sentence = str(raised.value)
    assert raised.value.field == field
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize("name", list(SETTINGS))
def test_every_setting_teaches(name: str) -> None:
    setting = SETTINGS[name]
    assert setting.group
    assert setting.label
    assert len(setting.help) > 15
    assert defaults()[name] == getattr(RunConfig(), name)


@pytest.mark.parametrize("name", NUMBERS)
def test_bounds_of_numbers(name: str) -> None:
    setting, kind = SETTINGS[name], type(defaults()[name])
    for bound in (setting.minimum, setting.maximum):
        assert math.isfinite(bound)
        kept = getattr(RunConfig(**{name: kind(bound)}), name)
        assert kept == bound
        assert type(kept) is kind
    gap = 1 if kind is int else max(1e-9, abs(setting.maximum) * 1e-6)
    for outside in (setting.minimum - gap, setting.maximum + gap):
        sentence = refused(name, **{name: kind(outside)})
        assert setting.label in sentence
        assert "between" in sentence


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, True, False, "3", None, [1], 10**400, -(10**400)]
)
def test_no_number(name: str, value: Any) -> None:
    assert SETTINGS[name].label in refused(name, **{name: value})


@pytest.mark.parametrize("name", [n for n in NUMBERS if isinstance(defaults()[n], int)])
def test_whole_numbers(name: str) -> None:
    low = SETTINGS[name].minimum
    assert "whole" in refused(name, **{name: low + 0.5})
    kept = getattr(RunConfig(**{name: float(low)}), name)
    assert (kept, type(kept)) == (low, int)


@pytest.mark.parametrize("name", CHOICES)
def test_choices(name: str) -> None:
    for choice in SETTINGS[name].choices:
        # The free form exists for one-time maps only.
        values = {"method": "article", name: choice}
        assert getattr(RunConfig(**values), name) == choice
    sentence = refused(name, **{name: "nonsense"})
    assert "nonsense" in sentence
    assert all(choice in sentence for choice in SETTINGS[name].choices)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("value", [3, None, True, "x" * 4097, "a\0b", b"moons"])
def test_no_text(name: str, value: Any) -> None:
    refused(name, **{name: value})


@pytest.mark.parametrize("value", ["", "  \t"])
def test_an_empty_target(value: str) -> None:
    assert "empty" in refused("target", target=value)


def test_free_form_with_a_two_time_method() -> None:
    sentence = refused("parametrisation", method="semigroup", parametrisation="free")
    assert "semigroup" in sentence
    assert "article" in sentence
    assert not RunConfig(method="article", parametrisation="free").two_time
    assert RunConfig(method="semigroup").two_time


def test_unknown_fields() -> None:
    with pytest.raises(ConfigError, match="'lambda_kons'"):
        RunConfig.from_dict({"lambda_kons": 1})


def test_missing_fields_take_their_defaults_or_what_they_stood_for_earlier() -> None:
    assert RunConfig.from_dict({}) == RunConfig(**EARLIER)
    assert RunConfig.from_dict({"steps": 7}) == RunConfig(steps=7, **EARLIER)


def test_replace_checks_again_and_leaves_the_old_one() -> None:
    config = RunConfig()
    assert config.replace(steps=5).steps == 5
    assert config.steps == defaults()["steps"]
    with pytest.raises(ConfigError):
        config.replace(steps=0)
    with pytest.raises(AttributeError):
        config.steps = 4  # type: ignore[misc]


def _values(name: str, setting: Setting) -> st.SearchStrategy[Any]:
    default = defaults()[name]
    if setting.choices:
        return st.sampled_from(setting.choices)
    if isinstance(default, int):
        return st.integers(int(setting.minimum), int(setting.maximum))
    if isinstance(default, float):
        return st.floats(setting.minimum, setting.maximum)
    return st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(st.fixed_dictionaries({}, optional={n: _values(n, s) for n, s in SETTINGS.items()}))
def test_round_trip_through_json(values: dict[str, Any]) -> None:
    blank = not all(values.get(name, "moons").strip() for name in ("target", "source"))
    free = values.get("parametrisation") == "free" and values.get("method") != "article"
    velocity = METHODS[values.get("method", "semigroup")].clock == "start"
    if blank or free or (velocity and values.get("density_head") == "on"):
        with pytest.raises(ConfigError):
            RunConfig(**values)
        return
    config = RunConfig(**values)
    again = RunConfig.from_dict(json.loads(json.dumps(config.as_dict())))
    assert again == config
    assert hash(again) == hash(config)
    assert list(config.as_dict()) == list(SETTINGS)
    for name, value in values.items():
        assert getattr(config, name) == value
