"""Whose turn it is at the evaluator: newest request wins, and patient kinds rest."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias, TypeGuard

from flowmap_studio.runtime.frames import FrameRequest, MeasureRequest, PreviewRequest

PATIENT_SHARES = {FrameRequest: 0.1, MeasureRequest: 0.05}
"""Shares of the time that patient requests of a kind may take while a run wants the cores. After
one the kind rests; a request that a hand waits for breaks the rest. In turn, beside a run on two
cores whose memory and clock it shares, a playing window left it 0.89 of the steps that it makes
alone with these, and 0.81 with twice as much."""
PATIENT_SECONDS = 0.05
"""From one patient request of a kind to the next, at least: a run slows down with each frame that
is drawn, and the eye is content with twenty a second where a GPU could make hundreds."""

Request: TypeAlias = FrameRequest | MeasureRequest | PreviewRequest


class Turns:
    """The requests that wait, of each kind the newest. Not for two threads at once.

    Frames come first, except that patient kinds take turns and rest by themselves: frames of a run
    would leave no room for its measurements otherwise, and long measurements none for frames.
    Times are those of `time.monotonic`.
    """

    def __init__(self) -> None:
        self._waiting: dict[type, Request] = {}
        self._rested: dict[type, float] = {}  # when the next patient one of a kind may come

    def put(self, request: Request) -> Request:
        """Let a request wait instead of an older one of its kind; returns it as it waits.

        Where a hand waited for the older one, it waits for this one.
        """
        older = self._waiting.get(type(request))
        if older is not None and is_patient(request) and not is_patient(older):
            request = replace(request, patient=False)
        # In the place of the older one: the order is that of the turns of patient kinds.
        self._waiting[type(request)] = request
        return request

    def take(self, now: float) -> Request | None:
        """The request whose turn it is, which waits no longer; None where none has one."""
        kind = self._turn(now)
        return None if kind is None else self._waiting.pop(kind)

    def any_wait(self) -> bool:
        """Whether any request waits."""
        return bool(self._waiting)

    def frame_waits(self) -> bool:
        """Whether any frame waits."""
        return FrameRequest in self._waiting

    def hand_waits(self) -> bool:
        """Whether a frame waits that somebody's hand waits for."""
        return is_by_hand(self._waiting.get(FrameRequest))

    def until_next(self, now: float) -> float:
        """Seconds until the first of those that wait has rested; any must wait."""
        return min(self._rested.get(kind, 0.0) for kind in self._waiting) - now

    def rest(self, request: Request, began: float, ended: float) -> None:
        """Let the kind of a request that was answered in that time rest, if it was patient."""
        if is_patient(request):
            spent = (ended - began) / PATIENT_SHARES[type(request)]
            self._rested[type(request)] = began + max(spent, PATIENT_SECONDS)

    def _turn(self, now: float) -> type | None:
        for kind in (FrameRequest, PreviewRequest, MeasureRequest):
            request = self._waiting.get(kind)
            if request is not None and not is_patient(request):
                return kind
        return next((kind for kind in self._waiting if now >= self._rested.get(kind, 0.0)), None)


def is_by_hand(request: object) -> bool:
    """Whether it is a frame that somebody's hand waits for."""
    return isinstance(request, FrameRequest) and not request.patient


def is_patient(request: object) -> TypeGuard[FrameRequest | MeasureRequest]:
    """Whether it leaves the cores to a run."""
    return isinstance(request, FrameRequest | MeasureRequest) and request.patient
