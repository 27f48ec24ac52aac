"""The prober: answers of the map on stage, the newest request first, sentences for what is not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from flowmap_studio.core.draws import Draws
from flowmap_studio.core.errors import Unwanted
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.presets import read_preset
from flowmap_studio.core.probes import (
    area_change,
    log_density,
    source_lattice,
    source_log_density,
)
from flowmap_studio.core.probing.values import LAYER_PROBES, READINGS, ProbeRequest
from flowmap_studio.core.probing.work import AREA_NODES, GAP_NODES, REACH, Probes
from flowmap_studio.resources import asset
from flowmap_studio.runtime.probes import Prober
from flowmap_studio.runtime.session import Session
from flowmap_studio.runtime.workers import join

READING = "data_likelihood"


@pytest.fixture
def request_of(snapshot: Any) -> ProbeRequest:
    return ProbeRequest(1, snapshot, 0.6, None, 1.0, ())


@pytest.fixture
def probes(snapshot: Any) -> Probes:
    return Probes(LoadedMap(snapshot))


@pytest.fixture
def prober(qapp: object) -> Iterator[Prober]:
    made = Prober()
    yield made
    assert join([made], 10)


def test_the_area_is_the_jacobians_at_the_noise(probes: Probes, request_of: Any) -> None:
    heat = probes.answer(request_of, "area").value
    lattice = source_lattice(probes.loaded, AREA_NODES, REACH)
    row, column = 10, 40
    there = area_change(probes.loaded, lattice[row, column][None], 0.0, 0.6)
    assert heat.values[row, column] == pytest.approx(np.log2(abs(there.determinant[0])))
    assert heat.folded[row, column] == there.folded[0]
    # Each node is the middle of its pixel.
    size = (heat.high - heat.low) / AREA_NODES
    np.testing.assert_allclose(
        heat.low + (np.array([column, row]) + 0.5) * size, lattice[row, column]
    )


def test_the_log_likelihood_is_that_of_the_inverse(probes: Probes, request_of: Any) -> None:
    heat = probes.answer(request_of, "likelihood").value
    rows, columns = np.nonzero(heat.values > np.nanmax(heat.values) - 1)
    size = (heat.high - heat.low) / heat.values.shape[0]
    chosen = slice(None, None, max(1, len(rows) // 20))
    places = heat.low + (np.stack([columns, rows], axis=1)[chosen] + 0.5) * size
    exact = log_density(probes.loaded, places, 0.6)
    drawn = heat.values[rows[chosen], columns[chosen]]
    known = np.isfinite(exact.nats)
    assert known.sum() > 5
    assert np.median(np.abs(drawn - exact.nats)[known]) < 0.1  # a pixel shows its mean


def test_the_density_has_the_mass_of_the_noise(probes: Probes, request_of: Any) -> None:
    heat = probes.answer(request_of, "likelihood").value
    pixel = np.prod((heat.high - heat.low) / heat.values.shape[0])
    inside = 0.9973**2  # of a normal source, within three standard deviations along each axis
    assert np.nansum(np.exp(heat.values)) * pixel == pytest.approx(inside, abs=2e-3)


def test_the_density_is_that_of_the_samples(probes: Probes, request_of: Any) -> None:
    heat = probes.answer(replace(request_of, t=0.0), "density").value
    size = (heat.high - heat.low) / heat.values.shape[0]
    assert heat.values.sum() * np.prod(size) == pytest.approx(1, abs=0.02)  # but for the tails
    rows, columns = np.nonzero(heat.values > heat.top / 2)
    places = heat.low + (np.stack([columns, rows], axis=1) + 0.5) * size
    exact = np.exp(source_log_density(probes.loaded, places))
    off = heat.values[rows, columns] / exact - 1
    assert abs(off.mean()) < 0.03
    assert off.std() < 0.25  # some 30 of 16,384 points lie within the reach of the smoothing


def test_the_semigroup_residual_is_two_jumps_against_one(probes: Probes, request_of: Any) -> None:
    heat = probes.answer(request_of, "semigroup").value
    row, column = 20, 70
    place = source_lattice(probes.loaded, GAP_NODES, REACH)[row, column][None]
    units = probes.loaded.snapshot.normalisation
    noise = torch.from_numpy(units.apply(place.astype(np.float32)))
    one = probes.loaded.normalised(noise, [0.0, 0.6])
    two = probes.loaded.normalised(noise, [0.0, 0.3, 0.6])
    spread = np.sqrt(units.apply(probes.loaded.snapshot.data).var(axis=0, ddof=1).mean())
    assert heat.values[row, column] == pytest.approx(float((two - one).norm()) / spread, rel=1e-3)
    at_once = probes.answer(replace(request_of, t=0.0), "semigroup").value
    assert not at_once.values.any()


def test_a_likelihood_that_is_not_there_is_told(snapshot: Any, request_of: ProbeRequest) -> None:
    digits = read_preset(asset("presets", "digits-flow-matching.flowmap")).snapshot
    answer = Probes(LoadedMap(digits)).answer(replace(request_of, snapshot=digits), READING)
    assert (answer.value, answer.sentence[:30]) == (None, "Of a velocity of images it tak")
    labels = np.zeros(len(snapshot.data), np.uint8)
    classes = replace(snapshot, labels=labels, classes=("a", "b"))
    asked = replace(request_of, snapshot=classes, label="b")
    probes = Probes(LoadedMap(snapshot))
    probes.loaded.draws = Draws(classes)
    assert probes.answer(asked, READING).sentence == "The map holds no data of that class."


@pytest.mark.parametrize("name", ["data_likelihood", "energy", "area", "residual", "trajectories"])
def test_no_evaluation_begins_after_the_end_was_asked_for(
    snapshot: Any, request_of: ProbeRequest, name: str
) -> None:
    looks = 0

    def stopped() -> bool:
        nonlocal looks
        looks += 1
        return looks > 3

    with pytest.raises(Unwanted):
        Probes(LoadedMap(snapshot), stopped).answer(request_of, name)
    assert looks == 4


def test_requests_that_time_does_not_change(request_of: ProbeRequest) -> None:
    later = replace(request_of, t=0.7)
    served = {name for name in (*LAYER_PROBES, *READINGS) if request_of.serves(name, later)}
    assert served == {"trajectories", *READINGS}
    assert not request_of.serves("folds", replace(request_of, label="a"))


def test_the_newest_request_wins(qtbot: Any, prober: Prober, request_of: ProbeRequest) -> None:
    said: list[Any] = []
    prober.answered.connect(said.append)
    for serial in range(1, 20):
        asked = replace(request_of, serial=serial, t=serial / 20, wanted=("grid",))
        prober.submit(asked)
    prober.begin()
    qtbot.waitUntil(lambda: bool(said))
    assert [answer.request.serial for answer in said] == [19]


def test_a_map_that_left_the_stage_is_probed_no_further(
    qtbot: Any, prober: Prober, request_of: ProbeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, real, said = threading.Event(), Probes.answer, []

    def answer(self: Probes, request: ProbeRequest, name: str) -> Any:
        while request.serial == 1:  # until the map refuses
            began.set()
            self.loaded.at(torch.zeros(4, 2), 0.5, 1)
        return real(self, request, name)

    monkeypatch.setattr(Probes, "answer", answer)
    prober.answered.connect(said.append)
    prober.begin()
    prober.submit(replace(request_of, wanted=("folds",)))
    assert began.wait(20)
    other = replace(request_of.snapshot, data=request_of.snapshot.data.copy())
    prober.submit(replace(request_of, serial=2, snapshot=other, wanted=("grid",)))
    qtbot.waitUntil(lambda: bool(said))
    assert [(answer.request.serial, answer.name) for answer in said] == [(2, "grid")]


def test_a_run_keeps_its_answers_until_newer_ones_come(qtbot: Any, session: Session) -> None:
    forgotten: list[int] = []
    session.probes.forgotten.connect(lambda: forgotten.append(session.snapshot.step))
    session.start()
    qtbot.waitUntil(
        lambda: session.snapshot is not None and session.snapshot.step > 20, timeout=60_000
    )
    qtbot.waitUntil(lambda: session.frame.request.snapshot.step > 20)
    forgotten.clear()
    step = session.snapshot.step
    qtbot.waitUntil(lambda: session.frame.request.snapshot.step > step)
    session.stop()
    assert not forgotten


def test_nothing_runs_before_it_is_wanted(qtbot: Any, session: Session, preset_path: Any) -> None:
    session.open_preset(preset_path)
    qtbot.waitUntil(lambda: session.frame is not None)
    probes = session.probes
    assert not probes._prober.isRunning()
    probes.want("trajectories")
    qtbot.waitUntil(lambda: probes.is_fresh("trajectories"))
    kept = probes.answers["trajectories"]
    session.set_time(0.25)
    qtbot.waitUntil(lambda: session.frame.request.t == 0.25)
    assert probes.answers["trajectories"] is kept
    assert probes.is_fresh("trajectories")
