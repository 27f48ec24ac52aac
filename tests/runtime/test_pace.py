"""A moving slider shows as many points as are evaluated in time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flowmap_studio.runtime.frames import Frame, FrameRequest
from flowmap_studio.runtime.pace import FAST_SECONDS, LEAST_SHARE, SLOW_SECONDS, Pace


@pytest.fixture
def light(snapshot: Any) -> Frame:
    """A frame of a moving slider."""
    request = FrameRequest(1, 1, snapshot, 0.5, 8, 4096, 1024, threads=2)
    return Frame(request, {}, seconds=SLOW_SECONDS + 0.01)


def taking(frame: Frame, seconds: float, **changes: Any) -> Frame:
    return replace(frame, seconds=seconds, request=replace(frame.request, **changes))


def test_slow_frames_get_half_the_points_until_they_are_quick(light: Frame) -> None:
    pace = Pace()
    assert pace.of(1024) == 1024
    pace.learn(light)
    assert pace.of(1024) == 1024  # one may be another program's fault
    pace.learn(light)
    assert pace.of(1024) == 512
    for _ in range(20):
        pace.learn(light)
    assert pace.of(1024) == 1024 * LEAST_SHARE
    for _ in range(20):
        pace.learn(taking(light, (SLOW_SECONDS + FAST_SECONDS) / 2))  # neither slow nor quick
    assert pace.of(1024) == 1024 * LEAST_SHARE
    pace.learn(taking(light, FAST_SECONDS / 2))
    assert pace.of(1024) == 1024 * LEAST_SHARE * 2
    for _ in range(20):
        pace.learn(taking(light, FAST_SECONDS / 2))
    assert pace.of(1024) == 1024


def test_twice_the_points_of_a_quick_frame_are_not_slow() -> None:
    """Or the points would come and go."""
    assert 2 * FAST_SECONDS < SLOW_SECONDS


def test_slow_frames_that_no_moving_hand_waits_for_say_nothing(light: Frame) -> None:
    pace = Pace()
    for _ in range(5):
        pace.learn(taking(light, 1.0, composed_points=None))
        pace.learn(taking(light, 1.0, patient=True))
        pace.learn(light)
        pace.learn(taking(light, FAST_SECONDS * 1.5))  # and two in a row are needed
    assert pace.share == 1.0
