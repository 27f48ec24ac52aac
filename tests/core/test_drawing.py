"""Pictures of the stage without a window: places, inks, legends and films against exact answers."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.drawing.films import gif_delays
from flowmap_studio.core.drawing.layers import LAYERS, STAGE_POINTS, STAGE_SEED
from flowmap_studio.core.drawing.marker_look import marker_look
from flowmap_studio.core.drawing.raster import Painter
from flowmap_studio.core.drawing.scene import Layout, Scene, fitted_view, lay_out
from flowmap_studio.core.drawing.vector import as_svg
from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.film import film
from flowmap_studio.core.film_limits import Look, Timing, check_film
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.palettes import DARK, LIGHT, PALETTES, rgb
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.stage_clouds import Beside, StageClouds, Way

VIEW = (np.array([-2.0, -1.0]), np.array([2.0, 3.0]))


def plot_of(picture: np.ndarray, at: Layout) -> np.ndarray:
    return picture[at.top : at.bottom, at.left : at.right].astype(int)


# --- places ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(640, 640), (1280, 300), (200, 900)])
def test_axes_are_equal_and_all_of_the_view_is_seen(size: tuple[int, int]) -> None:
    at = lay_out(size, VIEW)
    assert 0 < at.left < at.right < size[0]
    assert 0 < at.top < at.bottom < size[1]
    (x0, x1), (y0, y1) = at.range(0), at.range(1)
    assert (np.array([x0, y0]) <= np.array([-2, -1]) + 1e-9).all()
    assert (np.array([x1, y1]) >= np.array([2, 3]) - 1e-9).all()
    assert (x1 - x0) / (at.right - at.left) == pytest.approx((y1 - y0) / (at.bottom - at.top))
    columns, rows = at.pixels(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    assert columns[1] - columns[0] == pytest.approx(rows[0] - rows[2])  # y goes upwards


def test_the_view_fits_all_but_the_farthest_points() -> None:
    cloud = np.random.default_rng(0).normal([10, 0], size=(4000, 2))
    cloud[0], cloud[1] = 1e9, np.nan
    low, high = fitted_view(cloud, cloud + 1)
    assert 5 < low[0] < 8
    assert 12 < high[0] < 16
    low, high = fitted_view(np.full((3, 2), 7.0))  # a single place still has room
    assert (low < 7).all()
    assert (high > 7).all()
    assert (fitted_view(np.empty((0, 2)))[0] < 0).all()


# --- inks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_a_point_is_drawn_where_it_is_in_its_colour(palette: Any) -> None:
    at = lay_out((640, 640), VIEW)
    painter = Painter(at, palette)
    there = np.array([[0.37, 1.61]])
    empty = plot_of(painter.draw(Scene({})), at)
    drawn = plot_of(painter.draw(Scene({"one_step": there})), at)
    inked = np.argwhere((drawn != empty).any(axis=2))
    # The legend too is new: it lies in the upper right corner.
    column, row = (value[0] for value in at.pixels(there))
    near = inked[np.hypot(inked[:, 0] + at.top - row, inked[:, 1] + at.left - column) < 8]
    middle = near.mean(axis=0) + 0.5
    assert middle == pytest.approx([row - at.top, column - at.left], abs=0.35)
    _, alpha = marker_look(1, 0.75)
    pixel = int(row) - at.top, int(column) - at.left
    blend = empty[pixel] * (1 - alpha) + np.array(rgb(palette.one_step)) * alpha
    assert np.abs(drawn[pixel] - blend).max() <= 1


def test_what_lies_outside_or_is_not_finite_is_left_out() -> None:
    at = lay_out((200, 200), VIEW)
    painter = Painter(at, LIGHT)
    wild = np.array([[1e30, 0], [0, -1e30], [np.nan, 0], [np.inf, 0], [-50, 0]], np.float64)
    assert np.array_equal(
        painter.draw(Scene({"data": wild})), painter.draw(Scene({"data": np.empty((0, 2))}))
    )


def test_opacity_scales_the_ink() -> None:
    at = lay_out((640, 640), VIEW)
    painter, there = Painter(at, LIGHT), np.array([[0.3, 0.4]])
    clear = Scene({"one_step": there}, opacities={"one_step": 0.0})
    gone = Scene({"one_step": np.empty((0, 2))})
    assert np.array_equal(painter.draw(clear), painter.draw(gone))


def test_classes_have_their_colours_and_names() -> None:
    at = lay_out((640, 640), VIEW)
    points = np.array([[-1.0, 0.3], [1.0, 0.3]])
    scene = Scene(
        {"one_step": points, "data": points + np.array([0, 1])},
        labels={"one_step": np.array([0, 1])},
        classes=("<first>", "second"),
        caption="t = 1 & more",
        opacities=dict.fromkeys(LAYERS, 1.0),
    )
    painter = Painter(at, LIGHT)
    picture, empty = painter.draw(scene).astype(int), painter.draw(Scene({})).astype(int)
    columns, rows = at.pixels(points)
    _, alpha = marker_look(2, 0.75)
    for label in (0, 1):
        pixel = int(rows[label]), int(columns[label])
        blend = empty[pixel] * (1 - alpha) + np.array(rgb(LIGHT.classes[label])) * alpha
        assert np.abs(picture[pixel] - blend).max() <= 1
    text = as_svg(scene, at, LIGHT).decode()
    assert "&lt;first&gt;" in text
    assert "t = 1 &amp; more" in text
    assert ">Data<" in text
    assert ">One step<" not in text


def test_an_svg_has_a_disc_for_every_point() -> None:
    at = lay_out((300, 200), VIEW)
    points = np.random.default_rng(2).uniform([-0.9, 0.1], [0.9, 1.9], size=(50, 2))
    text = as_svg(Scene({"data": points}), at, DARK).decode()
    group = text[text.index('<g id="data"') : text.index('<g id="legend"')]
    found = np.array(re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', group), float)
    assert np.allclose(found, np.stack(at.pixels(points), axis=1), atol=0.006)
    assert f'fill="{DARK.data}"' in group


# --- the clouds of the stage ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    from flowmap_studio.core.targets import SHAPES
    from flowmap_studio.core.trainer import Trainer

    config = RunConfig(
        hidden_dim=8, time_embed_dim=4, depth=1, batch_size=32, ot_batch=32, steps=20,
        warmup_steps=5, device="cpu", target="rings",
    )  # fmt: skip
    trainer = Trainer(config, SHAPES["rings"])
    for _ in trainer.run():
        pass
    return trainer.snapshot()


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_frames_hold_the_cores_clouds(snapshot: Snapshot, t: float) -> None:
    loaded = LoadedMap(snapshot)
    scene = StageClouds(loaded, Way(steps=3)).at(t)
    noise = loaded.noise(STAGE_POINTS, STAGE_SEED)
    assert np.array_equal(scene.clouds["one_step"], loaded.at(noise, t, 1))
    assert np.array_equal(scene.clouds["composed"], loaded.at(noise, t, 3))
    assert np.array_equal(scene.clouds["source"], loaded.source(STAGE_POINTS, STAGE_SEED))
    assert np.array_equal(scene.clouds["data"], snapshot.data)
    assert scene.caption == f"t = {t:.3f} · step 20"
    assert scene.names["composed"] == "Composed, 3 steps"
    if t == 1:
        assert np.array_equal(scene.clouds["composed"], loaded.sample(STAGE_POINTS, 3, STAGE_SEED))


def test_another_map_takes_the_place_of_the_composed_cloud(snapshot: Snapshot) -> None:
    weights = {name: array * 1.5 for name, array in snapshot.weights.items()}
    loaded, other = LoadedMap(snapshot), LoadedMap(replace(snapshot, weights=weights))
    scene = StageClouds(loaded, Way(), beside=Beside("rival", other, Way(steps=2))).at(0.5)
    noise = other.noise(STAGE_POINTS, STAGE_SEED)
    assert np.array_equal(scene.clouds["composed"], other.at(noise, 0.5, 2))
    assert scene.names["composed"] == "rival: 2 steps"


def test_only_wanted_layers_are_made(snapshot: Snapshot) -> None:
    scene = StageClouds(LoadedMap(snapshot), Way(), ("data", "one_step")).at(0.5)
    assert list(scene.clouds) == ["data", "one_step"]


# --- films ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "fps"), [(30, 30), (100, 25), (7, 3), (48, 24)])
def test_gif_delays_add_up(count: int, fps: int) -> None:
    delays = gif_delays(count, fps)
    assert len(delays) == count
    assert sum(delays) == round(100 * count / fps)
    assert max(delays) - min(delays) <= 1


def test_times_run_evenly_from_noise_to_data() -> None:
    times = Timing(fps=10, seconds=2.1).times()
    assert (len(times), times[0], times[-1]) == (21, 0.0, 1.0)
    assert np.allclose(np.diff(times), 1 / 20)
    assert Timing(fps=1, seconds=0.1).times() == [0.0, 1.0]


def test_frames_of_a_film_are_pictures_of_their_time(snapshot: Snapshot) -> None:
    clouds, told = StageClouds(LoadedMap(snapshot), Way(steps=2)), []
    look, timing = Look((200, 150), "dark"), Timing(5, 1.0)
    content = film(clouds, look, timing, ".gif", lambda done, of: told.append((done, of)))
    assert told == [(number, 5) for number in range(6)]
    painter = Painter(lay_out(look.size, fitted_view(clouds.source, clouds.data)), PALETTES["dark"])
    with Image.open(io.BytesIO(content)) as opened:
        assert opened.n_frames == 5
        for number, t in enumerate(timing.times()):
            opened.seek(number)
            found = np.asarray(opened.convert("RGB"), int)
            drawn = painter.draw(clouds.at(t)).astype(int)
            assert np.abs(found - drawn).mean() < 4  # of 255: a table of 256 colours
            others = (painter.draw(clouds.at(other)).astype(int) for other in (t - 0.25, t + 0.25))
            assert all(np.abs(found - o).mean() > np.abs(found - drawn).mean() for o in others)


class _EnoughError(Exception):
    pass


@pytest.mark.parametrize("ending", [".gif", ".mp4"])
def test_a_film_ends_when_its_watcher_says_so(snapshot: Snapshot, ending: str) -> None:
    seen = []

    def tell(done: int, of: int) -> None:
        seen.append(done)
        if done == 2:
            raise _EnoughError

    with pytest.raises(_EnoughError):
        film(StageClouds(LoadedMap(snapshot), Way(1)), Look((64, 64)), Timing(9, 1), ending, tell)
    assert seen == [0, 1, 2]


def test_what_a_kind_of_file_cannot_hold_is_refused() -> None:
    check_film(".mp4", Look((100, 100)), Timing(60))
    with pytest.raises(StudioError, match="choose 102 × 100"):
        check_film(".mp4", Look((101, 100)), Timing())
    with pytest.raises(StudioError, match="at most 50"):
        check_film(".gif", Look(), Timing(60))
    with pytest.raises(StudioError, match="too much"):
        check_film(".gif", Look((4096, 4096)), Timing(50, 600))
