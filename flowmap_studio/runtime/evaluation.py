"""The evaluator thread: newest request wins, on its own copies of snapshots."""

from __future__ import annotations

import importlib
import threading
import time
import traceback
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeGuard

from PySide6.QtCore import Signal

from flowmap_studio.core.errors import DataError, StudioError
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.runtime.frames import (
    DRAG_POINTS,
    LATTICE_RESOLUTION,
    STAGE_POINTS,
    STAGE_SEED,
    Frame,
    FrameRequest,
    Measurement,
    MeasureRequest,
    PreviewRequest,
)
from flowmap_studio.runtime.workers import Worker

if TYPE_CHECKING:  # torch comes with these: imported in the thread, behind the painted window
    from flowmap_studio.core.cached_steps import CachedMap
    from flowmap_studio.core.loaded_map import LoadedMap
    from flowmap_studio.core.metrics import Referee

REFEREE_POINTS = 2000
"""Points of the live quality figures: a compromise between noise (floor 0.03) and 30 ms."""

PATIENT_SHARE = 0.2
"""Share of the time that patient requests may take while a run wants the cores. After one the
evaluator rests; a request that a hand waits for breaks the rest."""
IDLE_SECONDS = 0.5
WARM_UP = ("scipy.stats", "ot", "flowmap_studio.core.trainer")
"""What training needs is imported once nothing is asked for, one by one, so that the first click
on Train starts at once and neither scrubbing nor closing waits for long."""

Error = tuple[float, float]
Request = FrameRequest | MeasureRequest | PreviewRequest


