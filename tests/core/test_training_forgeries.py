"""Files of unfinished runs made to mislead are refused in one sentence."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from flowmap_studio.core import trainer
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.presets import Preset
from flowmap_studio.core.presets.codec import decode, encode
from flowmap_studio.core.run import Run
from flowmap_studio.core.targets.open import labelled_points

Fields = dict[str, Any]
Parts = dict[str, np.ndarray]


CONFIG = RunConfig(
    target="mine.csv",
    labels="on",
    method="trajectory",
    coupling="independent",
    hidden_dim=8,
    time_embed_dim=4,
    depth=1,
    batch_size=32,
    steps=40,
    device="cpu",
)


@pytest.fixture(scope="module")
def unfinished() -> Preset:
    """Step 27 of 40, 7 of the second stage, with a teacher, own points and classes."""
    draw = np.random.default_rng(4)
    rows = np.concatenate([draw.normal(size=(50, 2)), draw.integers(0, 3, (50, 1))], axis=1)
    run = Run(CONFIG, labelled_points("mine.csv", rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "REPORT_SECONDS", 0.0)
        for progress in run.run():
            if progress.step == 27:
                break
    checkpoint = run.checkpoint()
    return Preset(snapshot=checkpoint.snapshot, title="Cut off", training=checkpoint.state)


def forged(
    preset: Preset,
    change_words: Callable[[Fields], None] | None = None,
    change_parts: Callable[[Parts], None] | None = None,
) -> bytes:
    """The preset's file with its header or tensors changed and the checksum made to fit."""
    content = encode(preset)
    parts = safetensors.numpy.load(content)
    size = int.from_bytes(content[:8], "little")
    words = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["flowmap"])
    if change_words:
        change_words(words)
    if change_parts:
        change_parts(parts)
    del words["sha256"]

    def compact(value: Any) -> bytes:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()

    state = hashlib.sha256(compact(words))
    for name in sorted(parts):
        array = parts[name]
        state.update(compact([name, str(array.dtype), list(array.shape)]))
        state.update(array.tobytes())
    words["sha256"] = state.hexdigest()
    return safetensors.numpy.save(parts, metadata={"flowmap": compact(words).decode()})


def test_the_forger_can_write_a_sound_file(unfinished: Preset) -> None:
    assert forged(unfinished) == encode(unfinished)
    assert decode(forged(unfinished)).checkpoint is not None


BAD_FIELDS: dict[str, tuple[Fields, str]] = {
    "unknown": ({"extra": 1}, "missing or unknown fields"),
    "config list": ({"config": []}, "wrong kind"),
    "config unknown": ({"config": {"speed": 1}}, "Unknown setting"),
    "config range": ({"config": {"hidden_dim": 10**9}}, "Width"),
    "config other": ({"config": {}}, "no such stage"),
    "config of a teacher": ({"config": {"method": "trajectory"}}, "does not fit its settings"),
    "stage text": ({"stage": "1"}, "wrong kind"),
    "stage true": ({"stage": True}, "wrong kind"),
    "stage negative": ({"stage": -1}, "wrong kind"),
    "stage huge": ({"stage": 2**60}, "wrong kind"),
    "stage beyond": ({"stage": 2}, "no such stage"),
    "stage before": ({"stage": 0}, "does not fit its settings"),
    "step other": ({"stage_step": 8}, "does not fit its step"),
    "step fraction": ({"stage_step": 7.0}, "wrong kind"),
    "step beyond": ({"stage_step": 21, "steps_before": 6}, "does not fit its step"),
    "steps none before": ({"stage_step": 27, "steps_before": 0}, "does not fit its step"),
    "seconds negative": ({"stage_seconds": -1.0}, "wrong kind"),
    "seconds text": ({"seconds_before": "1"}, "wrong kind"),
    "seconds huge": ({"seconds_before": 10**400}, "wrong kind"),
    "stride zero": ({"stride": 0}, "history"),
    "stride odd": ({"stride": 3, "buckets": 9}, "history"),
    "buckets other": ({"buckets": 28}, "history"),
    "buckets huge": ({"buckets": 2**50}, "history"),
    "pending": ({"buckets": 26, "pending": 1}, "history"),
    "history shape": ({"stride": 2, "buckets": 13, "pending": 1}, "weights do not fit"),
    "points one": ({"points": 1}, "wrong kind"),
    "points other": ({"points": 49}, "weights do not fit"),
    "points none": ({"points": 0}, "weights do not fit"),
    "points huge": ({"points": 2**50}, "weights do not fit"),
}


