"""Pictures of the stage without a window: places, inks, legends and films against exact answers."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.drawing import raster, vector
from flowmap_studio.core.drawing.films import gif_delays
from flowmap_studio.core.drawing.heats import HEATS, HeatColours, heat_pixels, heat_scale
from flowmap_studio.core.drawing.layers import LAYERS, STAGE_POINTS, STAGE_SEED
from flowmap_studio.core.drawing.marker_look import MANY, coverage, marker_look
from flowmap_studio.core.drawing.raster import Painter
from flowmap_studio.core.drawing.scene import Layout, Scene, fitted_view, lay_out
from flowmap_studio.core.drawing.vector import as_svg
from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.film import film, flow_layout
from flowmap_studio.core.film_limits import Look, Timing, check_film
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.palettes import DARK, LIGHT, PALETTES, rgb
from flowmap_studio.core.probing.values import Following, Heat, Lines, Paths
from flowmap_studio.core.projections import Ride, projected
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.stage_clouds import Beside, StageClouds, Way
from flowmap_studio.core.targets import SHAPES
from flowmap_studio.core.trainer import Trainer

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


def test_lines_are_drawn_where_they_are_and_gaps_are_left() -> None:
    at = lay_out((640, 640), VIEW)
    painter = Painter(at, LIGHT)
    x = np.array([-1.0, 1.0, np.nan, 1.0, np.nan, 0.0, 0.0])
    y = np.array([0.25, 0.25, np.nan, 2.0, np.nan, np.nan, 1.0])
    lines = Scene({}, {"grid": Lines(x, y)}, opacities={"grid": 1.0})
    none = Scene({}, {"grid": Lines(np.empty(0), np.empty(0))}, opacities={"grid": 1.0})
    changed = (painter.draw(lines) != painter.draw(none)).any(axis=2)
    rows, columns = np.nonzero(changed)
    ends, row = at.pixels(np.array([[-1.0, 0.25], [1.0, 0.25]]))
    assert np.abs(rows + 0.5 - row[0]).max() < 2  # one line; single points have no length
    assert (columns.min(), columns.max()) == pytest.approx(ends, abs=2)
    column = round(ends.mean()) + 20
    inked, paper = (painter.draw(scene)[:, column, 0].astype(float) for scene in (lines, none))
    assert (paper - inked).sum() / (255 - rgb(LIGHT.muted)[0]) == pytest.approx(1, abs=0.1)  # wide


def test_a_picture_is_drawn_on_its_rectangle_in_its_colours() -> None:
    at = lay_out((640, 640), VIEW)
    painter = Painter(at, LIGHT)
    values = np.array([[4.0, 0.0], [-4.0, 4.0]])
    folded = np.array([[False, False], [False, True]])
    heat = Heat(values, np.array([-1.0, 0.0]), np.array([1.0, 2.0]), folded, 4.0)
    clear = heat_pixels("area", heat, HeatColours("#ff0000", "#00ff00", "#0000ff"))
    assert clear[0, 0].tolist() == [255, 0, 0, 255]  # strong where area grows
    assert clear[0, 1, 3] == 0  # clear where it stays
    assert clear[1, 0].tolist() == [0, 255, 0, 255]
    assert clear[1, 1, :3].tolist() == [0, 0, 255]  # where the map folds
    scene = Scene({}, {"area": heat}, opacities={"area": 1.0}, colours={"area": "#ff0000"})
    drawn = painter.draw(scene)

    def at_place(x: float, y: float) -> list[int]:
        column, row = at.pixels(np.array([[x, y]]))
        return drawn[int(row[0]), int(column[0])].tolist()

    assert at_place(-0.53, 0.53) == [255, 0, 0]
    assert at_place(-0.53, 1.53) == list(rgb(LIGHT.muted))
    assert at_place(0.53, 0.53) == at_place(1.53, 0.53) == list(rgb(LIGHT.stage))
    assert at_place(-0.99, 0.01) == [255, 0, 0]
    assert at_place(-1.02, 0.01) != [255, 0, 0]


@pytest.mark.parametrize("layer", list(HEATS))
def test_a_scale_runs_between_the_figures_it_names(layer: str) -> None:
    values = np.linspace(-9.0, 3.0, 16).reshape(4, 4) if layer == "likelihood" else np.ones((4, 4))
    heat = Heat(values, np.zeros(2), np.ones(2), np.zeros((4, 4), bool), float(values.max()))
    colours = HeatColours("#ff0000", "#00ff00", "#0000ff")
    scale = heat_scale(layer, heat, colours)
    ends = {"area": ("÷ 16", "× 16"), "likelihood": ("-5.0", "3.0 nats")}
    assert (scale.low, scale.high) == ends.get(layer, ("0", "1" if layer == "density" else "0.25"))
    assert scale.shades[-1].tolist() == [255, 0, 0, 255]
    low = [0, 255, 0, 255] if layer == "area" else [255, 0, 0, 0]
    assert scale.shades[0].tolist() == low
    assert layer != "area" or scale.shades[len(scale.shades) // 2, 3] == 0


def test_an_svg_has_a_path_for_lines_and_a_picture_for_figures() -> None:
    at = lay_out((640, 640), VIEW)
    heat = Heat(
        np.ones((3, 5)), np.array([-1.0, 0.0]), np.array([1.0, 2.0]), np.zeros((3, 5), bool), 1
    )
    lines = Lines(np.array([-1.0, 1.0, np.nan]), np.array([0.5, 1.5, np.nan]))
    text = as_svg(Scene({}, {"density": heat, "velocity": lines}), at, LIGHT).decode()
    tree = ET.fromstring(text)  # noqa: S314 - our own
    (x0, x1), (y0, y1) = at.pixels(np.array([[-1.0, 0.5], [1.0, 1.5]]))
    path = next(e for e in tree.iter() if e.get("stroke") == LIGHT.text)
    numbers = [float(n) for n in re.findall(r"[-\d.]+", path.get("d", ""))]
    assert numbers == pytest.approx([x0, y0, x1, y1], abs=0.01)
    images = [e for e in tree.iter() if e.tag.endswith("image")]
    content = base64.b64decode(images[0].get("href", "").split(",")[1])
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.size == (5, 3)
    place = [float(images[0].get(name, "")) for name in ("x", "width")]
    assert place == pytest.approx([x0, x1 - x0], abs=0.01)


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
    few = StageClouds(loaded, Way(points=20), beside=Beside("", other, Way(points=30))).at(0.5)
    assert [len(few.clouds[name]) for name in ("source", "one_step", "composed")] == [20, 20, 30]
    scene = StageClouds(loaded, Way(), beside=Beside("rival", other, Way(steps=2))).at(0.5)
    noise = other.noise(STAGE_POINTS, STAGE_SEED)
    assert np.array_equal(scene.clouds["composed"], other.at(noise, 0.5, 2))
    assert scene.names["composed"] == "rival: 2 steps"


def test_probes_are_layers_of_frames(snapshot: Snapshot) -> None:
    loaded = LoadedMap(snapshot)
    clouds = StageClouds(loaded, Way(2), ("grid", "trajectories", "density"))
    start, later = clouds.at(0.0), clouds.at(0.5)
    assert not start.clouds
    assert list(start.shapes) == ["grid", "trajectories", "density"]
    grid = start.shapes["grid"]
    assert isinstance(grid, Lines)
    assert np.nanmax(np.abs(grid.x - later.shapes["grid"].x)) > 1e-3  # type: ignore[union-attr]
    way, longer = (scene.shapes["trajectories"] for scene in (start, later))
    assert isinstance(way, Lines)
    assert isinstance(longer, Lines)
    assert len(longer.x) > len(way.x)  # as far as they have come
    ends = np.flatnonzero(np.isnan(longer.x)) - 1
    at = loaded.at(loaded.noise(STAGE_POINTS, STAGE_SEED)[: len(ends)], 0.5, 1)
    assert np.allclose(np.stack([longer.x, longer.y], axis=1)[ends], at, atol=1e-4)


def test_a_layer_that_a_map_has_not_is_told(snapshot: Snapshot) -> None:
    config = replace(snapshot.config, method="flow-matching")
    trainer = Trainer(config, SHAPES["rings"])
    clouds = StageClouds(LoadedMap(trainer.snapshot()), Way(2), ("semigroup",))
    with pytest.raises(StudioError, match="velocity's flow composes by itself"):
        clouds.at(0.5)


def test_a_film_can_look_at_a_part_along_chosen_axes(snapshot: Snapshot) -> None:
    clouds = StageClouds(LoadedMap(snapshot), Way(1), ("data",))
    near = Look((200, 200), layers=("data",), area=(0.0, 1.0, 0.0, 1.0))
    at = flow_layout(clouds, near)
    assert at.range(0)[0] <= 0 < 1 <= at.range(0)[1] < 1.5
    turned = replace(near, area=None, projection=np.array([[0.0, 1.0], [1.0, 0.0]]))
    plain = flow_layout(clouds, replace(turned, projection=None))
    assert np.allclose(flow_layout(clouds, turned).middle, plain.middle[::-1])


def test_followed_points_are_in_front_of_a_film(snapshot: Snapshot) -> None:
    loaded = LoadedMap(snapshot)
    noise = loaded.noise(STAGE_POINTS, STAGE_SEED)
    ends = np.stack([loaded.at(noise[:1], t, 1) for t in (0.0, 0.5, 1.0)]).astype(float)
    path = Paths(np.array([0.0, 0.5, 1.0]), ends, np.array([True]))
    following = Following(np.array([3, 7, 10**6]), path)
    scene = StageClouds(loaded, Way(1), ("data",), following=following).at(0.5)
    assert list(scene.clouds) == ["data", "group", "traced"]  # the hidden cloud stays hidden
    assert np.array_equal(scene.clouds["group"], loaded.at(noise, 0.5, 1)[[3, 7]])
    assert np.allclose(scene.clouds["traced"], ends[1])
    whole = scene.shapes["trace"]
    assert isinstance(whole, Lines)
    assert np.allclose(np.stack([whole.x, whole.y], axis=1)[:3], ends[:, 0])


def test_a_tour_fits_at_all_times() -> None:
    config = RunConfig(hidden_dim=8, depth=1, device="cpu", target="rings")
    still = Trainer(config, SHAPES["rings"]).snapshot()
    deep = np.random.default_rng(0).normal(scale=[1, 5, 0.1], size=(500, 3)).astype(np.float32)
    clouds = StageClouds(LoadedMap(still), Way(1), ("data",))
    clouds.source, clouds.data = deep, deep
    look, moments = Look((200, 200), ride=Ride(3)), Timing(5, 8.0).moments()
    assert moments[-1] == pytest.approx(7.8)
    at = flow_layout(clouds, look, moments)
    for moment in moments:
        columns, rows = at.pixels(projected(deep, look.seen_along(moment)))
        seen = (columns > at.left) & (columns < at.right) & (rows > at.top) & (rows < at.bottom)
        assert seen.mean() > 0.97
    assert at.scale < 0.9 * flow_layout(clouds, replace(look, ride=Ride(3, 0.0)), [0.0]).scale


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


def test_of_very_many_points_each_pixel_is_counted_and_has_the_ink_of_their_discs() -> None:
    tiles = coverage(3.2, 1.0, 4) * 0.4
    half, shape = tiles.shape[-1] // 2, (30, 40)
    draw = np.random.default_rng(0)
    x, y = draw.uniform(-5, 45, 500), draw.uniform(-5, 35, 500)
    expected = np.zeros((shape[0] + 2 * half, shape[1] + 2 * half))
    for column, row in zip(np.floor(x).astype(int), np.floor(y).astype(int), strict=True):
        if 0 <= column < shape[1] and 0 <= row < shape[0]:
            side = tiles.shape[-1]
            expected[row : row + side, column : column + side] += np.log1p(-tiles).mean((0, 1))
    found = raster._depth_of_many(x, y, shape, tiles)
    np.testing.assert_allclose(found, expected[half:-half, half:-half], atol=1e-5)


def test_a_picture_does_not_change_its_look_where_points_become_many() -> None:
    palette = PALETTES["light"]
    points = np.random.default_rng(0).normal(size=(MANY + 1, 2))
    at = lay_out((300, 300), (np.array([-3.0, -3.0]), np.array([3.0, 3.0])))
    few, many = (
        Painter(at, palette).draw(Scene(clouds={"one_step": cloud})).astype(float)
        for cloud in (points[:-1], points)
    )
    seen = [
        plot_of(picture, at)[:220, :220].reshape(22, 10, 22, 10, 3).mean((1, 3))
        for picture in (few, many)
    ]
    assert np.abs(seen[0] - seen[1]).max() < 12  # of 255
    assert np.ptp(seen[0]) > 100


def test_an_svg_of_too_many_points_is_refused_in_a_sentence() -> None:
    cloud = np.zeros((vector.MOST_DISCS, 2))
    scene = Scene(clouds={"one_step": cloud, "data": cloud[:1]})
    with pytest.raises(StudioError, match=r"these are 300,001; choose \.png, or fewer points"):
        vector.as_svg(scene, lay_out((300, 300), (np.zeros(2), np.ones(2))), LIGHT)
