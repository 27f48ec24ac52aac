"""Writing files whole or not at all, and points as bytes. Torch-free."""

from __future__ import annotations

import errno
import io
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.errors import StudioError

REASONS = {
    errno.ENOENT: "there is no such file or folder",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your disk quota is used up",
    errno.EACCES: "you may not do that there",
    errno.EPERM: "you may not do that there",
    errno.EROFS: "that place is read-only",
    errno.EISDIR: "it is a folder",
    errno.ENOTDIR: "part of its path is not a folder",
    errno.ENAMETOOLONG: "its name is too long",
    errno.EIO: "the disk reported an error",
}
NAME_KEPT = 40
"""Characters of a file's name in its temporary file's: a long name must not become too long."""


def reason(error: OSError) -> str:
    """Why the system refused, in words that end a sentence."""
    return REASONS.get(error.errno or 0, error.strerror or "the system refused")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        StudioError: It could not be written, and an older file of that name is unchanged; or it
            is written but may not survive a power cut.
    """
    try:
        target = path.resolve()  # a symbolic link stays a link, to the new content
        if target.exists() and not target.is_file():
            raise StudioError(f"Could not write {path.name}: it is not a regular file.")
        replace_atomically(target, content)
    except OSError as error:
        raise StudioError(f"Could not write {path.name}: {reason(error)}.") from error
    except (ValueError, RuntimeError) as error:  # a NUL in the path, a link to itself
        raise StudioError(f"Could not write {path.name!r}: its name is not allowed.") from error
    try:
        sync_folder(target.parent)
    except OSError as error:
        raise StudioError(
            f"{path.name} is written, but the disk reported an error while its folder was: it may "
            "be lost in a power cut."
        ) from error


def check_place(path: Path) -> None:
    """Refuse a place that could not be written to later.

    Raises:
        StudioError: So.
    """
    try:
        # Permissions say too little about file systems: only writing shows it.
        with tempfile.TemporaryFile(dir=path.resolve().parent):
            pass
    except OSError as error:
        raise StudioError(f"Could not write {path.name}: {reason(error)}.") from error
    except (ValueError, RuntimeError) as error:  # a NUL in the path, a link to itself
        raise StudioError(f"Could not write {path.name!r}: its name is not allowed.") from error


def replace_atomically(target: Path, content: bytes) -> None:
    """Put a file in the place of another, or of none, once its content is safe on the disk.

    Args:
        target: Resolved path of a regular file, or of none yet.
        content: What it shall hold.

    Raises:
        OSError: The older file is unchanged and no other is left behind.
    """
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o644
    descriptor, temporary = tempfile.mkstemp(
        prefix=f".{target.name[:NAME_KEPT]}.", dir=target.parent
    )
    made = Path(temporary)
    try:
        try:
            _write_all(descriptor, content)
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if made.read_bytes() != content:
            raise OSError(errno.EBADMSG, "the disk did not keep what was written")
        made.replace(target)
    except BaseException:
        made.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make a new name in a folder survive a power cut, where folders can be synced.

    Raises:
        OSError: The disk reported an error; the name is there all the same.
    """
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def points_as_npy(points: npt.NDArray[Any]) -> bytes:
    """The bytes of a .npy file of an array."""
    stream = io.BytesIO()
    np.save(stream, points, allow_pickle=False)
    return stream.getvalue()


LINES_AT_ONCE = 4096
"""Lines of a .csv file that are written at once: a million points take half a second so, where
NumPy's own writer takes four."""


def points_as_csv(points: npt.NDArray[np.floating]) -> bytes:
    """The bytes of a .csv file of points (n, dim): header x,y (or x1..xn), one row per point.

    Nine digits are kept, enough to read the same float32 values back.
    """
    columns = points.shape[1]
    names = ("x", "y") if columns == 2 else tuple(f"x{i + 1}" for i in range(columns))
    line = ",".join(["%.9g"] * columns) + "\n"
    blocks = (points[at : at + LINES_AT_ONCE] for at in range(0, len(points), LINES_AT_ONCE))
    lines = ((line * len(block)) % tuple(block.ravel().tolist()) for block in blocks)
    return "".join([",".join(names), "\n", *lines]).encode()


def values_as_csv(name: str, values: npt.NDArray[np.floating]) -> bytes:
    """The bytes of a .csv file of one column (n,) under its name, all digits kept."""
    stream = io.StringIO()
    np.savetxt(stream, values, fmt="%.17g", header=name, comments="")
    return stream.getvalue().encode()


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
