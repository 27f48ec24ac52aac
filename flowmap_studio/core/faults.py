"""What keeps a training from going on, told as what it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from flowmap_studio.core.device_loss import lose_devices
from flowmap_studio.core.errors import (
    DeviceLost,
    MemoryRanOut,
    device_failed,
    first_line,
    lacks_memory,
)


class Stepping(Protocol):
    """What is trained."""

    @property
    def step(self) -> int:
        """Steps so far."""


@contextmanager
def faults_named(run: Stepping) -> Iterator[None]:
    """Within it, errors of libraries that mean a lack of memory or of the device say so.

    A device that failed is not used again. An error may be noticed later than at its step: the
    host does not wait for each.

    Args:
        run: What is trained.

    Raises:
        MemoryRanOut: Memory ran out.
        DeviceLost: The device failed.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        step = run.step + 1
        if lacks_memory(error):
            raise MemoryRanOut(
                f"Not enough memory at step {step:,}; choose a smaller batch or width.", step
            ) from error
        if device_failed(error):
            lose_devices()
            raise DeviceLost(
                f"The training device failed at step {step:,} ({first_line(error)}); what was "
                "learned before is kept.",
                step,
            ) from error
        raise
