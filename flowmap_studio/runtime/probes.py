"""The prober: a thread for probes of the map on stage, so that its clouds never wait for them."""

from __future__ import annotations

import threading
import time
import traceback
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from flowmap_studio.core.errors import Unwanted, unforeseen
from flowmap_studio.core.probing.values import (
    SLOW,
    TRACE,
    ProbeAnswer,
    ProbeRequest,
    Trace,
)
from flowmap_studio.runtime.frames import Frame
from flowmap_studio.runtime.workers import Worker

if TYPE_CHECKING:  # torch comes with it
    from flowmap_studio.core.probing.work import Probes

PATIENT_SHARE = 0.2
"""Share of the time that patient requests may take while a run wants the cores."""
STALEST_SECONDS = 0.5
"""While requests come faster than slow probes are made, one of those is made this often."""


class Prober(Worker):
    """Answers one request after the other, probe by probe; only the newest request waits.

    The cheap probes of a newer request come before the slow ones of an older. What is probed of a
    map is given up, before its next evaluation, when one of another run comes to the stage.
    """

    answered = Signal(object)  # ProbeAnswer
    failed = Signal(str, str)  # one sentence, details

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()
        self._waiting: ProbeRequest | None = None
        self._stopped = False
        self._rested = 0.0
        self._served: dict[str, float] = {}
        self._probes: Probes | None = None
        self._answering: ProbeRequest | None = None

    def submit(self, request: ProbeRequest) -> None:
        """Ask for probes; an older waiting request is dropped."""
        with self._changed:
            self._waiting = request
            self._changed.notify()

    def request_stop(self) -> None:
        """End before the next evaluation of the map; returns at once."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def run(self) -> None:  # noqa: D102 - QThread's
        while (request := self._next()) is not None:
            began = time.monotonic()
            try:
                self._answer(request)
            except Unwanted:
                continue  # to the newer request, or to the end
            except BaseException as error:  # noqa: BLE001 - nothing may leave a thread's edge
                sentence = unforeseen("Could not probe the map", error)
                self.failed.emit(sentence, traceback.format_exc())
            if request.patient:
                ended = time.monotonic()
                self._rested = ended + (ended - began) * (1 / PATIENT_SHARE - 1)

    def _next(self) -> ProbeRequest | None:
        with self._changed:
            while not self._stopped:
                request, now = self._waiting, time.monotonic()
                if request is None:
                    self._changed.wait()
                elif request.patient and now < self._rested:
                    self._changed.wait(self._rested - now)
                else:
                    self._waiting = None
                    return request
            return None

    def _answer(self, request: ProbeRequest) -> None:
        import torch

        torch.set_num_threads(1)  # the clouds have the other cores
        self._answering = request
        probes = self._load(request)
        quick = [name for name in request.wanted if name not in SLOW]
        slow = [name for name in request.wanted if name in SLOW]
        slow.sort(key=lambda name: self._served.get(name, 0.0))
        for name in [*quick, *slow]:
            if name in SLOW and self._overtaken(name):
                return
            self.answered.emit(probes.answer(request, name))
            self._served[name] = time.monotonic()

    def _overtaken(self, name: str) -> bool:
        """Whether a newer request should be looked at before a slow probe is made."""
        with self._changed:
            fresh = time.monotonic() - self._served.get(name, 0.0) < STALEST_SECONDS
            return self._stopped or (self._waiting is not None and fresh)

    def _is_unwanted(self) -> bool:
        waiting, now = self._waiting, self._answering
        if self._stopped or waiting is None or now is None:
            return self._stopped
        return not now.is_of_run(waiting.snapshot)

    def _load(self, request: ProbeRequest) -> Probes:
        from flowmap_studio.core.loaded_map import LoadedMap
        from flowmap_studio.core.probing.work import Probes

        if self._probes is None or self._probes.loaded.snapshot is not request.snapshot:
            self._probes = Probes(LoadedMap(request.snapshot), self._is_unwanted)
        return self._probes


class ProbeControl(QObject):
    """What is probed of the map on stage (GUI thread).

    It follows the frames of a session: what is wanted is asked for again when the map, the time
    or the class is another. Nothing runs before something is wanted.

    Attributes:
        answers: The newest answer by name of the probe.
        trace: What is followed from noise to data.
    """

    answered = Signal(object)  # ProbeAnswer
    forgotten = Signal()  # all answers: a map of another run is on stage
    failed = Signal(str, str)  # one sentence, details

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.answers: dict[str, ProbeAnswer] = {}
        self.trace: Trace | None = None
        self._wanted: dict[str, None] = {}  # an ordered set
        self._frame: Frame | None = None
        self._serial = 0
        self._ended = False
        self._prober = Prober()
        self._prober.answered.connect(self._on_answered)
        self._prober.failed.connect(self.failed)

    def workers(self) -> list[Worker]:
        """The thread; nothing is begun any more."""
        self._ended = True
        return [self._prober]

    def want(self, name: str, wanted: bool = True) -> None:
        """Ask for a probe from now on, or no longer."""
        if wanted == (name in self._wanted):
            return
        if wanted:
            self._wanted[name] = None
            self._ask()
        else:
            del self._wanted[name]

    def follow(self, trace: Trace | None) -> None:
        """Trace points from noise to data, or nothing."""
        self.trace = trace
        self.answers.pop(TRACE, None)
        self.want(TRACE, False)
        if trace is not None:
            self.want(TRACE)

    def is_fresh(self, name: str) -> bool:
        """Whether a probe's answer is of what is on stage."""
        answer = self.answers.get(name)
        if answer is None or self._frame is None:
            return False
        return answer.request.serves(name, self._request(self._frame, ()))

    @Slot(object)
    def show_frame(self, frame: Frame) -> None:
        """Probe the map of this frame at its time."""
        former, self._frame = self._frame, frame
        if former is not None and former.request.snapshot.data is not frame.request.snapshot.data:
            self.answers.clear()
            self.forgotten.emit()
        self._ask()

    def _ask(self) -> None:
        if self._frame is None or self._ended:
            return
        missing = tuple(name for name in self._wanted if not self.is_fresh(name))
        if not missing:
            return
        if not self._prober.isRunning():
            self._prober.begin()
        self._serial += 1
        self._prober.submit(self._request(self._frame, missing))

    def _request(self, frame: Frame, names: tuple[str, ...]) -> ProbeRequest:
        asked = frame.request
        sampling = asked.sampling.fitted(asked.snapshot)
        return ProbeRequest(
            serial=self._serial,
            snapshot=asked.snapshot,
            t=asked.t,
            label=sampling.label,
            guidance=sampling.guidance,
            wanted=names,
            trace=self.trace,
            patient=asked.patient,
        )

    @Slot(object)
    def _on_answered(self, answer: ProbeAnswer) -> None:
        if answer.name not in self._wanted or self._frame is None:
            return
        if not answer.request.is_of_run(self._frame.request.snapshot):
            return
        if answer.name == TRACE and answer.request.trace is not self.trace:
            return
        known = self.answers.get(answer.name)
        if known is None or known.request.serial <= answer.request.serial:
            self.answers[answer.name] = answer
            self.answered.emit(answer)
