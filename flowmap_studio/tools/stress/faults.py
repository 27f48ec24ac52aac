"""A fault at each system call of a save: the file is old or new, and the user is told."""

from __future__ import annotations

import errno
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.files import write_whole
from flowmap_studio.core.presets import write_preset
from flowmap_studio.core.presets.codec import encode
from flowmap_studio.tools.stress.finding import Broken, Finding
from flowmap_studio.tools.stress.forging import plain_preset
from flowmap_studio.tools.stress.process import handles

CALLS = ("stat", "open", "write", "fchmod", "fsync", "close", "replace")
REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EIO: "the disk reported an error",
    errno.EACCES: "you may not do that there",
    errno.EROFS: "that place is read-only",
}
OLD = b"old" * 50_000
NEW = b"new" * 70_000


class Faults:
    """Counts the system calls of a save and lets one of them fail.

    Args:
        at: Which, from 0; none when None.
        code: With what.
    """

    def __init__(self, at: int | None, code: int) -> None:
        self.seen: list[str] = []
        self._at = at
        self._code = code

    def around(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        """The call, counted and perhaps failing."""

        def call(*arguments: Any, **options: Any) -> Any:
            failing = len(self.seen) == self._at
            self.seen.append(name)
            if failing and name == "close":
                real(*arguments, **options)  # as Linux does: closed all the same
            if failing:
                raise OSError(self._code, os.strerror(self._code))
            return real(*arguments, **options)

        return call


@contextmanager
def injected(at: int | None = None, code: int = errno.EIO) -> Iterator[Faults]:
    """Within it, the call of this number fails."""
    made = Faults(at, code)
    with ExitStack() as patches:
        for name in CALLS:
            real = made.around(name, getattr(os, name))
            patches.enter_context(mock.patch.object(os, name, real))
        patches.enter_context(mock.patch.object(io, "open", made.around("read back", io.open)))
        yield made


def problems(
    write: Callable[[Path], None], new: bytes, path: Path, at: int, code: int
) -> Iterator[str]:
    """What is wrong after a save to `path` whose call `at` failed.

    Args:
        write: The save.
        new: What the file then holds.
        path: The only file of its folder, or none yet.
        at: Number of the call that fails.
        code: With what.
    """
    old = path.read_bytes() if path.exists() else None
    sentence = ""
    with injected(at, code) as made:
        try:
            write(path)
        except StudioError as error:
            sentence = str(error)
    failed = made.seen[at] if at < len(made.seen) else "none"
    found = path.read_bytes() if path.exists() else None
    replaced = "replace" in made.seen[:at]
    where = f"{errno.errorcode[code]} at {failed}"
    if found != (new if replaced or not sentence else old):
        yield f"{where}: the file is neither old nor new"
    wanted = "may be lost in a power cut" if replaced else REASONS[code]
    if sentence and (wanted not in sentence or "\n" in sentence):
        yield f"{where}: said {sentence!r}"
    # A failing stat may be taken for a file that is not there yet; every other fault is told.
    if not sentence and failed not in ("stat", "none"):
        yield f"{where}: not told"
    if [one.name for one in path.parent.iterdir()] != [path.name] * (found is not None):
        yield f"{where}: another file was left behind"
    if handles(path.parent):
        yield f"{where}: a descriptor was left open"


def faults() -> Finding:
    """Let every call of every kind of save fail in every way."""
    began = time.perf_counter()
    broken, done = Broken(), 0
    preset = plain_preset()
    saves: dict[str, tuple[Callable[[Path], None], bytes]] = {
        "any file": (lambda path: write_whole(path, NEW), NEW),
        "preset": (lambda path: write_preset(path, preset), encode(preset)),
    }
    calls: dict[str, float | int | str] = {}
    with tempfile.TemporaryDirectory(prefix="faults-") as made:
        path = Path(made) / "mine.flowmap"
        for name, (write, new) in saves.items():
            for old in (OLD, None):
                path.write_bytes(OLD)
                with injected() as sound:
                    write(path)
                calls[f"calls of a save, {name}"] = len(sound.seen)
                for code in REASONS:
                    for at in range(len(sound.seen)):
                        path.unlink(missing_ok=True)
                        if old is not None:
                            path.write_bytes(old)
                        broken.extend(problems(write, new, path, at, code))
                        done += 1
    took = time.perf_counter() - began
    return Finding("faults", f"{done:,} faults", calls, broken.told(), took)
