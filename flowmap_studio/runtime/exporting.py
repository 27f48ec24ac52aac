"""Exports that take a map: films, rendered in a thread of their own, and scripts."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from flowmap_studio.core.errors import StudioError, Unwanted, lacks_memory, unforeseen
from flowmap_studio.core.files import check_place, write_whole
from flowmap_studio.core.film_limits import Look, Timing, check_film
from flowmap_studio.core.network_shapes import network_kind
from flowmap_studio.core.probing.values import Following
from flowmap_studio.core.script_export import sample_script
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.runtime.frames import Sampling
from flowmap_studio.runtime.workers import Worker

if TYPE_CHECKING:  # torch comes with these
    from flowmap_studio.core.loaded_map import LoadedMap
    from flowmap_studio.core.stage_clouds import StageClouds, Way
    from flowmap_studio.runtime.session import Session

BUSY = "Another film is being rendered; wait for it or cancel it."


@dataclass(frozen=True)
class FilmOrder:
    """A film that is wanted.

    Attributes:
        path: Where it goes; the ending, .gif or .mp4, says as what.
        snapshot: The map.
        steps: Of the composed cloud.
        sampling: How it is sampled besides; cached steps are not used.
        look: Of the pictures.
        timing: Of the film.
        threads: CPU threads to evaluate with.
        following: The group and the traced point that are shown.
    """

    path: Path
    snapshot: Snapshot
    steps: int
    sampling: Sampling = field(default_factory=Sampling)
    look: Look = field(default_factory=Look)
    timing: Timing = field(default_factory=Timing)
    threads: int = 1
    following: Following = field(default_factory=Following)


class _Cancelled(Exception):  # noqa: N818 - no error: the user's wish
    """Leaves the rendering at the next frame."""


class FilmThread(Worker):
    """Renders one film and writes it whole or not at all.

    Args:
        order: Which.
    """

    progressed = Signal(int, int)  # frames done, of all
    ended = Signal(bool, str, str)  # whether it was written; one sentence, or ""; details

    def __init__(self, order: FilmOrder) -> None:
        super().__init__()
        self._order = order
        self._stop = threading.Event()

    def request_stop(self) -> None:
        """End at the next frame; returns at once."""
        self._stop.set()

    def run(self) -> None:  # noqa: D102 - QThread's
        written, sentence, details = False, "", ""
        try:
            self._render()
            written = True
        except (_Cancelled, Unwanted):
            pass
        except StudioError as error:
            sentence = str(error)
        except BaseException as error:  # noqa: BLE001 - nothing may leave a thread's edge
            sentence = unforeseen("The film could not be rendered", error)
            if lacks_memory(error):
                sentence = "Not enough memory; choose a smaller size or fewer frames."
            details = traceback.format_exc()
        self.ended.emit(written, sentence, details)

    def _render(self) -> None:
        import torch

        from flowmap_studio.core.film import film

        order = self._order
        check_place(order.path)  # before the work, not after it
        torch.set_num_threads(order.threads)
        ending = order.path.suffix.lower()
        clouds = stage_clouds(order, self._stop.is_set)
        content = film(clouds, order.look, order.timing, ending, self._tell)
        write_whole(order.path, content)

    def _tell(self, done: int, frames: int) -> None:
        if self._stop.is_set():
            raise _Cancelled
        self.progressed.emit(done, frames)


def stage_clouds(order: FilmOrder, stopped: Callable[[], bool] = lambda: False) -> StageClouds:
    """What an order's film shows: the stage's layers, the clouds of a rival included."""
    from flowmap_studio.core.stage_clouds import Beside, StageClouds

    sampling = order.sampling.fitted(order.snapshot)
    way, rival = _way(sampling, order.steps, sampling.solver, order.snapshot), sampling.rival
    beside = None
    if rival is not None:
        its_way = _way(sampling, rival.steps, rival.solver, rival.snapshot)
        beside = Beside(rival.name, _load(rival.snapshot, stopped), its_way)
    loaded, layers = _load(order.snapshot, stopped), order.look.layers
    return StageClouds(loaded, way, layers, beside, stopped, order.following)


def _way(sampling: Sampling, steps: int, solver: str, snapshot: Snapshot) -> Way:
    from flowmap_studio.core.stage_clouds import Way

    label = sampling.fitted(snapshot).label
    return Way(steps, solver, label, sampling.guidance, sampling.points)


def _load(snapshot: Snapshot, stopped: Callable[[], bool]) -> LoadedMap:
    from flowmap_studio.core.devices import usable_device
    from flowmap_studio.core.loaded_map import LoadedMap

    made = LoadedMap(snapshot, usable_device(snapshot.config.device))
    made.give_up_when(stopped)  # the clouds of a frame may take long
    return made


class FilmControl(QObject):
    """Starts and cancels films (GUI thread); one at a time."""

    changed = Signal()  # running
    progressed = Signal(int, int)  # frames done, of all
    finished = Signal(object)  # Path
    failed = Signal(str, str)  # one sentence, details

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread: FilmThread | None = None
        self._path = Path()
        self._left: list[FilmThread] = []

    @property
    def running(self) -> bool:
        """Whether a film is being rendered."""
        return self._thread is not None

    def workers(self) -> list[Worker]:
        """The threads that have not ended yet."""
        self._left = [thread for thread in self._left if thread.isRunning()]
        return [*self._left]

    def start(self, order: FilmOrder) -> None:
        """Render a film.

        Raises:
            StudioError: Another one is being rendered, or that kind of file can't hold it.
        """
        if self.running:
            raise StudioError(BUSY)
        check_film(order.path.suffix.lower(), order.look, order.timing)
        self._path = order.path
        self._thread = FilmThread(order)
        self._left = [*self.workers(), self._thread]
        self._thread.progressed.connect(self.progressed)
        self._thread.ended.connect(self._on_ended)
        self._thread.begin()
        self.changed.emit()

    def cancel(self) -> None:
        """End it; nothing is written."""
        if self._thread is not None:
            self._thread.request_stop()

    @Slot(bool, str, str)
    def _on_ended(self, written: bool, sentence: str, details: str) -> None:
        self._thread = None
        if written:
            self.finished.emit(self._path)
        elif sentence:
            self.failed.emit(sentence, details)
        self.changed.emit()


def export_script(session: Session, path: Path) -> Path:
    """Write a script that draws the composed cloud on stage, and the map beside it.

    Args:
        session: Its map, time, steps and sampling are taken; a rival is not.
        path: Of the script.

    Returns:
        The preset that was written into the script's folder, under a name that was free.

    Raises:
        StudioError: There is no map, or it could not be written.
    """
    snapshot = session.snapshot
    if snapshot is None:
        raise StudioError("There is no map to export yet; press Train or open a preset first.")
    if network_kind(snapshot.config, snapshot.image) != "mlp":
        raise StudioError(
            "The script knows the article's network alone; draw this map's samples with: "
            "flowmap-studio sample FILE.flowmap --out FILE.npy."
        )
    check_place(path)
    preset = _free_name(path.with_suffix(".flowmap"))
    session.write_copy(preset)
    sampling = session.sampling.fitted(snapshot)
    text = sample_script(
        preset.name,
        f"{path.stem}-samples.npy",  # not the name of exported points
        session.steps,
        session.t,
        sampling.solver,
        sampling.label,
        sampling.guidance,
        sampling.points,
    )
    write_whole(path, text.encode())
    return preset


def _free_name(wanted: Path) -> Path:
    path, number = wanted, 2
    while path.exists():
        path, number = wanted.with_stem(f"{wanted.stem}-{number}"), number + 1
    return path
