"""Preset files made to mislead are refused in one sentence, before anything is allocated."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from flowmap_studio.core.presets import FORMAT_VERSION, Preset, header, list_presets
from flowmap_studio.core.presets.codec import decode, encode
from flowmap_studio.core.presets.header import TENSOR_LIMIT, strict_json

# Files made to mislead: sound to the byte, with a correct checksum


def forged(
    preset: Preset,
    inner: Callable[[dict[str, Any]], None] | None = None,
    tensors: Callable[[dict[str, np.ndarray]], None] | None = None,
) -> bytes:
    """The preset's file with its metadata or tensors changed and the checksum made to fit."""
    content = encode(preset)
    parts = safetensors.numpy.load(content)
    size = int.from_bytes(content[:8], "little")
    words = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["flowmap"])
    if tensors:
        tensors(parts)
    if inner:
        inner(words)
    claimed = words.pop("sha256", None)

    def compact(value: Any) -> bytes:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()

    state = hashlib.sha256(compact(words))
    for name in sorted(parts):
        array = parts[name]
        state.update(compact([name, str(array.dtype), list(array.shape)]))
        state.update(array.tobytes())
    if claimed is not None:
        words["sha256"] = state.hexdigest()
    return safetensors.numpy.save(parts, metadata={"flowmap": compact(words).decode()})


def test_the_forger_can_write_a_sound_file(
    preset: Preset, assert_equal: Callable[[Preset, Preset], None]
) -> None:
    assert_equal(decode(forged(preset)), preset)
    assert decode(forged(preset, lambda w: w.update(title="Other"))).title == "Other"


def test_a_newer_version_is_refused_with_its_number(
    preset: Preset, refusal: Callable[..., str]
) -> None:
    def newer(words: dict[str, Any]) -> None:
        words.update(version=FORMAT_VERSION + 2, unheard_of=1)

    sentence = refusal(forged(preset, newer))
    assert f"newer version ({FORMAT_VERSION + 2}; this program reads up to {FORMAT_VERSION})" in (
        sentence
    )


BAD_METADATA: dict[str, tuple[dict[str, Any], str]] = {
    "format": ({"format": "other"}, "not a flow map file"),
    "version 0": ({"version": 0}, "version"),
    "version text": ({"version": "1"}, "version"),
    "version true": ({"version": True}, "version"),
    "unknown field": ({"extra": 1}, "unknown fields"),
    "title number": ({"title": 3}, "wrong kind"),
    "tags text": ({"tags": "abc"}, "wrong kind"),
    "tags numbers": ({"tags": [1]}, "wrong kind"),
    "step negative": ({"step": -1}, "wrong kind"),
    "step fraction": ({"step": 1.5}, "wrong kind"),
    "step true": ({"step": True}, "wrong kind"),
    "step huge": ({"step": 2**60}, "wrong kind"),
    "metric text": ({"metrics": {"a": "1"}}, "wrong kind"),
    "metric huge": ({"metrics": {"a": 10**400}}, "wrong kind"),
    "metrics many": ({"metrics": {str(k): 1 for k in range(65)}}, "wrong kind"),
    "config list": ({"config": []}, "wrong kind"),
    "config unknown": ({"config": {"speed": 1}}, "Unknown setting"),
    "config range": ({"config": {"hidden_dim": 0}}, "Width"),
    "config huge": ({"config": {"hidden_dim": 10**400}}, "Width"),
    "config other": ({"config": {"hidden_dim": 9}}, "do not fit"),
    "normalisation none": ({"normalisation": None}, "normalisation"),
    "normalisation short": ({"normalisation": {"shift": [0], "scale": [1, 1]}}, "normalisation"),
    "normalisation zero": ({"normalisation": {"shift": [0, 0], "scale": [1, 0]}}, "normalisation"),
    "normalisation huge": (
        {"normalisation": {"shift": [0, 10**400], "scale": [1, 1]}},
        "normalisation",
    ),
    "normalisation dim": ({"normalisation": {"shift": [0] * 3, "scale": [1] * 3}}, "damaged"),
}


@pytest.mark.parametrize("case", list(BAD_METADATA))
def test_bad_metadata(case: str, preset: Preset, refusal: Callable[..., str]) -> None:
    changes, words = BAD_METADATA[case]
    assert words in refusal(forged(preset, lambda w: w.update(changes)))


@pytest.mark.parametrize("name", ["config", "step", "normalisation", "title", "tags", "sha256"])
def test_missing_metadata(name: str, preset: Preset, refusal: Callable[..., str]) -> None:
    assert "missing" in refusal(forged(preset, lambda w: w.pop(name) and None))


WEIGHT = "map.net.0.bias"
BAD_TENSORS: dict[str, tuple[Callable[[np.ndarray], dict[str, np.ndarray | None]], str]] = {
    "NaN": (lambda a: {WEIGHT: np.full_like(a, np.nan)}, "not finite"),
    "infinite": (lambda a: {WEIGHT: np.full_like(a, np.inf)}, "not finite"),
    "one NaN": (lambda a: {WEIGHT: np.append(a[:-1], np.float32(np.nan))}, "not finite"),
    "far too large": (lambda a: {WEIGHT: np.full_like(a, 2e6)}, "far too large"),
    "longer": (lambda a: {WEIGHT: np.append(a, a)}, "do not fit"),
    "shaped": (lambda a: {WEIGHT: a[None]}, "do not fit"),
    "missing": (lambda _: {WEIGHT: None}, "do not fit"),
    "more": (lambda a: {"map.net.99.bias": a}, "do not fit"),
    "strange": (lambda a: {"../x": a}, "do not fit"),
    "double": (lambda a: {WEIGHT: a.astype(np.float64)}, "type that is not allowed"),
    "bytes": (lambda a: {WEIGHT: np.zeros(len(a), np.uint8)}, "type that is not allowed"),
    "rank": (lambda a: {WEIGHT: a.reshape(1, 1, 1, 1, -1)}, "shape that is not allowed"),
    "no data": (lambda _: {"data": None}, "sample of the data"),
    "data NaN": (lambda _: {"data": np.full((5, 2), np.nan, np.float32)}, "not finite"),
    "data columns": (lambda _: {"data": np.ones((5, 3), np.float32)}, "sample of the data"),
    "data many": (lambda _: {"data": np.ones((70_000, 2), np.float32)}, "too large"),
    "thumbnail": (lambda a: {"thumbnail": a}, "thumbnail"),
    "tensors": (
        lambda a: {f"map.{k}": a[:0] for k in range(TENSOR_LIMIT)},
        "too many tensors",
    ),
}


