"""A lock between processes that the system itself drops when its holder is gone, however it went.

Qt's QLockFile goes by process numbers and the host's name: a number that is used again, or a host
that has been renamed, would keep a lock for ever.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class FileLock:
    """A lock on a file of its own, which is made for it.

    Args:
        path: Of that file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Hold the lock from now on; False when somebody else does.

        Raises:
            OSError: The file can't be made.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if sys.platform == "win32":
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def drop(self) -> None:
        """Let others take it, if it is held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def remove(self) -> None:
        """Drop it and delete its file; what it guarded has to be gone by then."""
        self.drop()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
