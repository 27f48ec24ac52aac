"""Every error that a user can cause or repair: one class, one sentence, no traceback."""


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


class TrainingDiverged(StudioError):  # noqa: N818 - the design names it so
    """The loss became NaN or infinite.

    Args:
        message: The sentence to show.
        step: The step at which it was noticed.
    """

    def __init__(self, message: str, step: int) -> None:
        super().__init__(message)
        self.step = step


class DeviceError(StudioError):
    """The device that was asked for is not there."""


class Unwanted(Exception):  # noqa: N818 - no error: nobody waits for the result any more
    """The work was given up half way."""


def lacks_memory(error: BaseException) -> bool:
    """Whether it says that memory ran out, of the computer or of a device."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in said or "allocate memory" in said


def unforeseen(beginning: str, error: BaseException) -> str:
    """One sentence for what nobody foresaw; libraries write several lines, or none.

    Args:
        beginning: What did not succeed, without a full stop.
        error: Why.
    """
    if lacks_memory(error):
        return "Not enough memory; choose a smaller batch or width."
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{beginning}: {lines[0] if lines else type(error).__name__}"
