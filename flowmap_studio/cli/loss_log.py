"""The file of losses that `train --log` writes: one JSON object a step."""

from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from flowmap_studio.cli import console
from flowmap_studio.core.history import TERMS

if TYPE_CHECKING:
    from flowmap_studio.core.progress import Progress

DIGITS = 9
"""Enough to tell float32 values apart."""


class LossLog:
    """Writes losses as they come; a full disk ends the log, never the training.

    Args:
        path: Where to write; None writes nothing.
        after: Step after which the run goes on: a log of its earlier steps is carried on.

    Raises:
        OSError: The file can't be made.
    """

    def __init__(self, path: Path | None, after: int = 0) -> None:
        if path and after and path.exists():
            _cut(path, after)
            self._file: TextIO | None = path.open("a", encoding="utf-8")
        else:
            self._file = path.open("w", encoding="utf-8") if path else None

    def __enter__(self) -> LossLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, progress: Progress) -> None:
        """Add a line for each step of a report."""
        if self._file is None:
            return
        first = progress.step - len(progress.losses) + 1
        lines = (_line(first + at, row.tolist()) for at, row in enumerate(progress.losses))
        try:
            self._file.writelines(lines)
            self._file.flush()
        except OSError as error:
            console.warn(
                f"The log ends at step {first - 1:,}: {error.strerror or error}. Training goes on."
            )
            file, self._file = self._file, None
            with contextlib.suppress(OSError):  # closing tries to write the rest once more
                file.close()


def _cut(path: Path, after: int) -> None:
    """Leave only the lines up to this step: a run that was killed wrote more than it saved."""
    kept = 0
    with path.open("rb+") as file:
        for line in file:
            if not line.endswith(b"\n") or _step_of(line) > after:
                break
            kept += len(line)
        file.truncate(kept)


def _step_of(line: bytes) -> float:
    try:
        step = json.loads(line)["step"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return math.inf
    return step if isinstance(step, int) else math.inf


def _line(step: int, losses: list[float]) -> str:
    terms = {
        name: float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
        for name, value in zip(TERMS, losses, strict=True)
    }
    return json.dumps({"step": step, **terms}) + "\n"
