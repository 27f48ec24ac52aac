"""Whose turn it is, by a clock of the test's own."""

from __future__ import annotations

from typing import Any

import pytest

from flowmap_studio.core.config import RunConfig
from flowmap_studio.runtime.frames import FrameRequest, MeasureRequest, PreviewRequest
from flowmap_studio.runtime.turns import (
    PATIENT_SECONDS,
    PATIENT_SHARES,
    Turns,
    is_by_hand,
    is_patient,
)


def frame(serial: int = 1, *, patient: bool = False) -> FrameRequest:
    nothing: Any = None
    return FrameRequest(
        serial, 0, nothing, 1.0, 8, None, composed_points=None, threads=1, patient=patient
    )


def measure(*, patient: bool = False) -> MeasureRequest:
    nothing: Any = None
    return MeasureRequest(0, nothing, 8, patient)


def test_only_the_newest_of_a_kind_waits() -> None:
    turns = Turns()
    for serial in (1, 2, 3):
        turns.put(frame(serial))
    taken = turns.take(0.0)
    assert isinstance(taken, FrameRequest)
    assert taken.serial == 3
    assert turns.take(0.0) is None
    assert not turns.any_wait()


def test_frames_come_before_previews_and_measurements_whatever_was_first() -> None:
    turns = Turns()
    for request in (measure(), PreviewRequest(1, RunConfig()), frame()):
        turns.put(request)
    kinds = [type(turns.take(0.0)) for _ in range(3)]
    assert kinds == [FrameRequest, PreviewRequest, MeasureRequest]


def test_what_a_hand_waits_for_comes_before_what_a_run_asks_for() -> None:
    turns = Turns()
    turns.put(frame(patient=True))
    turns.put(measure())
    assert turns.take(0.0) == measure()
    assert turns.take(0.0) == frame(patient=True)


@pytest.mark.parametrize("request_", [frame(patient=True), measure(patient=True)])
def test_a_patient_kind_rests_until_it_has_had_its_share(request_: Any) -> None:
    turns = Turns()
    turns.rest(request_, began=10.0, ended=10.5)
    turns.put(request_)
    rested = 10.0 + 0.5 / PATIENT_SHARES[type(request_)]
    assert turns.take(rested - 0.01) is None
    assert turns.until_next(rested - 0.01) == pytest.approx(0.01)
    assert turns.take(rested + 0.01) is request_


def test_a_quick_patient_kind_comes_no_more_often_than_the_eye_asks_for() -> None:
    turns = Turns()
    turns.rest(frame(patient=True), began=10.0, ended=10.001)
    turns.put(frame(patient=True))
    assert turns.take(10.0 + PATIENT_SECONDS - 0.01) is None
    assert turns.take(10.0 + PATIENT_SECONDS + 0.01) is not None


def test_the_rest_of_one_kind_is_the_turn_of_the_other() -> None:
    turns = Turns()
    turns.rest(frame(patient=True), began=0.0, ended=1.0)
    turns.put(frame(patient=True))
    turns.put(measure(patient=True))
    assert turns.take(1.0) == measure(patient=True)
    assert turns.take(1.0) is None


def test_a_hand_breaks_the_rest_and_goes_on_waiting_for_what_replaces_its_frame() -> None:
    turns = Turns()
    turns.rest(frame(patient=True), began=0.0, ended=1.0)
    assert not turns.hand_waits()
    turns.put(frame(1))
    assert turns.hand_waits()
    kept = turns.put(frame(2, patient=True))
    assert is_by_hand(kept)
    assert turns.take(1.0) == frame(2)


def test_what_is_not_patient_does_not_rest() -> None:
    turns = Turns()
    turns.rest(frame(), began=0.0, ended=100.0)
    turns.put(frame(patient=True))
    assert turns.take(100.0) is not None


def test_previews_are_never_patient() -> None:
    preview = PreviewRequest(1, RunConfig())
    assert not is_patient(preview)
    assert not is_by_hand(preview)
