"""A hand goes before a run on the CPU: not for ever, and not for frames that nobody waits for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from flowmap_studio.core.config import RunConfig
from flowmap_studio.runtime import hand as hands
from flowmap_studio.runtime.evaluation import Evaluator
from flowmap_studio.runtime.frames import FrameRequest
from flowmap_studio.runtime.hand import (
    LINGER_SECONDS,
    LONGEST_FRAME,
    LONGEST_WAIT,
    TURN_SECONDS,
    Hand,
)
from flowmap_studio.runtime.mailbox import Mailbox
from flowmap_studio.runtime.training import TrainingThread
from flowmap_studio.runtime.workers import join


class Clock:
    """Stands in for `time`; waiting moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(hands, "time", made)
    return made


def test_a_hand_that_was_served_lingers(clock: Clock) -> None:
    hand = Hand()
    assert not hand.waits
    hand.asks()
    clock.now += LONGEST_FRAME / 2
    assert hand.waits
    hand.is_served()
    assert hand.waits
    clock.now += LINGER_SECONDS
    assert not hand.waits


def test_a_frame_that_never_comes_holds_nothing_up(clock: Clock) -> None:
    hand = Hand()
    hand.asks()
    began = clock.now
    while hand.waits:
        hand.let_go_first(clock.wait)
        clock.now += 0.001  # a step
    assert clock.now - began == pytest.approx(LONGEST_FRAME, abs=0.01)


def test_a_hand_that_never_rests_leaves_the_run_its_turns(clock: Clock) -> None:
    hand = Hand()

    def dragging(seconds: float) -> bool:
        hand.asks()
        return clock.wait(seconds)

    hand.asks()
    steps, step = 0, 0.001
    began = clock.now
    while clock.now - began < 10 * (LONGEST_WAIT + TURN_SECONDS):
        hand.let_go_first(dragging)
        clock.now += step
        steps += 1
    assert steps * step == pytest.approx(10 * TURN_SECONDS, rel=0.1)


def test_the_end_is_not_waited_for(clock: Clock) -> None:
    hand = Hand()
    hand.asks()
    began = clock.now
    hand.let_go_first(lambda _seconds: True)
    assert clock.now == began


@pytest.fixture
def evaluator(qapp: object) -> Iterator[Evaluator]:
    made = Evaluator()
    yield made
    assert join([made], 10)


def test_only_frames_that_a_hand_waits_for_count(
    qtbot: Any, evaluator: Evaluator, snapshot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hands, "LONGEST_FRAME", 60.0)
    request = FrameRequest(
        1, 1, snapshot, 0.5, 2, one_step_points=None, composed_points=1024, threads=1, patient=True
    )
    evaluator.submit(request)
    assert not evaluator.hand.waits
    evaluator.submit(replace(request, patient=False))
    assert evaluator.hand.waits
    with qtbot.waitSignal(evaluator.frame_ready):
        evaluator.begin()
    qtbot.waitUntil(lambda: not evaluator.hand.waits, timeout=10_000)


def train_under(hand: Hand, qtbot: Any) -> None:
    """Forty steps."""
    config = RunConfig(steps=40, batch_size=8, hidden_dim=8, depth=1, ot_batch=8, device="cpu")
    thread = TrainingThread(1, config, Mailbox(), hand=hand)
    with qtbot.waitSignal(thread.ended) as ended:
        thread.begin()
    assert ended.args[0].error is None
    assert join([thread], 10)


def test_a_run_looks_at_the_hand_between_its_steps(qtbot: Any) -> None:
    class Watched(Hand):
        looks = 0

        def let_go_first(self, pause: Any) -> None:
            self.looks += 1
            assert not pause(0)

    hand = Watched()
    train_under(hand, qtbot)
    assert 2 <= hand.looks < 40


def test_under_a_hand_it_looks_after_each_step(qtbot: Any) -> None:
    class Held(Hand):
        looks = 0

        def let_go_first(self, pause: Any) -> None:
            self.asks()
            self.looks += 1

    hand = Held()
    hand.asks()
    train_under(hand, qtbot)
    assert hand.looks == 40
