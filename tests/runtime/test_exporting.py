"""Films in their thread: the stage's clouds, progress, an end at any time, one sentence a fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from flowmap_studio.core import film as core_film
from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.film_limits import Look, Timing
from flowmap_studio.core.presets import read_preset
from flowmap_studio.runtime.exporting import BUSY, FilmControl, FilmOrder, export_script
from flowmap_studio.runtime.exporting import stage_clouds as clouds_of
from flowmap_studio.runtime.frames import Rival, Sampling
from flowmap_studio.runtime.session import Session
from flowmap_studio.runtime.workers import join

LOOK = Look((96, 80))
LONG = Timing(50, 60.0)


@pytest.fixture
def control(qapp: object) -> Iterator[FilmControl]:
    made = FilmControl()
    yield made
    made.cancel()
    assert join(made.workers(), 10)


def done(qtbot: Any, control: FilmControl) -> None:
    qtbot.waitUntil(lambda: not control.running)


def test_a_film_is_rendered_with_progress(
    qtbot: Any, control: FilmControl, snapshot: Any, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    written: list[Path] = []
    control.progressed.connect(lambda *frames: told.append(frames))
    control.finished.connect(written.append)
    path = tmp_path / "flow.gif"
    control.start(FilmOrder(path, snapshot, 2, look=LOOK, timing=Timing(5, 1.2)))
    done(qtbot, control)
    assert written == [path]
    assert told == [(number, 6) for number in range(7)]
    with Image.open(path) as film:
        assert (film.size, film.n_frames) == ((96, 80), 6)


def test_its_points_are_those_of_the_stage(
    qtbot: Any, session: Session, snapshot: Any, preset_path: Path, train: Any
) -> None:
    session.open_preset(preset_path)
    velocity = train(snapshot.config.replace(method="flow-matching"))
    session.set_sampling(rival=Rival("baseline", velocity, 3, "heun"))
    session.set_time(0.6)
    qtbot.waitUntil(lambda: session.frame is not None and session.frame.request.t == 0.6)
    order = FilmOrder(Path(), session.snapshot, session.steps, session.sampling)
    scene = clouds_of(order).at(0.6)
    assert set(scene.clouds) == set(session.frame.clouds)
    for layer, points in session.frame.clouds.items():
        assert np.allclose(scene.clouds[layer], points, atol=1e-5), layer
    assert scene.names["composed"] == "baseline: Heun, 3 steps"


def test_it_is_cancelled_and_nothing_is_written(
    qtbot: Any, control: FilmControl, snapshot: Any, tmp_path: Path
) -> None:
    path, written, failed = tmp_path / "flow.mp4", [], []
    control.finished.connect(written.append)
    control.failed.connect(lambda *said: failed.append(said))
    with qtbot.waitSignal(control.progressed):
        control.start(FilmOrder(path, snapshot, 2, look=LOOK, timing=LONG))
    with pytest.raises(StudioError, match=BUSY):
        control.start(FilmOrder(path, snapshot, 2))
    control.cancel()
    done(qtbot, control)
    assert (written, failed, list(tmp_path.iterdir())) == ([], [], [])


def test_faults_are_one_sentence(
    qtbot: Any,
    control: FilmControl,
    snapshot: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[tuple[str, str]] = []
    control.failed.connect(lambda *words: said.append(words))

    def render(path: Path) -> tuple[str, str]:
        control.start(FilmOrder(path, snapshot, 2, look=LOOK, timing=Timing(2, 1.0)))
        done(qtbot, control)
        return said.pop()

    lost = render(tmp_path / "nowhere" / "flow.gif")
    assert lost == ("Could not write flow.gif: there is no such file or folder.", "")

    def film(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(core_film, "film", film)
    assert "memory" in render(tmp_path / "flow.gif")[0]
    monkeypatch.setattr(core_film, "film", lambda *_: 1 // 0)
    sentence, details = render(tmp_path / "flow.gif")
    assert "by zero" in sentence
    assert "Traceback" in details
    with pytest.raises(StudioError, match="even sizes"):
        control.start(FilmOrder(tmp_path / "a.mp4", snapshot, 2, look=Look((97, 80))))
    assert list(tmp_path.iterdir()) == []


def test_a_session_that_ends_takes_its_film_along(
    qtbot: Any, session: Session, preset_path: Path, tmp_path: Path
) -> None:
    with pytest.raises(StudioError, match="no map to export yet"):
        session.render_film(tmp_path / "flow.gif", LOOK, LONG)
    session.open_preset(preset_path)
    session.render_film(tmp_path / "flow.gif", LOOK, LONG)
    session.shutdown()
    assert join(session.films.workers(), 10)
    assert not (tmp_path / "flow.gif").exists()


def test_a_script_is_written_beside_a_copy_of_the_map(
    session: Session, preset_path: Path, tmp_path: Path, same: Any
) -> None:
    with pytest.raises(StudioError, match="no map to export yet"):
        export_script(session, tmp_path / "draw.py")
    session.open_preset(preset_path)
    session.unsaved = True
    (tmp_path / "draw.flowmap").write_bytes(b"of somebody else")
    made = export_script(session, tmp_path / "draw.py")
    assert made == tmp_path / "draw-2.flowmap"
    assert (tmp_path / "draw.flowmap").read_bytes() == b"of somebody else"
    assert same(read_preset(made).snapshot, session.snapshot)
    assert session.unsaved  # a copy for the script is no save
    text = (tmp_path / "draw.py").read_text(encoding="utf-8")
    assert "PRESET = 'draw-2.flowmap'\nOUT = 'draw-samples.npy'\n" in text
    assert f"STEPS = {session.steps}\n" in text


def test_what_does_not_go_with_a_map_is_left_out(snapshot: Any) -> None:
    order = FilmOrder(Path(), snapshot, 2, Sampling(label="moon 1", guidance=3.0, cached=True))
    assert set(clouds_of(order).at(1.0).clouds) == {"source", "data", "one_step", "composed"}
