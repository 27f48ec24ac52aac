"""Finds the compiled library. Without torch: the window draws with it before torch is there."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from pathlib import Path

from flowmap_studio.core.native.sources import FOLDER, LIBRARIES, source_digest

Address = ctypes.c_void_p
Count = ctypes.c_int64


_expected = lru_cache(maxsize=1)(source_digest)  # a start reads the sources once for all libraries


@lru_cache(maxsize=1)
def compiled() -> ctypes.CDLL | None:
    """The library of the longest vectors that this processor has; None where there is none."""
    found = (load(FOLDER / name) for name in LIBRARIES)
    return next((one for one in found if one is not None), None)


def load(path: Path) -> ctypes.CDLL | None:
    """Load a library.

    Returns:
        None where it is missing, was made from other sources than these, or needs more than this
        processor has.
    """
    if sources_of(path) != _expected():
        return None
    found = ctypes.CDLL(str(path))
    if not found.processor_suits():
        return None
    found.stamp_markers.argtypes = [Address, Address, Address, Address, Count, Count]
    found.least_assignment.argtypes = [Address, Address, Count, Count, Address]
    found.entropic_plan.argtypes = [
        *(Address, Address, Count, Count),
        *(ctypes.c_double, Count, ctypes.c_double, Address),
    ]
    return found


def sources_of(path: Path) -> str:
    """The digest of what a library was made from; "" where there is no library."""
    try:
        found = ctypes.CDLL(str(path))
    except OSError:
        return ""
    found.library_sources.restype = ctypes.c_char_p
    told: bytes = found.library_sources()
    return told.decode()
