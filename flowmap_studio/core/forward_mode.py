"""Derivatives along a direction by forward mode, one at a time in the whole process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import torch

_ONE_AT_A_TIME = threading.RLock()


def jvp(
    function: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]
) -> tuple[Any, Any]:
    """`torch.func.jvp`, by which several threads may differentiate at once.

    Torch counts the levels of forward mode for the process, not for each thread: a training step
    that ended while a probe differentiated took the probe's level away ("no level exists").

    Args:
        function: What to differentiate.
        primals: Tensors of any shapes: where.
        tangents: Of the same shapes: along what.

    Returns:
        The function's value and its derivative along `tangents`, of the value's shape.
    """
    with _ONE_AT_A_TIME:
        value, along, *_ = torch.func.jvp(function, primals, tangents)
    return value, along