class Evaluator(Worker):
    """Answers requests one at a time; of each kind only the newest waits.

    Frames come first, except that patient kinds take turns, or frames of a run would leave no room
    for its measurements.
    """

    frame_ready = Signal(object)  # Frame
    measured = Signal(object)  # Measurement
    previewed = Signal(object, object)  # PreviewRequest, Snapshot
    refused = Signal(object, str)  # PreviewRequest, one sentence: its target can't be learned
    failed = Signal(str, str)  # one sentence, details

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()
        self._waiting: dict[type, Request] = {}
        self._stopped = False
        self._rested = 0.0
        self._cold = list(WARM_UP)
        self._loaded: LoadedMap | None = None
        self._cached: tuple[tuple[Snapshot, int], tuple[CachedMap, Error]] | None = None
        self._referee: tuple[object, Referee] | None = None

    def submit(self, request: Request) -> None:
        """Ask for something; an older waiting request of the same kind is dropped."""
        with self._changed:
            older = self._waiting.get(type(request))
            if older is not None and _patient(request) and not _patient(older):
                request = replace(request, patient=False)  # the hand still waits
            # In the place of the older one: the order is that of the turns of patient kinds.
            self._waiting[type(request)] = request
            self._changed.notify()

    def request_stop(self) -> None:
        """End after the request in hand; returns at once."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def run(self) -> None:  # noqa: D102 - QThread's
        while (request := self._next()) is not None:
            began = time.monotonic()
            try:
                self._answer(request)
            except StudioError as error:
                if isinstance(request, PreviewRequest) and isinstance(error, DataError):
                    self.refused.emit(request, str(error))
                else:
                    self.failed.emit(str(error), "")
            except BaseException as error:  # noqa: BLE001 - nothing may leave a thread's edge
                self.failed.emit(f"Could not evaluate the map: {error}", traceback.format_exc())
            if _patient(request):
                ended = time.monotonic()
                self._rested = ended + (ended - began) * (1 / PATIENT_SHARE - 1)

    def _next(self) -> Request | str | None:
        """The next request, a module to import in the meantime, or None at the end."""
        with self._changed:
            while not self._stopped:
                now = time.monotonic()
                if (kind := self._turn(now)) is not None:
                    return self._waiting.pop(kind)
                if self._waiting:
                    self._changed.wait(self._rested - now)
                elif not (self._cold and self._loaded):
                    self._changed.wait()
                elif not self._changed.wait(IDLE_SECONDS):
                    return self._cold.pop(0)
            return None

    def _turn(self, now: float) -> type | None:
        """Whose turn it is; None while nothing waits, or all that waits is patient and it rests."""
        for kind in (FrameRequest, PreviewRequest, MeasureRequest):
            request = self._waiting.get(kind)
            if request is not None and not _patient(request):
                return kind
        return next(iter(self._waiting), None) if now >= self._rested else None

    def _answer(self, request: Request | str) -> None:
        if isinstance(request, str):
            importlib.import_module(request)
        elif isinstance(request, FrameRequest):
            self.frame_ready.emit(self._frame(request))
        elif isinstance(request, PreviewRequest):
            self.previewed.emit(request, self._preview(request))
        else:
            self.measured.emit(self._measure(request))

    def _frame(self, request: FrameRequest) -> Frame:
        import torch

        torch.set_num_threads(request.threads)
        began = time.perf_counter()
        loaded = self._load(request.snapshot)
        noise = loaded.noise(STAGE_POINTS, STAGE_SEED)
        guide = loaded.guide(STAGE_POINTS, STAGE_SEED)
        one_step = loaded.at(noise, request.t, 1, guide)
        cached = None
        if request.cached and request.snapshot.dim == 2:
            cached = self._cached_for(request, loaded)
            composed = cached[0].at(noise, request.t, guide)
        elif request.steps == 1:
            composed = one_step
        else:
            some = noise if request.full else noise[:DRAG_POINTS]
            composed = loaded.at(some, request.t, request.steps, guide)
        clouds = {
            "source": loaded.source(STAGE_POINTS, STAGE_SEED),
            "data": request.snapshot.data,
            "one_step": one_step,
            "composed": composed,
        }
        for cloud in clouds.values():
            cloud.flags.writeable = False
        seconds = time.perf_counter() - began
        return Frame(request, MappingProxyType(clouds), seconds, cached[1] if cached else None)

    def _cached_for(self, request: FrameRequest, loaded: LoadedMap) -> tuple[CachedMap, Error]:
        """The steps of a map in so many jumps, made once for all times t, and their error."""
        from flowmap_studio.core.cached_steps import CachedMap

        key = (request.snapshot, request.steps)
        held = self._cached
        if held is None or held[0][0] is not key[0] or held[0][1] != key[1]:
            noise = loaded.noise(STAGE_POINTS, STAGE_SEED)
            guide = loaded.guide(STAGE_POINTS, STAGE_SEED)
            made = CachedMap(loaded, noise, request.steps, LATTICE_RESOLUTION, guide)
            self._cached = held = (key, (made, made.error(noise, guide)))
        return held[1]

    def _load(self, snapshot: Snapshot) -> LoadedMap:
        from flowmap_studio.core.devices import usable_device
        from flowmap_studio.core.loaded_map import LoadedMap

        if self._loaded is None or self._loaded.snapshot is not snapshot:
            self._loaded = LoadedMap(snapshot, usable_device(snapshot.config.device))
        return self._loaded

    def _measure(self, request: MeasureRequest) -> Measurement:
        from flowmap_studio.core.metrics import spread_ratio
        from flowmap_studio.core.probes import fold_share

        loaded = self._load(request.snapshot)
        referee = self._referee_for(request.snapshot)
        cloud = referee.samples(loaded, 1)
        return Measurement(
            request,
            one_step=referee.one_figure(loaded, 1),
            composed=referee.one_figure(loaded, request.steps),
            floor=referee.floor,
            spread_ratio=spread_ratio(cloud, referee.data),
            folded=fold_share(loaded),
        )

    def _referee_for(self, snapshot: Snapshot) -> Referee:
        from flowmap_studio.core.metrics import Referee
        from flowmap_studio.core.targets import SHAPES, PointTarget

        key = (snapshot.config.target, snapshot.normalisation)
        if self._referee is None or self._referee[0] != key:
            target = SHAPES.get(snapshot.config.target)
            judged = target or PointTarget(snapshot.config.target, snapshot.data)
            self._referee = (key, Referee(judged, snapshot.normalisation, REFEREE_POINTS))
        return self._referee[1]

    def _preview(self, request: PreviewRequest) -> Snapshot:
        from flowmap_studio.core.run import Run
        from flowmap_studio.core.targets import open_for

        return Run(request.config, *open_for(request.config)).snapshot()


def _patient(request: Request | str) -> TypeGuard[FrameRequest | MeasureRequest]:
    return isinstance(request, FrameRequest | MeasureRequest) and request.patient
