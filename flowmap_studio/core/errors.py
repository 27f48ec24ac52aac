"""Every error that a user can cause or repair: one class, one sentence, no traceback."""

from flowmap_studio.core.device_loss import lose_devices

FAILURES = (
    "CUDA error",
    "CUDA driver error",
    "HIP error",
    "CUBLAS_STATUS_",
    "CUDNN_STATUS_",
    "CUSOLVER_STATUS_",
    "MPS backend",
    "command buffer exited",
)
"""What errors of a device say; those of its memory say more, see `lacks_memory`."""


class StudioError(Exception):
    """Base of all errors whose text is meant for the user: what is wrong and what to do."""


class ConfigError(StudioError):
    """A setting is out of range or contradicts another.

    Args:
        message: The sentence to show.
        field: Name of the `RunConfig` field to show it beside, if one is to blame.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class DataError(StudioError):
    """A target, point file or picture cannot be read or holds nothing to learn from."""


class PresetError(StudioError):
    """A `.flowmap` file cannot be read or written."""


class TrainingStopped(StudioError):  # noqa: N818 - the design names one of them so
    """A training can't go on.

    Args:
        message: The sentence to show.
        step: The step at which it was noticed.
    """

    def __init__(self, message: str, step: int) -> None:
        super().__init__(message)
        self.step = step


class TrainingDiverged(TrainingStopped):
    """The loss became NaN or infinite."""


class MemoryRanOut(TrainingStopped):
    """A step does not fit the memory, however small its parts."""


class DeviceLost(TrainingStopped):
    """The device failed; whatever lies on it is gone."""


class DeviceError(StudioError):
    """The device that was asked for is not there."""


class Unwanted(Exception):  # noqa: N818 - no error: nobody waits for the result any more
    """The work was given up half way."""


def lacks_memory(error: BaseException) -> bool:
    """Whether it says that memory ran out, of the computer or of a device."""
    said = str(error).lower()
    words = ("out of memory", "allocate memory", "status_alloc_failed")
    return isinstance(error, MemoryError) or any(word in said for word in words)


def device_failed(error: BaseException) -> bool:
    """Whether it says that a device failed: what lies on it is gone, and so is the device."""
    said = str(error)
    named = type(error).__name__ == "AcceleratorError" or any(word in said for word in FAILURES)
    return isinstance(error, RuntimeError) and named and not lacks_memory(error)


def first_line(error: BaseException) -> str:
    """What an error says, in a line: libraries write several, or none."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def unforeseen(beginning: str, error: BaseException) -> str:
    """One sentence for what nobody foresaw; a device that failed is not used again.

    Args:
        beginning: What did not succeed, without a full stop.
        error: Why.
    """
    if lacks_memory(error):
        return "Not enough memory; choose a smaller batch or width."
    if device_failed(error):
        lose_devices()
        return f"{beginning}: the device failed ({first_line(error)}); the CPU is used from now on."
    return f"{beginning}: {first_line(error)}"
