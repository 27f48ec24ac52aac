"""What the compiled library does for networks: when it does, and what its functions are given."""

from __future__ import annotations

import ctypes
from functools import lru_cache

import torch

from flowmap_studio.core.native.loading import Address, Count, compiled


class Layer(ctypes.Structure):
    """A linear layer and the LayerNorm behind it, by the addresses of float32 tensors."""

    _fields_ = [(name, Address) for name in ("weight", "bias", "gain", "shift")]


class Embedding(ctypes.Structure):
    """`Embedding` in embedding.h."""

    _fields_ = [
        *((name, Count) for name in ("inputs", "size")),
        *((name, Address) for name in ("weight_in", "bias_in", "weight_out", "bias_out")),
    ]


class EmbeddingSums(ctypes.Structure):
    """Where derivatives by an embedding's weights are added up."""

    _fields_ = Embedding._fields_[2:]


class Network(ctypes.Structure):
    """`Network` in network.c."""

    _fields_ = [
        *((name, Count) for name in ("dim", "count")),
        ("frequencies", Address),
        ("embedded", Count),
        ("embeddings", ctypes.POINTER(Embedding)),
        *((name, Count) for name in ("width", "depth", "outputs")),
        ("layers", ctypes.POINTER(Layer)),
        *((name, Address) for name in ("last_weight", "last_bias")),
        ("eps", ctypes.c_float),
    ]


class Kept(ctypes.Structure):
    """`Kept` in network.c."""

    _fields_ = [("sums", Address), ("moments", Address), ("rows", Count), ("room", Count)]


class Route(ctypes.Structure):
    """`Route` in evaluate.h."""

    _fields_ = [
        *((name, Address) for name in ("x", "begun", "told", "gaps")),
        *((name, Count) for name in ("told_ld", "rows", "jumps")),
        ("out", Address),
    ]


class AllSums(ctypes.Structure):
    """`AllSums` in ready.h; a `Layer` stands for its sums too."""

    _fields_ = [
        ("embeddings", ctypes.POINTER(EmbeddingSums)),
        ("layers", ctypes.POINTER(Layer)),
        *((name, Address) for name in ("last_weight", "last_bias")),
        ("wanted", Count),
    ]


class Orthogonal(ctypes.Structure):
    """`Orthogonal` in polar.h."""

    _fields_ = [
        ("abc", ctypes.POINTER(ctypes.c_float)),
        *((name, Count) for name in ("count", "rows")),
        *((name, ctypes.c_float) for name in ("margin", "ahead", "size")),
    ]


class Matrix(ctypes.Structure):
    """`Matrix` in descent.h."""

    _fields_ = [(name, Count) for name in ("start", "rows", "columns")]


class Descent(ctypes.Structure):
    """`Descent` in descent.h."""

    _fields_ = [
        ("count", Count),
        *((name, Address) for name in ("weight", "gradient", "mean", "square", "average", "steps")),
        ("matrix_count", Count),
        ("matrices", ctypes.POINTER(Matrix)),
        ("how", ctypes.POINTER(Orthogonal)),
        *((name, ctypes.c_double) for name in ("mean_decay", "square_decay", "eps", "clip")),
        ("weight_decay", ctypes.c_double),
        ("decoupled", Count),
        *((name, ctypes.c_double) for name in ("rate", "share")),
    ]


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL | None:
    """The library; None where torch is to be used instead."""
    found = compiled()
    return None if found is None else declared(found)


def lanes() -> int:
    """Floats of the library's vectors; 1 where there is none."""
    found = library()
    return 1 if found is None else int(found.library_lanes())


def panel() -> int:
    """What widths must be multiples of, as in products.h."""
    return 2 * lanes()


def declared(found: ctypes.CDLL) -> ctypes.CDLL:
    """The library, told what its functions are called with."""
    network, kept, sums = map(ctypes.POINTER, (Network, Kept, AllSums))
    told = ctypes.POINTER(Address)
    found.network_at.argtypes = [network, Address, Count, Address, Count, Address, Count]
    found.network_told.argtypes = [network, told, Count, Address]
    found.network_begin.argtypes = [network, Address, Count, Address, Count]
    found.network_jumps.argtypes = [network, ctypes.POINTER(Route), Count, Count, Count]
    size = ctypes.POINTER(Count)
    found.network_sizes.argtypes = [network, size, size]
    found.network_sizes.restype = None
    found.network_ready.argtypes = [network, Address, Count]
    found.network_forward.argtypes = [network, Address, Address, told, Count, kept, Address, Count]
    found.network_backward.argtypes = [
        *(network, Address, Address, told, kept, Address, Address),
        *(sums, Address, Count),
    ]
    found.network_unfold.argtypes = [network, Address, sums]
    found.descend.argtypes = [ctypes.POINTER(Descent)]
    return found


def usable() -> bool:
    """Whether it is there, and torch does itself what it is asked for.

    Where others take torch's operations apart they must see each of them.
    """
    return (
        library() is not None
        and torch._C._functorch.peek_interpreter_stack() is None  # noqa: SLF001
        and torch._C._len_torch_dispatch_stack() == 0  # noqa: SLF001
    )


def ask(function: str, *arguments: object) -> None:
    """Call a function of the library, where it is known to be usable.

    Raises:
        MemoryError: There was none.
    """
    if getattr(library(), function)(*arguments):
        raise MemoryError
