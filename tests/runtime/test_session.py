"""The session: every action in every state, and one truth whatever the order of news."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.drawing.layers import STAGE_POINTS, STAGE_SEED
from flowmap_studio.core.errors import PresetError
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.native.library import library
from flowmap_studio.core.packing import pack
from flowmap_studio.core.presets import read_preset, write_preset
from flowmap_studio.core.run import Run
from flowmap_studio.core.targets import open_target
from flowmap_studio.resources import asset
from flowmap_studio.runtime import hand, pace
from flowmap_studio.runtime.beginnings import embedded_data
from flowmap_studio.runtime.frames import DRAG_POINTS, Frame, Measurement
from flowmap_studio.runtime.on_stage import SETTLED_MS
from flowmap_studio.runtime.session import Session, State
from flowmap_studio.runtime.training import Outcome


@pytest.fixture
def heard(session: Session) -> dict[str, list[Any]]:
    """What the session has said, by signal."""
    said: dict[str, list[Any]] = {}
    for name in ("failed", "message", "state_changed", "config_changed", "advised", "view_reset"):
        got = said[name] = []
        getattr(session, name).connect(lambda *what, got=got: got.append(what))
    return said


def wait_state(qtbot: Any, session: Session, state: State) -> None:
    qtbot.waitUntil(lambda: session.state is state)


def into(qtbot: Any, session: Session, state: State, endless: RunConfig) -> None:
    """Bring a session into a state as a user would."""
    if state is State.FAILED:
        session.set_config(endless.replace(device="cuda"))
        session.start()
        wait_state(qtbot, session, state)
        session.set_config(endless)
        return
    session.set_config(endless)
    if state is State.IDLE:
        return
    session.start()
    qtbot.waitUntil(lambda: len(session.losses) > 0)
    if state is State.PAUSED:
        session.pause()
    elif state is State.STOPPING:
        session.stop()
    assert session.state is state


@pytest.fixture(autouse=True)
def _no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


# The state machine

RUN, PAUSE, IDLE, FAIL = State.RUNNING, State.PAUSED, State.IDLE, State.FAILED
SETTLED = {
    # action: where it leads from IDLE, RUNNING, PAUSED, STOPPING, FAILED
    "start": (RUN, RUN, PAUSE, IDLE, RUN),
    "toggle": (RUN, PAUSE, RUN, IDLE, RUN),
    "pause": (IDLE, PAUSE, PAUSE, IDLE, FAIL),
    "resume": (IDLE, RUN, RUN, IDLE, FAIL),
    "stop": (IDLE, IDLE, IDLE, IDLE, FAIL),
    "reset": (IDLE, IDLE, IDLE, IDLE, IDLE),
    "restart": (RUN, RUN, RUN, RUN, RUN),
    "open": (IDLE, IDLE, IDLE, IDLE, IDLE),
    "save": (IDLE, RUN, PAUSE, IDLE, FAIL),
}
STATES = (State.IDLE, State.RUNNING, State.PAUSED, State.STOPPING, State.FAILED)
CASES = [
    (state, action, after)
    for action, results in SETTLED.items()
    for state, after in zip(STATES, results, strict=True)
]


@pytest.mark.parametrize(("state", "action", "after"), CASES)
def test_every_action_in_every_state(
    qtbot: Any,
    session: Session,
    endless: RunConfig,
    preset_path: Path,
    tmp_path: Path,
    state: State,
    action: str,
    after: State,
) -> None:
    session.open_preset(preset_path)
    endless = endless.replace(coupling="independent")
    into(qtbot, session, state, endless)
    actions = {
        "restart": lambda: session.restart_with(endless.replace(seed=1)),
        "open": lambda: session.open_preset(preset_path),
        "save": lambda: session.save_preset(tmp_path / "saved.flowmap"),
    }
    actions.get(action, getattr(session, action, None))()
    settled = state is not State.STOPPING and action not in ("stop", "reset", "restart")
    if settled:
        assert session.state is after  # without any wait
    qtbot.waitUntil(
        lambda: session.state is after and not (after is State.IDLE and session._control.busy)
    )
    session.shutdown()
    assert not session._control.workers()


def test_a_run_that_reaches_its_end_is_idle_and_can_be_followed_by_another(
    qtbot: Any, session: Session, small_config: RunConfig, train: Any, same: Any
) -> None:
    for seed in (0, 1):
        config = small_config.replace(seed=seed)
        session.set_config(config)
        with qtbot.waitSignal(session._control.ended):
            session.start()
        assert session.state is State.IDLE
        assert len(session.losses) == config.steps
        assert session.snapshot is not None
        assert session.snapshot.config == config
        assert same(session.snapshot, train(config))
        assert session.unsaved


def test_twenty_cycles_of_start_pause_resume_stop(
    qtbot: Any, session: Session, endless: RunConfig
) -> None:
    session.set_config(endless)
    for cycle in range(20):
        session.start()
        for action in (session.pause, session.resume)[: cycle % 3]:
            action()
        session.stop()
        wait_state(qtbot, session, State.IDLE)
        assert not session._control.workers()


def test_the_newest_intent_wins_while_a_run_is_ending(
    qtbot: Any, session: Session, endless: RunConfig
) -> None:
    into(qtbot, session, State.RUNNING, endless)
    session.reset()
    session.restart_with(endless.replace(seed=5))
    qtbot.waitUntil(lambda: session.state is State.RUNNING)
    assert session.config.seed == 5
    session.restart_with(endless.replace(seed=6))
    session.reset()
    qtbot.waitUntil(lambda: session.state is State.IDLE)
    assert session.config.seed == 5
    assert len(session.losses) == 0


def test_what_was_to_follow_a_stop_does_not_follow_a_preset_that_was_opened(
    qtbot: Any, session: Session, endless: RunConfig, preset_path: Path, snapshot: Any
) -> None:
    into(qtbot, session, State.RUNNING, endless)
    session.restart_with(endless.replace(seed=5))
    session.open_preset(preset_path)
    session.start()
    qtbot.waitUntil(lambda: len(session.losses) > 0)
    session.stop()
    wait_state(qtbot, session, State.IDLE)
    qtbot.waitUntil(lambda: not session._control.busy)
    assert session.state is State.IDLE
    assert session.config == snapshot.config


def test_news_of_a_run_that_was_given_up_is_dropped(
    qtbot: Any, session: Session, endless: RunConfig, preset_path: Path, snapshot: Any
) -> None:
    into(qtbot, session, State.RUNNING, endless)
    thread = session._control._thread
    assert thread is not None
    session.open_preset(preset_path)
    assert thread.wait(10_000)
    qtbot.waitUntil(lambda: _shows(session, snapshot))
    assert len(session.losses) == 0
    assert session.snapshots.steps == [snapshot.step]
    assert session.state is State.IDLE


def _shows(session: Session, snapshot: Any) -> bool:
    """Whether the newest clouds are of a map with these weights."""
    if session.frame is None:
        return False
    shown = session.frame.request.snapshot
    return all(np.array_equal(shown.weights[k], v) for k, v in snapshot.weights.items())


# What is lost and what is not


def test_a_start_that_fails_leaves_the_map_and_its_history(
    qtbot: Any, session: Session, heard: Any, small_config: RunConfig, tmp_path: Path
) -> None:
    session.set_config(small_config)
    with qtbot.waitSignal(session._control.ended):
        session.start()
    qtbot.waitUntil(lambda: bool(session.quality.steps))
    before = (session.snapshot, session.losses, session.snapshots.steps)
    session.set_config(small_config.replace(device="cuda"))
    session.start()
    wait_state(qtbot, session, State.FAILED)
    ((sentence, details),) = heard["failed"]
    assert "CUDA" in sentence
    assert details == ""
    assert (session.snapshot, session.losses, session.snapshots.steps) == before
    assert session.unsaved
    session.save_preset(tmp_path / "kept.flowmap")
    assert read_preset(tmp_path / "kept.flowmap").snapshot.step == small_config.steps


def test_a_file_that_is_no_preset_leaves_everything_as_it_was(
    qtbot: Any, session: Session, endless: RunConfig, tmp_path: Path
) -> None:
    into(qtbot, session, State.RUNNING, endless)
    bad = tmp_path / "picture.flowmap"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    for path in (bad, tmp_path / "gone.flowmap", tmp_path):
        with pytest.raises(PresetError, match="Your current map is unchanged"):
            session.open_preset(path)
    assert session.state is State.RUNNING
    assert session.config == endless
    known = len(session.losses)
    qtbot.waitUntil(lambda: len(session.losses) > known)


def test_saving_while_training_saves_what_is_shown(
    qtbot: Any, session: Session, endless: RunConfig, tmp_path: Path, same: Any
) -> None:
    into(qtbot, session, State.RUNNING, endless)
    qtbot.waitUntil(lambda: session.snapshot is not None and session.snapshot.step > 0)
    shown, path = session.snapshot, tmp_path / "live.flowmap"
    with qtbot.waitSignal(session.preset_saved):
        session.save_preset(path)
    assert session.state is State.RUNNING
    saved = read_preset(path).snapshot
    assert shown is not None
    assert saved.step == shown.step
    assert same(saved, shown)


def test_a_saved_map_opens_as_it_was(
    qtbot: Any, session: Session, small_config: RunConfig, tmp_path: Path
) -> None:
    session.set_config(small_config)
    with qtbot.waitSignal(session._control.ended):
        session.start()
    qtbot.waitUntil(lambda: session.quality.metrics_at(small_config.steps) != {})
    figures = session.quality.metrics_at(small_config.steps)
    qtbot.waitUntil(lambda: session.frame.request.snapshot is session.snapshot)
    before, path = session.frame.clouds, tmp_path / "mine.flowmap"
    session.save_preset(path, title="Mine")
    assert not session.unsaved
    assert read_preset(path).title == "Mine"
    session.reset()
    qtbot.waitUntil(lambda: session.snapshot.step == 0)
    session.open_preset(path)
    qtbot.waitUntil(lambda: session.frame.request.snapshot is session.snapshot)
    for layer, cloud in session.frame.clouds.items():
        assert np.array_equal(cloud, before[layer])
    assert session.quality.metrics_at(small_config.steps) == figures


def test_without_a_map_there_is_nothing_to_save(session: Session, tmp_path: Path) -> None:
    with pytest.raises(PresetError, match="press Train or open a preset"):
        session.save_preset(tmp_path / "nothing.flowmap")
    assert not list(tmp_path.iterdir())


# Scrubbing


def test_scrubbing_does_not_change_what_is_learned(
    qtbot: Any,
    session: Session,
    small_config: RunConfig,
    train: Any,
    same: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hand, "LONGEST_WAIT", 0.02)  # this hand never rests
    config = small_config.replace(steps=300)
    session.set_config(config)
    frames: list[Any] = []

    def scrub(frame: Any) -> None:
        frames.append(frame)
        session.set_time(len(frames) % 11 / 10)
        session.set_steps(1 + len(frames) % 4)
        session.set_moving(len(frames) % 2 == 0)
        if len(session.snapshots) > 1:
            session.show_history(0)

    session.frame_changed.connect(scrub)
    with qtbot.waitSignal(session._control.ended):
        session.start()
        session.set_time(0.5)
    assert len(frames) > 3
    newest = session.snapshots[len(session.snapshots) - 1]
    assert newest.step == config.steps
    assert same(newest, train(config))


def test_time_is_kept_between_its_ends(session: Session) -> None:
    for asked, kept in ((0.25, 0.25), (-3, 0.0), (7, 1.0)):
        session.set_time(asked)
        assert session.t == kept


def test_the_newest_time_is_shown_in_the_end(
    qtbot: Any, session: Session, preset_path: Path
) -> None:
    session.open_preset(preset_path)
    for place in range(50):
        session.set_time(place / 100)
        session.set_steps(1 + place % 3)
    qtbot.waitUntil(lambda: session.frame is not None and session.frame.request.t == 0.49)
    assert session.frame.request.steps == session.steps


def test_frames_are_light_in_motion_and_full_at_rest(
    qtbot: Any, session: Session, preset_path: Path
) -> None:
    session.open_preset(preset_path)
    session.set_moving(True)
    session.set_time(0.3)
    qtbot.waitUntil(lambda: session.frame is not None and session.frame.request.t == 0.3)
    assert not session.frame.request.full
    session.set_moving(False)
    qtbot.waitUntil(lambda: session.frame.request.full)
    assert session.frame.request.t == 0.3


def test_all_points_come_rounded_and_then_exactly(qtbot: Any, session: Session) -> None:
    if library() is None:
        pytest.skip("needs the compiled library")
    frames: list[Frame] = []
    session.frame_changed.connect(frames.append)
    session.looks_up = False
    session.open_preset(asset("presets", "moons.flowmap"))
    session.set_time(0.6)
    qtbot.waitUntil(lambda: bool(frames) and frames[-1].request.t == 0.6)
    for t in (0.7, 0.8):  # before it rests: no exact clouds are made in between
        session.set_time(t)
        qtbot.waitUntil(lambda t=t: frames[-1].request.t == t)
    assert all(frame.rounded and frame.request.full for frame in frames)
    qtbot.waitUntil(lambda: not frames[-1].rounded)
    rounded, exact = frames[-2:]
    assert rounded.request.t == exact.request.t == 0.8
    loaded = LoadedMap(session.snapshot)
    noise = loaded.noise(STAGE_POINTS, STAGE_SEED)
    for layer, jumps in (("one_step", 1), ("composed", 8)):
        wanted = loaded.at(noise, 0.8, jumps)
        assert np.allclose(exact.clouds[layer], wanted, atol=1e-5)
        beside = np.abs(rounded.clouds[layer] - wanted)
        assert 1e-5 < beside.max() < 5e-3
    count = len(frames)
    qtbot.wait(3 * SETTLED_MS)
    assert len(frames) == count  # it is settled


COMPILED: dict[str, Any] = {"hidden_dim": 32, "time_embed_dim": 32, "position_features": 16}
"""A network that the compiled library knows."""


@pytest.mark.parametrize(
    ("solver", "expected"), [("euler", [True, False]), ("rk4", [False])], ids=["euler", "rk4"]
)
def test_a_solvers_clouds_are_exact_at_once(
    qtbot: Any, session: Session, tmp_path: Path, solver: str, expected: list[bool]
) -> None:
    if library() is None:
        pytest.skip("needs the compiled library")
    config = RunConfig(method="flow-matching", device="cpu", **COMPILED)
    path = tmp_path / "velocity.flowmap"
    write_preset(path, pack(Run(config, open_target("moons")).snapshot(), "Velocity", {}))
    frames: list[Frame] = []
    session.looks_up = False
    session.set_sampling(solver=solver)
    session.open_preset(path)
    session.frame_changed.connect(frames.append)
    qtbot.waitUntil(lambda: bool(frames) and not frames[-1].rounded)
    count = len(frames)
    session.set_time(0.4)
    qtbot.waitUntil(lambda: len(frames) > count)
    qtbot.wait(3 * SETTLED_MS)
    shown = frames[count:]
    assert {frame.request.sampling.solver for frame in shown} == {solver}
    assert [frame.rounded for frame in shown] == expected


def test_new_maps_of_a_run_are_shown_exactly_and_a_hand_gets_them_rounded(
    qtbot: Any, session: Session, endless: RunConfig
) -> None:
    if library() is None:
        pytest.skip("needs the compiled library")
    frames: list[Frame] = []
    session.set_config(endless.replace(**COMPILED))
    session.start()
    qtbot.waitUntil(lambda: len(session.losses) > 0)
    session.frame_changed.connect(frames.append)
    qtbot.waitUntil(lambda: sum(frame.request.patient for frame in frames) > 3)
    assert not any(frame.rounded for frame in frames if frame.request.patient)
    session.set_moving(True)
    session.set_time(0.35)
    qtbot.waitUntil(lambda: frames[-1].request.t == 0.35)
    assert frames[-1].rounded
    session.set_moving(False)
    session.show_history(0)
    session.pause()
    qtbot.waitUntil(lambda: frames[-1].request.full and not frames[-1].rounded)
    assert frames[-1].request.snapshot is session.snapshots[0]


def test_what_cannot_be_rounded_is_made_once(
    qtbot: Any, session: Session, preset_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowmap_studio.core.native.library.library", lambda: None)
    frames: list[Frame] = []
    session.frame_changed.connect(frames.append)
    session.looks_up = False
    session.open_preset(preset_path)
    qtbot.waitUntil(lambda: bool(frames))
    qtbot.wait(3 * SETTLED_MS)
    assert [frame.rounded for frame in frames] == [False]


def test_a_stale_frame_is_dropped(
    qtbot: Any, session: Session, preset_path: Path, snapshot: Any
) -> None:
    session.open_preset(preset_path)
    qtbot.waitUntil(lambda: session.frame is not None)
    old = session.frame
    session.set_time(0.2)
    qtbot.waitUntil(lambda: session.frame.request.t == 0.2)
    newer = session.frame
    session._on_frame(old)
    assert session.frame is newer
    session.open_preset(preset_path)
    late = replace(newer, request=replace(newer.request, serial=10**9))
    session._on_frame(late)  # of the map that was on stage before
    assert session.frame is newer


def test_a_map_in_training_is_shown_even_where_evaluation_is_slower_than_snapshots(
    qtbot: Any, session: Session, endless: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = LoadedMap.at

    def slow(self: LoadedMap, *arguments: Any) -> Any:
        known = session.snapshot
        while session.snapshot is known and not session._evaluator._stopped:
            torch.zeros(1)  # until there are newer weights
        return at(self, *arguments)

    session.set_config(endless)
    session.start()
    qtbot.waitUntil(lambda: session.snapshot is not None and session.snapshot.step > 0)
    monkeypatch.setattr(LoadedMap, "at", slow)
    steps: set[int] = set()
    session.frame_changed.connect(lambda frame: steps.add(frame.request.snapshot.step))
    qtbot.waitUntil(lambda: len(steps) > 2)


# History


def test_the_history_is_scrubbed_and_followed_again(
    qtbot: Any, session: Session, endless: RunConfig
) -> None:
    session.set_config(endless)
    session.start()
    qtbot.waitUntil(lambda: len(session.snapshots) > 2)
    session.show_history(0)
    assert not session.live
    qtbot.waitUntil(lambda: session.frame.request.snapshot.step == 0)
    kept = len(session.snapshots)
    qtbot.waitUntil(lambda: len(session.snapshots) > kept)
    assert session.snapshot.step == 0  # stays although the run goes on
    session.show_history(99)  # no such place
    assert session.snapshot.step == 0
    session.show_live()
    assert session.live
    newest = session.snapshot.step
    assert newest > 0
    qtbot.waitUntil(lambda: session.snapshot.step > newest)


# Targets


def test_a_new_target_is_shown_before_it_is_learned(
    qtbot: Any, session: Session, heard: Any, preset_path: Path
) -> None:
    session.open_preset(preset_path)
    session.set_config(session.config.replace(target="rings"))
    qtbot.waitUntil(lambda: session.snapshot.config.target == "rings")
    assert session.snapshot.step == 0
    qtbot.waitUntil(lambda: session.frame.request.snapshot is session.snapshot)
    assert np.array_equal(session.frame.clouds["data"], session.snapshot.data)
    assert len(heard["view_reset"]) == 2


def test_another_setting_in_the_meantime_does_not_lose_the_preview(
    qtbot: Any, session: Session, preset_path: Path
) -> None:
    session.open_preset(preset_path)
    session.set_config(session.config.replace(target="rings"))
    session.set_config(session.config.replace(hidden_dim=16))
    qtbot.waitUntil(lambda: session.snapshot.config.target == "rings")


def test_the_map_on_stage_comes_back_where_its_target_is_chosen_again_in_time(
    qtbot: Any, session: Session, preset_path: Path, snapshot: Any
) -> None:
    session.open_preset(preset_path)
    shown = session.snapshot
    session.set_config(session.config.replace(target="rings"))
    session.set_config(session.config.replace(target="spiral"))
    with qtbot.waitSignal(session._evaluator.previewed):
        pass
    assert session.snapshot is shown


def test_an_unsaved_map_stays_on_stage_when_a_target_is_chosen(
    qtbot: Any, session: Session, small_config: RunConfig
) -> None:
    session.set_config(small_config)
    with qtbot.waitSignal(session._control.ended):
        session.start()
    trained = session.snapshot
    with qtbot.waitSignal(session._evaluator.previewed):
        session.set_config(small_config.replace(target="rings"))
    assert session.snapshot is trained
    assert session.config.target == "rings"


BAD_FILES = {
    "gone.csv": None,
    "empty.csv": b"",
    "one_column.csv": b"1\n2\n3\n",
    "hole.csv": b"1,2\n3,nan\n",
    "picture.png": b"no picture",
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_target_that_cannot_be_learned_is_not_taken(
    qtbot: Any, session: Session, heard: Any, preset_path: Path, tmp_path: Path, name: str
) -> None:
    session.open_preset(preset_path)
    content, path = BAD_FILES[name], tmp_path / name
    if content is not None:
        path.write_bytes(content)
    before = (session.config, session.snapshot)
    with qtbot.waitSignal(session.target_refused):
        session.set_config(session.config.replace(target=str(path)))
    qtbot.waitUntil(lambda: (session.config, session.snapshot) == before)
    ((sentence, details),) = heard["failed"]
    assert name in sentence
    assert details == ""
    assert session.state is State.IDLE


def test_a_users_points_that_are_gone_are_replaced_by_those_of_the_map(
    qtbot: Any, session: Session, heard: Any, csv: Path, small_config: RunConfig
) -> None:
    session.set_config(small_config.replace(target=str(csv)))
    qtbot.waitUntil(lambda: session.snapshot is not None)
    csv.unlink()
    with qtbot.waitSignal(session._control.ended) as ended:
        session.start()
    assert ended.args[0].error is None
    assert heard["message"] == [
        (
            "info",
            "mine.csv is not at hand; training on the 500 of its points that came with the map.",
        )
    ]


def test_a_preset_lends_its_points_to_no_other_target(
    qtbot: Any, session: Session, heard: Any, csv: Path, small_config: RunConfig
) -> None:
    session.set_config(small_config.replace(target=str(csv)))
    qtbot.waitUntil(lambda: session.snapshot is not None)
    assert embedded_data(session.snapshot, session.config) is session.snapshot
    session.set_config(small_config.replace(target=str(csv.with_name("other.csv"))))
    assert embedded_data(session.snapshot, session.config) is None
    session.start()  # before the refusal has come
    wait_state(qtbot, session, State.FAILED)
    assert "other.csv" in heard["failed"][-1][0]


def test_a_preset_from_a_machine_with_another_device_is_shown_and_its_training_refused(
    qtbot: Any, session: Session, heard: Any, endless: RunConfig, snapshot: Any, tmp_path: Path
) -> None:
    from flowmap_studio.core.packing import pack
    from flowmap_studio.core.presets import write_preset

    foreign = replace(snapshot, config=snapshot.config.replace(device="cuda"))
    write_preset(tmp_path / "foreign.flowmap", pack(foreign, "Foreign", {}))
    session.open_preset(tmp_path / "foreign.flowmap")
    qtbot.waitUntil(lambda: session.frame is not None)
    assert heard["failed"] == []
    session.start()
    wait_state(qtbot, session, State.FAILED)
    assert heard["failed"][0][0].endswith("choose auto or cpu.")
    session.set_config(session.config.replace(device="auto"))
    session.start()
    qtbot.waitUntil(lambda: len(session.losses) > 0)


# Errors of threads


def test_an_error_of_the_evaluator_reaches_the_user_and_training_goes_on(
    qtbot: Any,
    session: Session,
    heard: Any,
    endless: RunConfig,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    into(qtbot, session, State.RUNNING, endless)
    with monkeypatch.context() as patch:
        patch.setattr(LoadedMap, "at", lambda *_: 1 / 0)
        qtbot.waitUntil(lambda: bool(heard["failed"]))
    sentence, details = heard["failed"][0]
    assert sentence == "Could not evaluate the map: division by zero"
    assert "ZeroDivisionError" in details
    known = len(session.losses)
    qtbot.waitUntil(lambda: len(session.losses) > known)


def test_mean_collapse_is_told_once_a_run(
    qtbot: Any, session: Session, heard: Any, small_config: RunConfig
) -> None:
    session.set_config(
        small_config.replace(
            method="article", coupling="independent", steps=600, learning_rate=0.01, hidden_dim=32
        )
    )
    with qtbot.waitSignal(session._control.ended):
        session.start()
    qtbot.waitUntil(lambda: bool(heard["advised"]))
    ((advice,),) = heard["advised"]
    assert advice.change == {"coupling": "ot"}
    session.set_steps(4)
    qtbot.waitUntil(lambda: session.quality.jumps[-1] == 4)
    assert len(heard["advised"]) == 1


def test_under_training_is_told_at_the_end_and_folds_are_measured(
    qtbot: Any, session: Session, heard: Any, small_config: RunConfig
) -> None:
    session.set_config(small_config)
    with qtbot.waitSignal(session._control.ended):
        session.start()
        assert not heard["advised"]
    qtbot.waitUntil(lambda: bool(heard["advised"]))
    ((advice,),) = heard["advised"]
    assert advice.kind == "under-training"
    assert advice.change == {"steps": 1000}
    assert "after 60 steps" in advice.sentence
    measured = session.quality
    assert f"{measured.one_step[-1]:.3g} against {measured.floor:.3g}" in advice.sentence
    assert 0 <= measured.metrics_at(60)["folded_share"] <= 1


@pytest.mark.parametrize("busy", ["a held slider", "an older map"])
def test_the_end_is_measured_once_nothing_stands_before_it(
    qtbot: Any, session: Session, heard: Any, small_config: RunConfig, busy: str
) -> None:
    session.set_config(small_config)
    session.set_moving(busy == "a held slider")

    def look_back() -> None:
        if len(session.snapshots) > 1 and session.live:
            session.show_history(0)

    if busy == "an older map":
        session.snapshots_changed.connect(look_back)
    with qtbot.waitSignal(session._control.ended):
        session.start()
    qtbot.wait(100)
    assert session.live == (busy == "a held slider")
    assert 60 not in session.quality.steps
    if busy == "a held slider":
        session.set_moving(False)
    else:
        session.snapshots_changed.disconnect(look_back)
        session.show_live()
    qtbot.waitUntil(lambda: session.quality.steps[-1:] == [60])
    qtbot.waitUntil(lambda: bool(heard["advised"]))
    assert [advice.kind for (advice,) in heard["advised"]] == ["under-training"]


def test_a_figure_of_the_beginning_that_comes_late_is_none_of_the_end(
    qtbot: Any, session: Session, heard: Any, small_config: RunConfig
) -> None:
    late: list[Measurement] = []
    session._evaluator.measured.disconnect(session._on_measured)
    session._evaluator.measured.connect(late.append)
    session.set_config(small_config)
    with qtbot.waitSignal(session._control.ended):
        session.start()
    qtbot.waitUntil(lambda: late[-1:] != [] and late[-1].request.snapshot.step == 60)
    beginning = replace(late[-1].request, snapshot=session.snapshots[0])
    session._on_measured(replace(late[-1], request=beginning))
    assert session.quality.steps == [0]
    assert not heard["advised"]
    session._on_measured(late[-1])
    assert [advice.kind for (advice,) in heard["advised"]] == ["under-training"]


def test_measurements_of_a_run_that_was_forgotten_are_dropped(
    qtbot: Any, session: Session, small_config: RunConfig
) -> None:
    session.set_config(small_config)
    with qtbot.waitSignal(session._evaluator.measured):
        session.start()
        qtbot.waitUntil(lambda: bool(session.quality.steps))
    wait_state(qtbot, session, State.IDLE)
    session.set_steps(3)  # asks for a measurement
    session.reset()
    qtbot.waitUntil(lambda: session.snapshot.step == 0)
    session.set_steps(2)
    qtbot.waitUntil(lambda: bool(session.quality.steps))
    assert session.quality.steps == [0]
    assert session.quality.jumps == [2]


# The end


def test_shutdown_ends_all_threads_in_any_state(
    qtbot: Any, endless: RunConfig, qapp: object
) -> None:
    for state in STATES:
        session = Session()
        session.begin()
        into(qtbot, session, state, endless)
        evaluator = session._evaluator
        session.shutdown()
        assert not session._control.workers()
        assert evaluator.isFinished()
        session.shutdown()  # twice is once
        session.start()
        session.begin()
        session.set_time(0.5)
        assert not session._control.busy
        assert evaluator.isFinished()


def test_shutdown_before_anything_was_asked_or_begun(qapp: object) -> None:
    Session().shutdown()
    begun = Session()
    begun.begin()
    begun.shutdown()
    assert begun._evaluator.isFinished()


def test_an_outcome_of_another_run_changes_nothing(
    qtbot: Any, session: Session, endless: RunConfig
) -> None:
    into(qtbot, session, State.RUNNING, endless)
    session._control._on_ended(Outcome(run=-1, error="late"))
    session._control._on_device(-1, "Abacus")
    assert session.state is State.RUNNING


def test_where_frames_are_slow_a_moving_slider_shows_fewer_points_and_a_resting_one_all(
    qtbot: Any, session: Session, preset_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "SLOW_SECONDS", 0.0)
    monkeypatch.setattr(pace, "FAST_SECONDS", 0.0)
    session.looks_up = False
    session.open_preset(preset_path)
    session.set_moving(True)
    seen: list[tuple[int, int]] = []
    for place in range(12):
        session.set_time(place / 20)
        qtbot.waitUntil(
            lambda t=place / 20: session.frame is not None and session.frame.request.t == t
        )
        clouds = session.frame.clouds
        seen.append((len(clouds["one_step"]), len(clouds["composed"])))
    assert seen[0] == (STAGE_POINTS, DRAG_POINTS)
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == (STAGE_POINTS * pace.LEAST_SHARE, DRAG_POINTS * pace.LEAST_SHARE)
    session.set_moving(False)
    qtbot.waitUntil(lambda: session.frame.request.full)
    assert len(session.frame.clouds["composed"]) == STAGE_POINTS
