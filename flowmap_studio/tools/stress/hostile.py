"""Inputs for the preset reader: cut, flipped, lying, disguised, forged, and mutated at random."""

from __future__ import annotations

import io
import json
import pickle
import random
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from flowmap_studio.core.presets.header import HEADER_LIMIT
from flowmap_studio.tools.stress.forging import Parts, parted

EVERY = 64
LENGTHS = (0, 1, 2, 7, 8, HEADER_LIMIT, HEADER_LIMIT + 1, 2**31, 2**32, 2**62, 2**63, 2**64 - 1)
NUMBERS = (0, 1, -1, 2, 3, 0.5, 1e300, -1e-300, 2**31, 2**40, 2**53, 2**63, 10**30, True, False)
VALUES: tuple[Any, ...] = (
    *NUMBERS,
    None,
    "",
    "x" * 5000,
    "\x00",
    "\ud800",
    "\u202e../../etc",
    "moons",
    "F32",
    "U8",
    "F64",
    "BF16",
    [],
    {},
    [0],
    [0, 2**40],
    [1] * 64,
    [[[[]]]],
    {"a": {"b": {}}},
)


def truncations(content: bytes) -> Iterator[bytes]:
    """Cut at every 64th byte, at each byte of the length, and in each field of the header."""
    length = 8 + int.from_bytes(content[:8], "little")
    fields = (i for i in range(8, min(length, len(content))) if content[i] in b',:{}[]"')
    for at in sorted({*range(9), *range(0, len(content), EVERY), *fields, length}):
        yield content[:at]


def lengths(content: bytes) -> Iterator[bytes]:
    """The header's length is a lie."""
    true = int.from_bytes(content[:8], "little")
    for lie in (*LENGTHS, true - 1, true + 1, len(content), len(content) - 8):
        yield lie.to_bytes(8, "little") + content[8:]


def disguises(content: bytes) -> Iterator[bytes]:
    """Other kinds of files, and JSON that is too deep, too large or odd, in the place of ours."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"weights": [1.0, 2.0]}))
    for body in (packed.getvalue(), pickle.dumps([1, {"a": (2,)}]), b"", b"\0" * 100_000):
        yield body
        yield len(body).to_bytes(8, "little") + body
        yield content[: 8 + int.from_bytes(content[:8], "little")] + body
    for text in _texts():
        yield len(text).to_bytes(8, "little") + text
        inner = json.dumps(text.decode("latin1"))
        outer = f'{{"__metadata__":{{"flowmap":{inner}}}}}'.encode()
        yield len(outer).to_bytes(8, "little") + outer


def _texts() -> Iterator[bytes]:
    for depth in (8, 9, 100, 10_000, 50_000):
        yield b'{"a":' * depth + b"1" + b"}" * depth
        yield b'{"a":' + b"[" * depth + b"]" * depth + b"}"
    yield b"{" + b",".join(b'"%d":{}' % k for k in range(20_000)) + b"}"
    yield b'{"a":[' + b"{}," * 60_000 + b"{}]}"
    yield b'{"a":"' + b"\\u00e9" * 40_000 + b'"}'
    yield b'{"a":' + b"9" * 100_000 + b"}"
    yield b'{"a":1e999,"b":-1e999}'
    yield b'{"a":NaN}'
    yield b'{"a":1,"a":2}'
    yield b"{}" + b" " * 200_000
    yield b'{"a":"\xff\xfe"}'


def lies(content: bytes) -> Iterator[Callable[[], bytes]]:
    """Every dtype, shape and offset of the container, and every word of ours, is a lie.

    There are thousands: each is made when it is called.
    """
    for signed in (False, True):
        whole = parted(content)
        assert whole is not None  # noqa: S101 - given a sound file
        for name in whole.entries:
            for key in ("dtype", "shape", "data_offsets"):
                for value in VALUES:
                    yield partial(_with, content, ("entries", name, key), value, signed)
        for path in places(whole.words):
            for value in VALUES:
                yield partial(_with, content, ("words", *path), value, signed)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to every value within a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, (dict, list)):
            yield from places(inner, (*path, key))


def _with(content: bytes, path: tuple[Any, ...], value: Any, signed: bool) -> bytes:
    parts = parted(content)
    assert parts is not None  # noqa: S101 - given a sound file
    inside: Any = getattr(parts, path[0])
    for key in path[1:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return parts.joined(signed=signed)


def mutated(content: bytes, other: bytes, draw: random.Random) -> bytes:
    """One to four random changes, of bytes or of what they mean."""
    for _ in range(draw.randint(1, 4)):
        parts = parted(content) if draw.random() < 0.6 else None
        if parts is None:
            content = draw.choice(BYTES)(content, other, draw)
        else:
            draw.choice(MEANINGS)(parts, draw)
            try:
                content = parts.joined(signed=draw.random() < 0.8)
            except (RecursionError, ValueError):
                continue
    return content


def _flip(content: bytes, other: bytes, draw: random.Random) -> bytes:
    del other
    if not content:
        return b"\0"
    at = draw.randrange(min(len(content), draw.choice((16, 4096, len(content)))))
    return content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :]


def _cut(content: bytes, other: bytes, draw: random.Random) -> bytes:
    del other
    start = draw.randrange(len(content) + 1)
    return content[:start] + content[start + draw.choice((1, 4, 64, len(content))) :]


def _splice(content: bytes, other: bytes, draw: random.Random) -> bytes:
    at, start = draw.randrange(len(content) + 1), draw.randrange(len(other) + 1)
    piece = other[start : start + draw.choice((1, 8, 100, 5000))]
    return content[:at] + piece + content[at + draw.choice((0, len(piece))) :]


def _number(content: bytes, other: bytes, draw: random.Random) -> bytes:
    del other
    at = draw.randrange(len(content) + 1)
    number = draw.choice(LENGTHS).to_bytes(8, "little")[: draw.choice((1, 2, 4, 8))]
    return content[:at] + number + content[at + len(number) :]


def _change_word(parts: Parts, draw: random.Random) -> None:
    inside: Any = draw.choice((parts.words, parts.entries))
    found = list(places(inside))
    if not found:
        return
    *way, last = draw.choice(found)
    for key in way:
        inside = inside[key]
    deed = draw.randrange(4)
    if deed == 0:
        inside[last] = draw.choice(VALUES)
    elif deed == 1 and isinstance(inside[last], (int, float)):
        inside[last] = inside[last] * draw.choice((-1, 2, 10)) + draw.choice((-1, 0, 1))
    elif deed == 2 and isinstance(inside, dict):
        inside[draw.choice(("", "x", "map.x", "run.x", "\x00", str(last)))] = inside.pop(last)
    elif deed == 3:
        del inside[last]


def _change_data(parts: Parts, draw: random.Random) -> None:
    special = draw.choice((b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\0\0\x80\xff", b"\1\0\0\0"))
    at = 4 * draw.randrange(len(parts.data) // 4 + 1)
    parts.data = parts.data[:at] + special + parts.data[at + 4 :]


def _reorder(parts: Parts, draw: random.Random) -> None:
    names = list(parts.entries)
    draw.shuffle(names)
    parts.entries = {name: parts.entries[name] for name in names}


Meaning = Callable[[Parts, random.Random], None]
BYTES = (_flip, _flip, _cut, _splice, _number)
MEANINGS: tuple[Meaning, ...] = (_change_word, _change_word, _change_data, _reorder)
