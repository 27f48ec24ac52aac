"""The evaluator thread: newest request wins, on its own copies of snapshots."""

from __future__ import annotations

import contextlib
import importlib
import threading
import time
import traceback
from collections.abc import Iterator
from functools import cache, partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal

from flowmap_studio.core.errors import DataError, StudioError, Unwanted, unforeseen
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.runtime.frames import (
    Frame,
    FrameRequest,
    Measurement,
    MeasureRequest,
    PreviewRequest,
)
from flowmap_studio.runtime.hand import Hand
from flowmap_studio.runtime.held_maps import HeldMaps, one_torch_thread
from flowmap_studio.runtime.plain_imports import plain_imports
from flowmap_studio.runtime.time_lattice import LatticeRequest, TimeLattice, same_but_time
from flowmap_studio.runtime.turns import Request, Turns, is_by_hand, is_patient
from flowmap_studio.runtime.workers import Deputy, Helper, Worker

if TYPE_CHECKING:  # torch comes with these: imported in the thread, behind the painted window
    from flowmap_studio.core.metrics import Referee
    from flowmap_studio.runtime.clouds import CachedSteps, Maps

REFEREE_POINTS = 2000
"""Points of the live quality figures: a compromise between noise (floor 0.03) and 30 ms."""

QUIET_SECONDS = 0.15
"""Without a request for so long the hand rests: the lattice of times grows, a part at a time."""
IDLE_SECONDS = 0.5
WARM_UP = (
    *("scipy.linalg", "scipy.stats", "networkx", "sympy", "torch._dynamo"),
    *("sklearn.utils", "sklearn.cluster", "ot", "torchdiffeq", "flowmap_studio.core.trainer"),
)
"""What training needs, and what that brings, is imported once nothing is asked for, one by one, so
that the first click on Train starts at once and neither scrubbing nor closing waits for long."""


