"""What this process uses: memory, handles, objects, threads; and a home of its own."""

from __future__ import annotations

import contextlib
import gc
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEBIBYTE = 1024 * 1024
HOMES = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")
SYSTEM_HOMES = ("HOME", "APPDATA", "LOCALAPPDATA")


def resident_bytes() -> int:
    """Memory of this process that lies in RAM; 0 where the system has no /proc."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def handles(folder: Path | None = None) -> int:
    """Open descriptors of this process; 0 where the system has no /proc.

    Args:
        folder: Count those of this folder and of what lies in it alone: other threads open others.
    """
    try:
        numbers = list(Path("/proc/self/fd").iterdir())
    except OSError:
        return 0
    if folder is None:
        return len(numbers)
    wanted, found = folder.resolve(), 0
    for number in numbers:
        with contextlib.suppress(OSError):  # the listing's own is closed by now
            place = number.readlink()
            found += place == wanted or wanted in place.parents
    return found


def objects() -> int:
    """Python objects that the collector of cycles knows, set aside or not, when it is done."""
    gc.collect()
    return len(gc.get_objects()) + gc.get_freeze_count()


def python_threads() -> set[threading.Thread]:
    """Threads of Python that run; those that Qt made are looked at by `Worker.running`."""
    every = threading.enumerate()
    return {one for one in every if not isinstance(one, threading._DummyThread)}  # noqa: SLF001


@contextmanager
def own_home() -> Iterator[Path]:
    """A new folder that settings, presets and copies of runs go to, away from the user's."""
    kept = {name: os.environ.get(name) for name in (*HOMES, *SYSTEM_HOMES)}
    with tempfile.TemporaryDirectory(prefix="stress-", ignore_cleanup_errors=True) as made:
        home = Path(made)
        os.environ.update({name: str(home / name.lower()) for name in HOMES})
        os.environ.update(dict.fromkeys(SYSTEM_HOMES, str(home)))
        try:
            yield home
        finally:
            for name, value in kept.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
