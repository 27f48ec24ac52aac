"""Scrubbing looks clouds up; a slider at rest shows what the map itself says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from flowmap_studio.core.drawing.layers import STAGE_POINTS, STAGE_SEED
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.runtime import evaluation
from flowmap_studio.runtime.frames import Frame, FrameRequest, Rival, Sampling
from flowmap_studio.runtime.session import Session
from flowmap_studio.runtime.time_lattice import (
    INTERVALS,
    LatticeRequest,
    TimeLattice,
    lattice_fits,
)

MOVING = ("one_step", "composed")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "QUIET_SECONDS", 0.0)


@pytest.fixture
def asked(session: Session, monkeypatch: pytest.MonkeyPatch) -> list[FrameRequest]:
    """Frames that the evaluator is asked for from now on."""
    got: list[FrameRequest] = []
    submit = session._evaluator.submit

    def recorded(request: Any) -> None:
        if isinstance(request, FrameRequest):
            got.append(request)
        submit(request)

    monkeypatch.setattr(session._evaluator, "submit", recorded)
    return got


def show(qtbot: Any, session: Session, snapshot: Any) -> TimeLattice:
    """Bring a map to the stage and wait for its lattice."""
    session.show_snapshot(snapshot)
    return lattice_of(qtbot, session)


def lattice_of(qtbot: Any, session: Session) -> TimeLattice:
    """The lattice of what is on stage."""

    def there() -> bool:
        made = session._lattice
        if made is None:
            return False
        asked = made.frame.request
        here = asked.snapshot is session.snapshot
        return here and (asked.steps, asked.sampling) == (session.steps, session.sampling)

    qtbot.waitUntil(there)
    return session._lattice


def exact(snapshot: Any, t: float, steps: int) -> np.ndarray:
    loaded = LoadedMap(snapshot)
    return loaded.at(loaded.noise(STAGE_POINTS, STAGE_SEED), t, steps)


def test_moving_slider_is_looked_up_at_once_and_resting_is_exact(
    qtbot: Any, session: Session, snapshot: Any, asked: list[FrameRequest]
) -> None:
    show(qtbot, session, snapshot)
    session.set_moving(True)
    asked.clear()
    for t in (0.0, 0.123, 0.5, 0.777, 1.0):
        session.set_time(t)
        frame = session.frame  # without any wait
        assert frame.request.t == t
        for layer, steps in (("one_step", 1), ("composed", 8)):
            assert frame.clouds[layer].shape == (STAGE_POINTS, 2)
            assert np.allclose(frame.clouds[layer], exact(snapshot, t, steps), atol=1e-3)
            assert not frame.clouds[layer].flags.writeable
    assert not asked
    session.set_time(0.123)
    looked_up = session.frame
    session.set_moving(False)
    assert len(asked) == 1
    assert session.frame.request is asked[0]
    assert len(looked_up.clouds["composed"]) == STAGE_POINTS
    loaded = LoadedMap(snapshot)
    noise = loaded.noise(STAGE_POINTS, STAGE_SEED)

    def shows_the_map_itself() -> bool:
        return np.allclose(session.frame.clouds["composed"], loaded.at(noise, 0.123, 8), atol=1e-6)

    qtbot.waitUntil(shows_the_map_itself)


def test_of_many_times_the_newest_is_shown_at_last(
    qtbot: Any, session: Session, snapshot: Any
) -> None:
    show(qtbot, session, snapshot)
    shown: list[Frame] = []
    session.frame_changed.connect(shown.append)
    times = np.linspace(0, 0.9, 50)
    for t in times:
        session.set_time(t)
    assert [frame.request.t for frame in shown] == list(times)
    truth = exact(snapshot, 0.9, 8)
    qtbot.waitUntil(lambda: np.allclose(session.frame.clouds["composed"], truth, atol=1e-6))
    serials = [frame.request.serial for frame in shown]
    assert serials == sorted(serials)


def test_nodes_are_the_maps_own_and_clouds_at_rest_are_kept(
    qtbot: Any, session: Session, snapshot: Any
) -> None:
    lattice = show(qtbot, session, snapshot)
    request = lattice.frame.request
    for place in (0, 1, INTERVALS // 2, INTERVALS - 1, INTERVALS):
        t = place / INTERVALS
        frame = lattice.at(replace(request, t=t))
        assert np.allclose(frame.clouds["composed"], exact(snapshot, t, 8), atol=1e-6)
        assert frame.clouds["source"] is lattice.frame.clouds["source"]
        assert frame.clouds["data"] is lattice.frame.clouds["data"]


def test_other_steps_another_rival_and_another_map_need_another_lattice(
    qtbot: Any, session: Session, snapshot: Any, train: Any, small_config: Any
) -> None:
    first = show(qtbot, session, snapshot)
    session.set_steps(3)
    second = lattice_of(qtbot, session)
    assert second is not first
    session.set_time(0.3)
    assert np.allclose(session.frame.clouds["composed"], exact(snapshot, 0.3, 3), atol=1e-3)
    rival = train(small_config.replace(target="spiral", seed=1))
    session.set_sampling(rival=Rival("other", rival, 2))
    third = lattice_of(qtbot, session)
    assert third is not second
    session.set_time(0.6)
    assert np.allclose(session.frame.clouds["composed"], exact(rival, 0.6, 2), atol=1e-3)
    assert np.allclose(session.frame.clouds["one_step"], exact(snapshot, 0.6, 1), atol=1e-3)
    session.show_snapshot(rival)
    assert lattice_of(qtbot, session).frame.request.snapshot is rival


def test_a_lattice_of_cached_steps_keeps_their_error(
    qtbot: Any, session: Session, snapshot: Any
) -> None:
    session.set_sampling(cached=True)
    show(qtbot, session, snapshot)
    session.set_time(0.3)
    assert session.frame.cached_error is not None
    assert session.frame.request.sampling == Sampling(cached=True)
    assert np.allclose(session.frame.clouds["composed"], exact(snapshot, 0.3, 8), atol=1e-2)


def test_a_frame_of_another_kind_ends_the_growth(
    qtbot: Any, session: Session, snapshot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "QUIET_SECONDS", 1000.0)
    session.show_snapshot(snapshot)
    evaluator = session._evaluator
    qtbot.waitUntil(lambda: evaluator._lattice is not None)
    session.set_time(0.5)  # the same lattice serves it
    assert evaluator._lattice is not None
    session.set_moving(True)
    session.set_steps(4)
    assert evaluator._lattice is None


def test_a_lattice_that_fails_is_told_once_and_frames_go_on(
    qtbot: Any, session: Session, snapshot: Any
) -> None:
    failures: list[str] = []
    session.failed.connect(lambda sentence, _details: failures.append(sentence))
    show(qtbot, session, snapshot)
    broken = replace(snapshot, weights={"nonsense": np.zeros(3, np.float32)})
    frame = session.frame
    session._evaluator.grow(
        LatticeRequest(replace(frame, request=replace(frame.request, snapshot=broken)))
    )
    qtbot.waitUntil(lambda: len(failures) == 1)
    session.set_steps(5)
    qtbot.waitUntil(lambda: session.frame.request.steps == 5)
    assert len(failures) == 1


def test_maps_of_many_axes_have_no_lattice(qtbot: Any, session: Session, snapshot: Any) -> None:
    frame = show(qtbot, session, snapshot).frame
    wide = np.zeros((STAGE_POINTS, 128), np.float32)
    assert lattice_fits(frame)
    assert not lattice_fits(replace(frame, clouds=dict.fromkeys(MOVING, wide)))
