"""The only place that finds assets/, in a checkout and in an installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_PLACES = (_PACKAGE / "assets", _PACKAGE.parent / "assets")


def asset(*parts: str) -> Path:
    """The path of a shipped file or folder.

    Args:
        parts: Names below assets/, e.g. "presets".

    Raises:
        FileNotFoundError: The program was installed without it.
    """
    for place in _PLACES:
        found = place.joinpath(*parts)
        if found.exists():
            return found
    raise FileNotFoundError(
        f"The program's file assets/{'/'.join(parts)} is missing; install Flow Map Studio again."
    )
