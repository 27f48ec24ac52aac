"""The evaluator: newest request wins, answers are exact, failures are one sentence."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PySide6.QtCore import Qt, QThread

from flowmap_studio.core.cached_steps import CHECKED, CachedMap
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.drawing.layers import STAGE_POINTS, STAGE_SEED
from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.metrics import Referee, spread_ratio
from flowmap_studio.core.native.library import library
from flowmap_studio.core.presets import read_preset
from flowmap_studio.core.randomness import source_noise
from flowmap_studio.core.targets import SHAPES
from flowmap_studio.resources import asset
from flowmap_studio.runtime.evaluation import REFEREE_POINTS, Evaluator
from flowmap_studio.runtime.frames import (
    DRAG_POINTS,
    LATTICE_RESOLUTION,
    FrameRequest,
    MeasureRequest,
    PreviewRequest,
    Sampling,
)
from flowmap_studio.runtime.workers import join


class Answers:
    """An evaluator and all that it has said."""

    def __init__(self) -> None:
        self.evaluator = Evaluator()
        self.all: list[Any] = []
        self.evaluator.frame_ready.connect(self.all.append)
        self.evaluator.measured.connect(self.all.append)
        self.evaluator.previewed.connect(lambda *said: self.all.append(("previewed", *said)))
        self.evaluator.refused.connect(lambda *said: self.all.append(("refused", *said)))
        self.evaluator.failed.connect(lambda *said: self.all.append(("failed", *said)))


@pytest.fixture
def answers(qapp: object) -> Iterator[Answers]:
    made = Answers()
    yield made
    assert join([made.evaluator], 10)


def frame_request(snapshot: Any, serial: int = 1, **changes: Any) -> FrameRequest:
    usual = {"t": 1.0, "steps": 8, "threads": 1, "scene": 0}
    usual |= {"one_step_points": None, "composed_points": None}
    return FrameRequest(serial=serial, snapshot=snapshot, **usual | changes)


def ask(qtbot: Any, answers: Answers, *requests: Any) -> list[Any]:
    """The answers to requests asked one after the other."""
    answers.evaluator.begin()
    before = len(answers.all)
    for number, request in enumerate(requests, start=1):
        answers.evaluator.submit(request)
        wanted = before + number
        qtbot.waitUntil(lambda wanted=wanted: len(answers.all) >= wanted)
    return answers.all[before:]


def test_clouds_are_what_the_core_gives(qtbot: Any, answers: Answers, snapshot: Any) -> None:
    (frame,) = ask(qtbot, answers, frame_request(snapshot, t=0.7, steps=4))
    loaded, noise = LoadedMap(snapshot), source_noise(STAGE_POINTS, 2, STAGE_SEED)
    assert np.array_equal(frame.clouds["source"], loaded.source(STAGE_POINTS, STAGE_SEED))
    assert np.array_equal(frame.clouds["data"], snapshot.data)
    assert np.allclose(frame.clouds["one_step"], loaded.at(noise, 0.7, 1), atol=1e-6)
    assert np.allclose(frame.clouds["composed"], loaded.at(noise, 0.7, 4), atol=1e-6)
    assert frame.seconds > 0
    assert not any(cloud.flags.writeable for cloud in frame.clouds.values())
    with pytest.raises(TypeError):
        frame.clouds["data"] = 0


def test_the_same_noise_at_all_times(qtbot: Any, answers: Answers, snapshot: Any) -> None:
    requests = [frame_request(snapshot, serial, t=serial / 4) for serial in range(5)]
    frames = ask(qtbot, answers, *requests)
    for frame in frames:
        assert np.array_equal(frame.clouds["source"], frames[0].clouds["source"])
    assert np.array_equal(frames[0].clouds["one_step"], frames[0].clouds["source"])
    assert not np.array_equal(frames[4].clouds["one_step"], frames[4].clouds["source"])


def test_fewer_composed_points_while_the_slider_moves(
    qtbot: Any, answers: Answers, snapshot: Any
) -> None:
    full, light, one = ask(
        qtbot,
        answers,
        frame_request(snapshot),
        frame_request(snapshot, composed_points=DRAG_POINTS),
        frame_request(snapshot, composed_points=DRAG_POINTS, steps=1),
    )
    assert len(full.clouds["composed"]) == STAGE_POINTS
    assert len(light.clouds["composed"]) == DRAG_POINTS
    assert np.allclose(light.clouds["composed"], full.clouds["composed"][:DRAG_POINTS], atol=1e-3)
    assert len(light.clouds["one_step"]) == STAGE_POINTS
    assert one.clouds["composed"] is one.clouds["one_step"]


def test_only_frames_that_may_be_are_rounded(qtbot: Any, answers: Answers) -> None:
    snapshot = read_preset(asset("presets", "moons.flowmap")).snapshot
    cached = Sampling(cached=True)
    full, moving, looked_up, again = ask(
        qtbot,
        answers,
        frame_request(snapshot, t=0.8),
        frame_request(snapshot, t=0.8, rounded=True),
        frame_request(snapshot, t=0.8, rounded=True, sampling=cached),
        frame_request(snapshot, t=0.8),
    )
    exact = LoadedMap(snapshot)
    noise = exact.noise(STAGE_POINTS, STAGE_SEED)
    for frame in (full, again):
        assert np.allclose(frame.clouds["one_step"], exact.at(noise, 0.8, 1), atol=1e-6)
        assert np.allclose(frame.clouds["composed"], exact.at(noise, 0.8, 8), atol=1e-5)
    assert np.allclose(moving.clouds["one_step"], full.clouds["one_step"], atol=5e-3)
    same = np.array_equal(moving.clouds["one_step"], full.clouds["one_step"])
    assert same == (library() is None)
    lattice = CachedMap(exact, noise[:CHECKED], 8, LATTICE_RESOLUTION)  # is made exactly
    assert looked_up.cached_error == lattice.error(noise)


def test_a_large_cloud_gives_way_to_a_hand(qtbot: Any, answers: Answers, snapshot: Any) -> None:
    large = frame_request(snapshot, 1, sampling=Sampling(points=1_048_576))
    light = frame_request(snapshot, 2, t=0.5, one_step_points=100, composed_points=10)
    assert large.large
    assert not light.large
    ask(qtbot, answers, frame_request(snapshot, 0))  # the first one brings torch
    answers.evaluator.submit(large)
    qtbot.waitUntil(lambda: answers.evaluator._large)
    answers.evaluator.submit(light)
    answers.evaluator.submit(MeasureRequest(1, snapshot, 4))
    qtbot.waitUntil(lambda: len(answers.all) >= 3)
    _, frame, measured = answers.all
    assert frame.request is light
    assert [len(frame.clouds[name]) for name in ("one_step", "composed")] == [100, 10]
    assert measured.request.run == 1


def test_of_each_kind_the_newest_waits_and_frames_come_first(
    qtbot: Any, answers: Answers, snapshot: Any, small_config: RunConfig
) -> None:
    for serial in (1, 2, 3):
        answers.evaluator.submit(MeasureRequest(serial, snapshot, 4))
        answers.evaluator.submit(PreviewRequest(serial, small_config))
        answers.evaluator.submit(frame_request(snapshot, serial, t=serial / 10))
    answers.evaluator.begin()
    qtbot.waitUntil(lambda: len(answers.all) >= 3)
    frame, preview, measured = answers.all
    assert frame.request.serial == 3
    assert preview[0] == "previewed"
    assert preview[1].serial == 3
    assert measured.request.run == 3
    ask(qtbot, answers, frame_request(snapshot, 4))
    assert len(answers.all) == 4  # nothing older was still to come


def test_measurements_are_the_referees(qtbot: Any, answers: Answers, snapshot: Any) -> None:
    measured, again = ask(
        qtbot, answers, MeasureRequest(1, snapshot, 4), MeasureRequest(2, snapshot, 8)
    )
    referee = Referee(SHAPES["spiral"], snapshot.normalisation, REFEREE_POINTS)
    loaded = LoadedMap(snapshot)
    assert measured.one_step == pytest.approx(referee.one_figure(loaded, 1), rel=1e-4)
    assert measured.composed == pytest.approx(referee.one_figure(loaded, 4), rel=1e-4)
    assert measured.floor == pytest.approx(referee.floor)
    cloud = referee.samples(loaded, 1)
    assert measured.spread_ratio == pytest.approx(spread_ratio(cloud, referee.data), rel=1e-4)
    assert again.one_step == measured.one_step


def test_a_map_of_the_users_points_is_measured_against_those_it_carries(
    qtbot: Any, answers: Answers, csv: Path, small_config: RunConfig, train: Any
) -> None:
    own = train(small_config.replace(target=str(csv)))
    csv.unlink()
    (measured,) = ask(qtbot, answers, MeasureRequest(1, own, 2))
    assert 0 < measured.floor < measured.one_step < 10


def test_preview_is_the_untrained_map_of_the_target(
    qtbot: Any, answers: Answers, small_config: RunConfig
) -> None:
    ((kind, request, preview),) = ask(qtbot, answers, PreviewRequest(5, small_config))
    assert (kind, request.serial, preview.step) == ("previewed", 5, 0)
    assert preview.config == small_config
    assert preview.data.shape == (4096, 2)


def test_a_target_that_cannot_be_learned_is_refused_in_one_sentence(
    qtbot: Any, answers: Answers, small_config: RunConfig
) -> None:
    request = PreviewRequest(1, small_config.replace(target="gone.csv"))
    (refusal,) = ask(qtbot, answers, request)
    assert refusal == (
        "refused",
        request,
        "There is no file 'gone.csv'; check the path of the target.",
    )


def test_a_missing_device_is_not_the_targets_fault(
    qtbot: Any, answers: Answers, small_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    ((kind, sentence, details),) = ask(
        qtbot, answers, PreviewRequest(1, small_config.replace(device="cuda"))
    )
    assert (kind, details) == ("failed", "")
    assert "CUDA" in sentence


def test_maps_from_a_machine_with_another_device_are_shown_all_the_same(
    qtbot: Any, answers: Answers, snapshot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    foreign = replace(snapshot, config=snapshot.config.replace(device="cuda"))
    here, there = ask(qtbot, answers, frame_request(snapshot), frame_request(foreign))
    assert np.array_equal(there.clouds["one_step"], here.clouds["one_step"])


def test_a_failure_is_one_sentence_with_details_and_the_thread_lives_on(
    qtbot: Any, answers: Answers, snapshot: Any
) -> None:
    broken = replace(snapshot, weights={"nonsense": np.zeros(3, np.float32)})
    (kind, sentence, details), frame = ask(
        qtbot, answers, frame_request(broken, 1), frame_request(snapshot, 2)
    )
    assert kind == "failed"
    assert sentence.startswith("Could not evaluate the map: ")
    assert "Traceback" in details
    assert frame.request.serial == 2


def test_stop_ends_it_with_requests_waiting_or_not(qapp: object, snapshot: Any) -> None:
    for requests in ([], [frame_request(snapshot)]):
        evaluator = Evaluator()
        for request in requests:
            evaluator.submit(request)
        evaluator.request_stop()
        evaluator.begin()
        assert evaluator.wait(5000)
    idle = Evaluator()
    idle.begin()
    assert not idle.wait(1)
    idle.request_stop()
    assert idle.wait(5000)


def test_frames_are_shared_by_as_many_threads_as_they_may_have(
    qtbot: Any, answers: Answers, snapshot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    jump = FlowMap.jump
    both = threading.Barrier(2)

    def watched(self: FlowMap, *given: Any) -> torch.Tensor:
        seen.append((threading.get_ident(), torch.get_num_threads()))
        if len(seen) <= 2:
            both.wait(timeout=30)  # until another thread has begun a part too
        return jump(self, *given)

    monkeypatch.setattr(FlowMap, "jump", watched)
    torch.set_num_threads(3)
    (two,) = ask(qtbot, answers, frame_request(snapshot, threads=2))
    assert {threads for _, threads in seen} == {1}
    assert len({thread for thread, _ in seen}) == 2
    seen[:] = seen[:2]
    (one,) = ask(qtbot, answers, frame_request(snapshot, threads=1))
    assert len({thread for thread, _ in seen[2:]}) == 1
    for layer, cloud in two.clouds.items():
        assert np.array_equal(cloud, one.clouds[layer])
    torch.set_num_threads(1)


def test_what_training_needs_is_imported_once_nothing_is_asked_for(
    qtbot: Any, snapshot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowmap_studio.runtime import evaluation

    imported: list[str] = []
    monkeypatch.setattr(evaluation, "WARM_UP", ("one", "two"))
    monkeypatch.setattr(evaluation, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(evaluation.importlib, "import_module", imported.append)
    answers = Answers()
    ask(qtbot, answers, frame_request(snapshot))
    qtbot.waitUntil(lambda: imported == ["one", "two"])
    ask(qtbot, answers, frame_request(snapshot))
    assert join([answers.evaluator], 10)
    assert imported == ["one", "two"]
    assert len(answers.all) == 2


def test_patient_requests_rest_by_kind_and_a_hand_breaks_the_rest(
    qtbot: Any, answers: Answers, snapshot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    share_out(monkeypatch, 1e-6)  # rests for long
    ask(qtbot, answers, frame_request(snapshot, 1, patient=True))
    answers.evaluator.submit(frame_request(snapshot, 2, patient=True))
    answers.evaluator.submit(MeasureRequest(0, snapshot, 2, patient=True))
    qtbot.waitUntil(lambda: len(answers.all) == 2)
    assert measurements(answers) == [1]
    with answers.evaluator._changed:  # so that the first is still waiting when the second comes
        answers.evaluator.submit(frame_request(snapshot, 3, t=0.5))
        answers.evaluator.submit(frame_request(snapshot, 4, t=0.6, patient=True))
    qtbot.waitUntil(lambda: len(answers.all) == 3)
    # The hand's request was waiting when the patient one replaced it.
    assert answers.all[2].request.serial == 4
    answers.evaluator.submit(MeasureRequest(0, snapshot, 2, patient=True))
    answers.evaluator.submit(frame_request(snapshot, 5, patient=True))
    share_out(monkeypatch, 1.0)
    answers.evaluator.submit(frame_request(snapshot, 6, t=0.7))
    qtbot.waitUntil(lambda: len(answers.all) == 4)
    assert answers.all[3].request.serial == 6
    assert measurements(answers) == [1]  # the second still rests


def share_out(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    """Leave this share of the time to each patient kind."""
    shares = dict.fromkeys((FrameRequest, MeasureRequest), share)
    monkeypatch.setattr("flowmap_studio.runtime.turns.PATIENT_SHARES", shares)


def measurements(answers: Answers) -> list[int]:
    """Places of the measurements among the answers."""
    return [at for at, answer in enumerate(answers.all) if hasattr(answer, "floor")]


def test_a_measurement_gets_its_turn_however_many_frames_of_a_run_come(
    qtbot: Any, answers: Answers, snapshot: Any
) -> None:
    def another(_frame: Any) -> None:
        answers.evaluator.submit(frame_request(snapshot, len(answers.all) + 2, patient=True))

    answers.evaluator.frame_ready.connect(another, Qt.ConnectionType.DirectConnection)
    answers.evaluator.submit(frame_request(snapshot, 1, patient=True))
    answers.evaluator.submit(MeasureRequest(0, snapshot, 2, patient=True))
    answers.evaluator.begin()
    qtbot.waitUntil(lambda: any(hasattr(answer, "floor") for answer in answers.all))


def test_what_no_hand_waits_for_is_made_by_the_deputy(
    qtbot: Any, answers: Answers, snapshot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    answer = Evaluator._answer

    def watched(self: Evaluator, request: Any) -> None:
        made.append(type(QThread.currentThread()).__name__)
        answer(self, request)

    monkeypatch.setattr(Evaluator, "_answer", watched)
    hand = frame_request(snapshot, 1)
    by_hand, patient, measured = ask(
        qtbot,
        answers,
        hand,
        replace(hand, serial=2, patient=True),
        MeasureRequest(0, snapshot, 2, patient=True),
    )
    assert made == ["Evaluator", "Deputy", "Deputy"]
    assert np.allclose(by_hand.clouds["composed"], patient.clouds["composed"], atol=1e-6)
    assert measured.one_step > 0