@pytest.mark.parametrize("case", BAD_FIELDS)
def test_bad_fields(case: str, unfinished: Preset, refusal: Callable[..., str]) -> None:
    changes, words = BAD_FIELDS[case]
    assert words in refusal(forged(unfinished, lambda w: w["training"].update(changes)))


@pytest.mark.parametrize("value", [1, "yes", [], {}, True])
def test_other_things_than_a_run(
    value: object, unfinished: Preset, refusal: Callable[..., str]
) -> None:
    sentence = refusal(forged(unfinished, lambda w: w.update(training=value)))
    assert "wrong kind" in sentence or "missing or unknown" in sentence


def test_tensors_of_a_run_without_its_fields(
    unfinished: Preset, refusal: Callable[..., str]
) -> None:
    none = refusal(forged(unfinished, lambda w: w.update(training=None)))
    assert "weights do not fit" in none

    def older(words: Fields) -> None:
        words.update(version=2)

    assert "missing or unknown fields" in refusal(forged(unfinished, older))


def test_missing_fields(unfinished: Preset, refusal: Callable[..., str]) -> None:
    for name in ("config", "stage", "stride", "points", "stage_seconds"):
        sentence = refusal(forged(unfinished, lambda w, name=name: w["training"].pop(name)))
        assert "missing or unknown" in sentence


def filled(value: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda array: np.full_like(array, value)


BAD_PARTS: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray | None], str]] = {
    "weights NaN": ("run.weights", filled(np.nan), "not finite"),
    "moments infinite": ("run.first", filled(np.inf), "not finite"),
    "squares negative": ("run.second", filled(-1.0), "can't be"),
    "losses infinite": ("run.history", filled(np.inf), "not finite"),
    "points NaN": ("run.points", filled(np.nan), "not finite"),
    "label beyond": ("run.point_labels", filled(3.0), "labels do not fit"),
    "label between": ("run.point_labels", filled(0.5), "labels do not fit"),
    "teacher NaN": ("teacher.net.0.bias", filled(np.nan), "not finite"),
    "teacher shape": ("teacher.net.0.bias", lambda a: a[:-1], "do not fit"),
    "weights short": ("run.weights", lambda a: a[:-1], "do not fit"),
    "moments gone": ("run.first", lambda _: None, "do not fit"),
    "teacher gone": ("teacher.net.0.bias", lambda _: None, "do not fit"),
    "labels gone": ("run.point_labels", lambda _: None, "do not fit"),
    "points columns": ("run.points", lambda a: np.repeat(a, 2, axis=1), "do not fit"),
    "bytes": ("run.second", lambda a: a.view(np.uint8), "do not fit"),
    "same number of bytes": ("run.second", lambda a: np.zeros(a.shape, np.uint8), "not allowed"),
    "surplus": ("run.more", lambda _: np.zeros(3, np.float32), "do not fit"),
}


@pytest.mark.parametrize("case", BAD_PARTS)
def test_bad_parts(case: str, unfinished: Preset, refusal: Callable[..., str]) -> None:
    name, make, words = BAD_PARTS[case]

    def change(parts: Parts) -> None:
        array = make(parts.pop(name, np.empty(0, np.float32)))
        if array is not None:
            parts[name] = np.ascontiguousarray(array)

    assert words in refusal(forged(unfinished, change_parts=change))