class Evaluator(Worker):
    """Answers requests one at a time, in the order of `Turns`.

    Attributes:
        hand: Whether a hand waits for a frame: a run on the same cores may look at it.
    """

    frame_ready = Signal(object)  # Frame
    lattice_ready = Signal(object)  # TimeLattice
    measured = Signal(object)  # Measurement
    previewed = Signal(object, object)  # PreviewRequest, Snapshot
    refused = Signal(object, str)  # PreviewRequest, one sentence: its target can't be learned
    failed = Signal(str, str)  # one sentence, details

    def __init__(self) -> None:
        super().__init__()
        self.hand = Hand()
        self._changed = threading.Condition()
        self._turns = Turns()
        self._lattice: LatticeRequest | None = None  # that is wanted and not finished
        self._asked = 0.0
        self._stopped = False
        self._large = False  # what is evaluated
        self._cold = list(WARM_UP)
        self._cached: CachedSteps | None = None
        self._growing: tuple[LatticeRequest, Iterator[TimeLattice | None]] | None = None
        self._referee: tuple[object, Referee] | None = None
        self._helper, self._deputy = Helper(one_torch_thread), Deputy()
        self._maps = HeldMaps(self._unwanted, self._helper.share)

    def begin(self) -> None:
        """Start, with a helper for frames that have two cores, and a deputy for patient ones."""
        self._helper.begin()
        self._deputy.begin()
        super().begin()

    def submit(self, request: Request) -> None:
        """Ask for something; an older waiting request of the same kind is dropped."""
        with self._changed:
            request = self._turns.put(request)
            if is_by_hand(request):
                self.hand.asks()
            self._asked = time.monotonic()
            lattice = self._lattice
            if isinstance(request, FrameRequest) and lattice is not None:
                fits = same_but_time(lattice.frame.request, request) and not request.patient
                self._lattice = lattice if fits else None
            self._changed.notify()

    def grow(self, request: LatticeRequest) -> None:
        """Make a lattice of times while nothing else is asked for; the newest wish counts.

        It is forgotten when a frame of another kind is asked for.
        """
        with self._changed:
            self._lattice = request
            self._changed.notify()

    def request_stop(self) -> None:
        """End soon, in the midst of a request too; returns at once."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def run(self) -> None:  # noqa: D102 - QThread's
        try:
            self._serve()
        finally:
            for other in (self._helper, self._deputy):
                other.request_stop()
                other.wait()

    def _serve(self) -> None:
        while (request := self._next()) is not None:
            began = time.monotonic()
            try:
                if is_patient(request):
                    self._deputy.call(partial(self._answer, request))
                else:
                    self._answer(request)
            except Unwanted:
                if self._stopped:
                    return
            except StudioError as error:
                if isinstance(request, PreviewRequest) and isinstance(error, DataError):
                    self.refused.emit(request, str(error))
                else:
                    self.failed.emit(str(error), "")
            except BaseException as error:  # noqa: BLE001 - nothing may leave a thread's edge
                if self._stopped:  # given up half way: nobody waits for it any more
                    return
                sentence = unforeseen("Could not evaluate the map", error)
                self.failed.emit(sentence, traceback.format_exc())
            with self._changed:
                if is_by_hand(request) and not self._turns.hand_waits():
                    self.hand.is_served()
                if isinstance(request, Request):
                    self._turns.rest(request, began, time.monotonic())

    def _next(self) -> Request | LatticeRequest | str | None:
        """The next request, a module to import in the meantime, or None at the end."""
        with self._changed:
            while not self._stopped:
                now = time.monotonic()
                if (request := self._turns.take(now)) is not None:
                    return request
                if self._turns.any_wait():
                    self._changed.wait(self._turns.until_next(now))
                elif self._lattice is not None:
                    if now >= self._asked + QUIET_SECONDS:
                        return self._lattice
                    self._changed.wait(self._asked + QUIET_SECONDS - now)
                elif not (self._cold and self._maps.loaded):
                    self._changed.wait()
                elif not self._changed.wait(IDLE_SECONDS):
                    return self._cold.pop(0)
            return None

    def _answer(self, request: Request | LatticeRequest | str) -> None:
        _bring_torch()
        if isinstance(request, str):
            import_ahead(request)
        elif isinstance(request, LatticeRequest):
            self._grow(request)
        elif isinstance(request, FrameRequest):
            self._large = request.large
            try:
                self.frame_ready.emit(self._frame(request))
            finally:
                self._large = False
        elif isinstance(request, PreviewRequest):
            self.previewed.emit(request, self._preview(request))
        else:
            self.measured.emit(self._measure(request))

    def _frame(self, request: FrameRequest) -> Frame:
        from flowmap_studio.runtime.clouds import draw_frame

        return draw_frame(request, self._prepared(request))

    def _prepared(self, request: FrameRequest) -> Maps:
        """The maps that a request needs, and its cached steps."""
        from flowmap_studio.runtime.clouds import CachedSteps, Maps

        rival, panes = request.sampling.rival, request.sampling.panes
        rivals = [one.snapshot for one in (rival, *panes) if one is not None]
        beside = self._maps.load_beside(rivals)
        loaded = self._maps.load(request.snapshot)
        self._maps.use_threads(request.threads)
        if request.sampling.cached and not (self._cached and self._cached.serve(request, loaded)):
            self._cached = CachedSteps(request, loaded)
        self._maps.round_off(rounded=request.rounded)
        of_panes = tuple(beside[len(beside) - len(panes) :])
        return Maps(loaded, beside[0] if rival is not None else None, self._cached, of_panes)

    def _grow(self, request: LatticeRequest) -> None:
        """Do the next part of a lattice."""
        from flowmap_studio.runtime.clouds import grow_lattice

        lattice = None
        try:
            if self._growing is None or self._growing[0] is not request:
                prepared = self._prepared(request.frame.request)
                self._growing = request, grow_lattice(request.frame, prepared)
            self._maps.use_threads(1)  # the window has the other core for itself
            lattice = next(self._growing[1])
        except BaseException:
            self._forget(request)
            raise
        if lattice is not None:
            self._forget(request)
            self.lattice_ready.emit(lattice)

    def _forget(self, request: LatticeRequest) -> None:
        self._growing = None
        with self._changed:
            if self._lattice is request:
                self._lattice = None

    def _unwanted(self) -> bool:
        """Whether to give up what is evaluated; of large clouds some points are shown by now."""
        return self._stopped or (self._large and self._turns.frame_waits())

    def _measure(self, request: MeasureRequest) -> Measurement:
        from flowmap_studio.core.metrics import spread_ratio
        from flowmap_studio.core.probes import fold_share

        loaded = self._maps.load(request.snapshot)
        self._maps.use_threads(1 if request.patient else 2)
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
        from flowmap_studio.core.targets import quick_target

        key = (snapshot.config.target, snapshot.normalisation)
        if self._referee is None or self._referee[0] != key:
            judged = quick_target(snapshot)
            self._referee = (key, Referee(judged, snapshot.normalisation, REFEREE_POINTS))
        return self._referee[1]

    def _preview(self, request: PreviewRequest) -> Snapshot:
        from flowmap_studio.core.run import Run
        from flowmap_studio.core.targets import open_for

        return Run(request.config, *open_for(request.config)).snapshot()


def import_ahead(name: str) -> None:
    """Import a module of `WARM_UP`, if it is installed: POT does without some."""
    with contextlib.suppress(ModuleNotFoundError), plain_imports():
        importlib.import_module(name)


@cache
def _bring_torch() -> None:
    """Import torch and what makes clouds with it, the first time that anything is asked for."""
    with plain_imports():
        import flowmap_studio.runtime.clouds  # noqa: F401
