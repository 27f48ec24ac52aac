"""`train --resume`: what may go on, where it is saved meanwhile, and how the user is told."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowmap_studio.cli import console
from flowmap_studio.cli.config_options import spellings
from flowmap_studio.cli.files import open_preset
from flowmap_studio.core.config import NORMAL
from flowmap_studio.core.errors import PresetError, StudioError
from flowmap_studio.core.presets import Preset, write_preset
from flowmap_studio.core.target_names import NAMED
from flowmap_studio.core.training_state import Checkpoint, TrainingState

if TYPE_CHECKING:
    from flowmap_studio.core.run import Run

AUTOSAVE_SECONDS = 20.0
"""Between two savings of a run that goes on: with their own time, less than 30 s are ever lost."""
OUR_COPY = re.compile(r"(.+)\.autosave(-\d+)?\.flowmap", re.IGNORECASE)
OURS = re.compile(r"(.+)\.(interrupted|autosave(-\d+)?)\.flowmap", re.IGNORECASE)


def open_run(path: Path, given: Mapping[str, Any]) -> Checkpoint:
    """The unfinished run of a file. Torch-free.

    Args:
        path: Where it lies.
        given: Settings that the user gave: the device, and where the user's own files are now.

    Raises:
        StudioError: The file is no sound preset or holds no such run, or a setting is given that
            would make it another one.
    """
    checkpoint = open_preset(path).checkpoint
    if checkpoint is None:
        raise StudioError(
            f"--resume: {path.name} holds a map but no unfinished run; --start-from begins a new "
            "run with its weights."
        )
    free = {"device", *files_wanted(checkpoint.state)}
    for field in given:
        if field not in free:
            raise StudioError(
                f"--resume goes on with the run's own settings; leave {spellings(field)[0]} out."
            )
    return checkpoint.changed(**given)


def files_wanted(state: TrainingState) -> list[str]:
    """Settings that name files of the user which the run doesn't carry: "target", "source"."""
    config = state.config
    target = state.points is None and config.target not in NAMED
    source = config.source not in (*NAMED, NORMAL)
    return ["target"] * target + ["source"] * source


def finished_path(path: Path) -> Path:
    """Where the finished map of a resumed file goes unless the user says otherwise."""
    named = OURS.fullmatch(path.name)
    return path.with_name(f"{named[1]}.flowmap") if named else path


def way_on(saved: Path, out: Path, state: TrainingState, device: str = "") -> str:
    """The command that goes on with a saved run, on another device if one is given."""
    words = ["flowmap-studio", "train", "--resume", str(saved)]
    for field in files_wanted(state):
        words += [spellings(field)[0], getattr(state.config, field)]
    if finished_path(saved) != out:
        words += ["--out", str(out)]
    if device:
        words += ["--device", device]
    return shlex.join(words)


class Autosave:
    """Keeps a copy of the run that goes on, beside the place of its result.

    Args:
        out: Where the finished map goes.
        resumed_from: The file that the run was resumed from, if it was.
    """

    def __init__(self, out: Path, resumed_from: Path | None) -> None:
        self._path = _place(out, resumed_from)
        self._resumed_from = resumed_from
        self._saved_at = time.monotonic()
        self._made = self._path == resumed_from
        self._warned = False

    def look(self, run: Run) -> None:
        """Save the run if it is time; a full disk is told once and never ends the training."""
        if time.monotonic() - self._saved_at < AUTOSAVE_SECONDS:
            return
        checkpoint = run.checkpoint()
        title = self._path.stem
        preset = Preset(snapshot=checkpoint.snapshot, title=title, training=checkpoint.state)
        try:
            write_preset(self._path, preset)
            self._made = True
        except PresetError as error:
            if not self._warned:
                console.warn(f"{error} Training goes on without that copy.")
            self._warned = True
        self._saved_at = time.monotonic()

    def latest(self) -> tuple[Path, Checkpoint] | None:
        """The newest file to go on from, and what it holds; None where there is none yet."""
        path = self._path if self._made else self._resumed_from
        try:
            checkpoint = None if path is None else open_preset(path).checkpoint
        except PresetError as error:  # somebody took it away, or the disk is no better
            console.warn(str(error))
            return None
        return None if path is None or checkpoint is None else (path, checkpoint)

    def remove(self) -> None:
        """Delete the copy: all that it holds is safe elsewhere."""
        if not self._made:
            return
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            console.warn(f"{self._path.name} is of no use any more, but could not be deleted.")


def _place(out: Path, resumed_from: Path | None) -> Path:
    """A name that is free, so that an earlier run which was cut off is not lost; or that run's."""
    if resumed_from is not None and OUR_COPY.fullmatch(resumed_from.name):
        return resumed_from
    first = path = out.with_name(f"{out.stem}.autosave.flowmap")
    number = 1
    while path.exists():
        number += 1
        path = out.with_name(f"{out.stem}.autosave-{number}.flowmap")
    if path != first:
        command = shlex.join(["flowmap-studio", "train", "--resume", str(first)])
        console.warn(f"An earlier run was cut off; to go on with it: {command}")
    return path
