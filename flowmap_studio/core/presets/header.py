"""The head of a `.flowmap` file, read strictly and before anything is allocated for its tensors."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowmap_studio.core.errors import PresetError

HEADER_LIMIT = 256 * 1024
DEPTH_LIMIT = 8
TENSOR_LIMIT = 512
RANK_LIMIT = 4
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""One that nothing closes goes to the end."""
BRACKETS = re.compile(rb"[\[{\]}]")
SIZES = {"F32": 4, "U8": 1}
"""Bytes per element of the dtypes that may occur."""


@dataclass(frozen=True)
class TensorEntry:
    """Where a tensor lies: dtype, shape and the span of its bytes within the data section."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class Header:
    """The head of a file.

    Attributes:
        metadata: The studio's own JSON object.
        tensors: Entries by tensor name.
        data_start: Where the data section begins in the file.
    """

    metadata: dict[str, Any]
    tensors: dict[str, TensorEntry]
    data_start: int


def parse_header(head: bytes, file_size: int) -> Header:
    """The checked header of a file.

    Args:
        head: At least the file's first 8 bytes and its header.
        file_size: Size of the whole file in bytes.

    Raises:
        PresetError: It is no `.flowmap` file, or a damaged or hostile one.
    """
    if len(head) < 8:
        raise PresetError("the file is incomplete")
    length = int.from_bytes(head[:8], "little")
    if length > HEADER_LIMIT or head[8:9] != b"{":
        raise PresetError("it is not a flow map file")
    if 8 + length > min(len(head), file_size):
        raise PresetError("the file is incomplete")
    outer = strict_json(head[8 : 8 + length])
    described = outer.pop("__metadata__", None)
    if not isinstance(described, dict) or set(described) != {"flowmap"}:
        raise PresetError("it is not a flow map file")
    inner = described["flowmap"]
    if not isinstance(inner, str):
        raise PresetError("it is not a flow map file")
    if len(outer) > TENSOR_LIMIT:
        raise PresetError("it holds too many tensors")
    tensors = {name: _entry(name, value) for name, value in outer.items()}
    _check_layout(tensors, file_size - 8 - length)
    return Header(strict_json(inner.encode("utf-8", "surrogatepass")), tensors, 8 + length)


def strict_json(text: bytes) -> dict[str, Any]:
    """A JSON object without duplicate keys, NaN, infinities or deep nesting.

    Raises:
        PresetError: It is something else.
    """
    if _depth(text) > DEPTH_LIMIT:
        raise PresetError("its header is nested too deeply")
    try:
        value = json.loads(
            text.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise PresetError("its header is damaged") from error
    if not isinstance(value, dict):
        raise PresetError("its header is damaged")
    return value


def _depth(text: bytes) -> int:
    """Deepest nesting of brackets outside of strings."""
    depth = deepest = 0
    for bracket in BRACKETS.findall(STRING.sub(b"", text)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("duplicate key")
    return made


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _entry(name: str, value: Any) -> TensorEntry:
    if not isinstance(value, Mapping) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise PresetError("its header is damaged")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in SIZES:
        raise PresetError(f"tensor {name[:40]!r} has a type that is not allowed")
    if not _whole_numbers(shape) or len(shape) > RANK_LIMIT:
        raise PresetError(f"tensor {name[:40]!r} has a shape that is not allowed")
    if not _whole_numbers(offsets) or len(offsets) != 2:
        raise PresetError("its header is damaged")
    if offsets[1] - offsets[0] != math.prod(shape) * SIZES[dtype]:
        raise PresetError("its header is damaged")
    return TensorEntry(dtype, tuple(shape), offsets[0], offsets[1])


def _whole_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(v, int) and not isinstance(v, bool) and 0 <= v < 2**40 for v in values
    )


def _check_layout(tensors: Mapping[str, TensorEntry], size: int) -> None:
    """The tensors must fill the data section without gap or overlap."""
    at = 0
    for entry in sorted(tensors.values(), key=lambda e: (e.start, e.stop)):
        if entry.start != at:
            raise PresetError("its header is damaged")
        at = entry.stop
    if at > size:
        raise PresetError("the file is incomplete")
    if at < size:
        raise PresetError("it has bytes beyond its end")
