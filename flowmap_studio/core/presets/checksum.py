"""The hash in a `.flowmap` file: it reveals damage, and says nothing of who made the file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


def digest(metadata: Mapping[str, Any], tensors: Mapping[str, npt.NDArray[Any]]) -> str:
    """SHA-256 over the metadata without the hash and over every tensor's name, shape and bytes."""
    described = {key: value for key, value in metadata.items() if key != "sha256"}
    state = hashlib.sha256(compact(described).encode())
    for name in sorted(tensors):
        array = tensors[name]
        state.update(compact([name, str(array.dtype), list(array.shape)]).encode())
        state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()


def compact(value: Any) -> str:
    """JSON of one spelling: sorted keys, no blanks, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
