"""Copies of runs in progress, from which the next start recovers what a crash cut off.

Each run has a file of its own, of a random name, and beside it a lock that its process holds: so
windows that are open at once neither write the same file nor take each other's.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from flowmap_studio.core.errors import PresetError
from flowmap_studio.core.files import reason
from flowmap_studio.core.library import PresetEntry
from flowmap_studio.core.presets import Preset, write_preset
from flowmap_studio.core.presets.files import SUFFIX, read_entry
from flowmap_studio.core.training_state import Checkpoint
from flowmap_studio.runtime.file_lock import FileLock

AUTOSAVE_SECONDS = 20.0
"""Between two copies of a run: with the time they take, less than 30 s are ever lost."""
SWEEP_SECONDS = 60.0
"""Age from which a lock without a copy is what a kill left, unless it is held."""
LOCK = ".lock"


class RecoveryFile:
    """The copy of one run. Safe from any thread.

    Args:
        path: Where it lies, or will.
        lock: Held already, of a copy that was left over; taken at the first saving when None.
    """

    def __init__(self, path: Path, lock: FileLock | None = None) -> None:
        self.path = path
        self._lock = lock
        self._unwanted = threading.Event()
        self._left = threading.Event()

    def save(self, checkpoint: Checkpoint) -> None:
        """Replace the copy, unless it is not wanted any more; may take a while.

        Raises:
            PresetError: It could not be saved; an older copy is still there.
        """
        if self._unwanted.is_set() or self._left.is_set():
            return
        preset = Preset(snapshot=checkpoint.snapshot, title="", training=checkpoint.state)
        try:
            self._claim()
            # The folder is the user's own and never shared: by its path a picture is found again.
            write_preset(self.path, preset, private=False)
        except PresetError:
            if not self._unwanted.is_set():  # else it was deleted while it was written
                raise
        if self._unwanted.is_set():  # meanwhile
            self._delete()

    def discard(self) -> None:
        """Delete the copy, also one that is being written now."""
        self._unwanted.set()
        self._delete()

    def release(self) -> None:
        """Leave the copy as it is to the next start."""
        self._left.set()
        if self._lock is not None:
            self._lock.drop()

    def _claim(self) -> None:
        if self._lock is not None:
            return
        lock = _lock_of(self.path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock.take()  # its name is random: there is nobody to compete with
        except OSError as error:
            raise PresetError(f"Could not save a copy of the run: {reason(error)}.") from error
        self._lock = lock

    def _delete(self) -> None:
        # The second are what a kill in the midst of a saving leaves.
        for path in (self.path, *self.path.parent.glob(f".{self.path.name}.*")):
            with contextlib.suppress(OSError):  # at worst it is offered at the next start
                path.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.remove()


class LeftOver(RecoveryFile):
    """A copy of a run whose process is gone.

    Attributes:
        description: Target, method, coupling and step in one short line.

    Args:
        entry: Of its file.
        lock: Held.
    """

    def __init__(self, entry: PresetEntry, lock: FileLock) -> None:
        super().__init__(entry.path, lock)
        self.description = entry.subtitle


class RecoveryFolder:
    """Where the copies lie.

    Args:
        folder: Made when it is first needed; None keeps no copies.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def new(self) -> RecoveryFile | None:
        """A copy for a new run; touches no disk yet."""
        if self._folder is None:
            return None
        name = f"run-{os.getpid()}-{secrets.token_hex(4)}.flowmap"
        return RecoveryFile(self._folder / name)

    def left_over(self) -> LeftOver | None:
        """The newest copy that no process holds; it is held by this one from now on."""
        self._sweep()
        for entry in self._newest_first():
            lock = _lock_of(entry.path)
            with contextlib.suppress(OSError):
                if lock.take():
                    if entry.path.exists():  # else another window has just seen to it
                        return LeftOver(entry, lock)
                    lock.remove()
        return None

    def _sweep(self) -> None:
        """Delete what kills in the midst of a first saving left: there is no copy to offer."""
        if self._folder is None:
            return
        for path in self._folder.glob(f"*{LOCK}"):
            copy = path.with_name(path.name.removesuffix(LOCK))
            with contextlib.suppress(OSError):
                # A lock that is just being made is not held yet.
                if copy.exists() or time.time() - path.stat().st_mtime < SWEEP_SECONDS:
                    continue
                lock = FileLock(path)
                if lock.take():
                    RecoveryFile(copy, lock).discard()

    def _newest_first(self) -> Iterator[PresetEntry]:
        """Those that are sound; each is read when it is wanted, for there may be many."""
        if self._folder is None:
            return
        dated = []
        for path in self._folder.glob(f"*{SUFFIX}"):
            with contextlib.suppress(OSError):
                dated.append((path.stat().st_mtime_ns, path))
        for _, path in sorted(dated, reverse=True):
            with contextlib.suppress(PresetError, OSError):
                yield read_entry(path, shipped=False)


def _lock_of(path: Path) -> FileLock:
    return FileLock(path.with_name(f"{path.name}{LOCK}"))
