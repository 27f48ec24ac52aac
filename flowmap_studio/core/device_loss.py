"""Whether this process has lost its device. Torch-free.

A GPU that failed answers every later call with the same error until the process ends.
"""

from __future__ import annotations

import threading

_lost = threading.Event()


def lose_devices() -> None:
    """Compute on the CPU from now on."""
    _lost.set()


def devices_lost() -> bool:
    """Whether all devices but the CPU are out of use."""
    return _lost.is_set()