@pytest.mark.parametrize("case", list(BAD_TENSORS))
def test_bad_tensors(case: str, preset: Preset, refusal: Callable[..., str]) -> None:
    make, words = BAD_TENSORS[case]

    def change(parts: dict[str, np.ndarray]) -> None:
        for name, array in make(parts[WEIGHT]).items():
            parts.pop(name, None)
            if array is not None:
                parts[name] = np.ascontiguousarray(array)

    assert words in refusal(forged(preset, tensors=change))


@pytest.mark.parametrize(
    "png", [b"GIF89a" + bytes(50), b"\x89PNG\r\n\x1a\n" + bytes(9), "tall", b"x" * 600_000]
)
def test_a_bad_thumbnail_alone_does_not_lose_the_map(
    preset: Preset, png: Any, assert_equal: Callable[[Preset, Preset], None]
) -> None:
    if png == "tall":
        stream = io.BytesIO()
        Image.new("L", (3, 600)).save(stream, "PNG")
        png = stream.getvalue()
    found = decode(encode(dataclasses.replace(preset, thumbnail=png)))
    assert found.thumbnail is None
    assert_equal(found, dataclasses.replace(preset, thumbnail=None))


def raw_file(head: str, data: bytes = b"") -> bytes:
    encoded = head.encode()
    return len(encoded).to_bytes(8, "little") + encoded + data


HOSTILE_HEADS = {
    "duplicate": ('{"__metadata__":{"flowmap":"{}"},"a":1,"a":2}', "damaged"),
    "deep": ('{"a":' * 200 + "1" + "}" * 200, "nested too deeply"),
    "deep list": ('{"a":' + "[" * 5000 + "]" * 5000 + "}", "nested too deeply"),
    "NaN": ('{"__metadata__":{"flowmap":"{}"},"a":NaN}', "damaged"),
    "list": ("{}[]", "damaged"),
    "inner number": ('{"__metadata__":{"flowmap":1}}', "not a flow map file"),
    "inner deep": (
        '{"__metadata__":{"flowmap":"' + '{\\"a\\":' * 50 + "1" + "}" * 50 + '"}}',
        "nested too deeply",
    ),
    "inner duplicate": ('{"__metadata__":{"flowmap":"{\\"a\\":1,\\"a\\":1}"}}', "damaged"),
    "inner surrogate": ('{"__metadata__":{"flowmap":"{\\"\\ud800\\":1}"}}', "damaged"),
    "more metadata": ('{"__metadata__":{"flowmap":"{}","x":"y"}}', "not a flow map file"),
    "huge shape": (
        '{"__metadata__":{"flowmap":"{}"},'
        '"a":{"dtype":"F32","shape":[0,1099511627776],"data_offsets":[0,0]}}',
        "shape that is not allowed",
    ),
    "negative": (
        '{"__metadata__":{"flowmap":"{}"},'
        '"a":{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}}',
        "shape that is not allowed",
    ),
    "lying length": (
        '{"__metadata__":{"flowmap":"{}"},"a":{"dtype":"F32","shape":[9],"data_offsets":[0,4]}}',
        "damaged",
    ),
    "overlap": (
        '{"__metadata__":{"flowmap":"{}"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        '"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        "damaged",
    ),
    "dtype": (
        '{"__metadata__":{"flowmap":"{}"},"a":{"dtype":["F32"],"shape":[1],"data_offsets":[0,4]}}',
        "type that is not allowed",
    ),
}


@pytest.mark.parametrize("case", list(HOSTILE_HEADS))
def test_hostile_heads(tmp_path: Path, case: str, refusal: Callable[..., str]) -> None:
    head, words = HOSTILE_HEADS[case]
    assert words in refusal(raw_file(head, bytes(4 * ("[0,4]" in head))))
    assert list_presets(tmp_path, shipped=False) == []


def test_strict_json_takes_ordinary_objects() -> None:
    assert strict_json(b'{"a":[1,{"b":"[[[[[[[[[[\\""}],"c":null}') == {
        "a": [1, {"b": '[[[[[[[[[["'}],
        "c": None,
    }


def test_a_giant_head_is_refused_unread(refusal: Callable[..., str]) -> None:
    assert "not a flow map file" in refusal((2**40).to_bytes(8, "little") + b"{" * 100)


def depth_byte_by_byte(text: bytes) -> int:
    depth = deepest = 0
    quoted = escaped = False
    for byte in text:
        if quoted:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                quoted = False
        elif byte == 0x22:
            quoted = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


@given(st.lists(st.sampled_from([b"[", b"{", b"]", b"}", b'"', b"\\", b"\n", b"a"])))
def test_depth_is_what_a_walk_through_the_bytes_finds(parts: list[bytes]) -> None:
    text = b"".join(parts)
    assert header._depth(text) == depth_byte_by_byte(text)
