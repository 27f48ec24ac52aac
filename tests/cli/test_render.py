"""`render`: films and pictures that open again, of the very points of the stage."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from flowmap_studio.core.drawing.layers import STAGE_POINTS, STAGE_SEED
from flowmap_studio.core.drawing.scene import fitted_view, lay_out
from flowmap_studio.core.images import as_pictures
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.palettes import DARK, LIGHT, rgb
from flowmap_studio.core.presets import read_preset
from flowmap_studio.core.stage_clouds import stage_noise
from flowmap_studio.resources import asset

Run = Callable[..., Any]
SMALL_FILM = ["--size", "160x120", "--fps", "8", "--seconds", "1.5"]


def test_a_gif_opens_again(run: Run, trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "flow.gif"
    done = run("render", trained, "--out", out, *SMALL_FILM, "--json")
    assert (done.status, done.err) == (0, "")
    facts = json.loads(done.out)
    assert facts["bytes"] == out.stat().st_size
    assert (facts["frames"], facts["fps"], facts["seconds"]) == (12, 8, 1.5)
    with Image.open(out) as film:
        assert (film.size, film.n_frames, film.info["loop"]) == ((160, 120), 12, 0)
        durations = []
        for number in range(film.n_frames):
            film.seek(number)
            durations.append(film.info["duration"])
            assert film.convert("RGB").getpixel((1, 1)) == rgb(LIGHT.stage)
        assert sum(durations) == 1500
        assert max(durations) - min(durations) <= 10


def test_an_mp4_opens_again(run: Run, trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "flow.mp4"
    done = run("render", trained, "--out", out, *SMALL_FILM, "--look", "dark")
    assert (done.status, done.err) == (0, "")
    assert done.out == f"12 frames of 160 × 120, 8 a second, saved as {out}.\n"
    with av.open(str(out)) as film:
        video = film.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video)]
        assert (video.width, video.height, video.average_rate) == (160, 120, 8)
        assert film.duration == 1_500_000  # microseconds
    assert len(frames) == 12
    assert np.abs(frames[0][1, 1].astype(int) - rgb(DARK.stage)).max() <= 4
    assert not np.array_equal(frames[0], frames[-1])


@pytest.mark.parametrize("t", [0.0, 0.4, 1.0])
def test_an_svg_holds_the_points_of_the_stage(
    run: Run, trained: Path, tmp_path: Path, t: float
) -> None:
    out = tmp_path / "stage.svg"
    shown = ["--layers", "one_step,composed", "--steps", "3", "--size", "400x300"]
    assert run("render", trained, "--out", out, *shown, "--time", t).status == 0
    text = out.read_text(encoding="utf-8")
    assert 'width="400" height="300"' in text
    assert f"t = {t:.3f} · step 200" in text
    assert 'id="source"' not in text
    loaded = LoadedMap(read_preset(trained).snapshot)
    noise = loaded.noise(STAGE_POINTS, STAGE_SEED)
    view = fitted_view(loaded.source(STAGE_POINTS, STAGE_SEED), loaded.snapshot.data)
    layout = lay_out((400, 300), view)
    for layer, steps in (("one_step", 1), ("composed", 3)):
        group = re.search(rf'<g id="{layer}".*?</g>\n</g>', text, flags=re.DOTALL)
        assert group is not None
        drawn = np.array(re.findall(r'cx="([-\d.]+)" cy="([-\d.]+)"', group[0]), float)
        expected = np.stack(layout.pixels(loaded.at(noise, t, steps)), axis=1)
        inside = (expected >= (layout.left, layout.top)).all(axis=1)
        inside &= (expected < (layout.right, layout.bottom)).all(axis=1)
        assert len(drawn) > 4000
        assert np.allclose(drawn, expected[inside], atol=0.006)


def test_a_png_has_the_size_and_the_layers_asked_for(
    run: Run, trained: Path, tmp_path: Path
) -> None:
    colours = {}
    for layers in ("data", "one_step"):
        out = tmp_path / f"{layers}.png"
        done = run("render", trained, "--out", out, "--size", "320x200", "--layers", layers)
        assert done.status == 0, done.err
        with Image.open(out) as picture:
            assert picture.size == (320, 200)
            colours[layers] = set(
                map(tuple, np.asarray(picture.convert("RGB")).reshape(-1, 3).tolist())
            )
    assert rgb(LIGHT.one_step) not in colours["data"]
    assert rgb(LIGHT.data) in colours["data"]
    assert rgb(LIGHT.one_step) in colours["one_step"]


def test_probes_of_the_map_are_layers_too(run: Run, trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "map.svg"
    done = run(
        "render", trained, "--out", out, "--layers", "one_step,area,velocity", "--time", "0.5"
    )
    assert done.status == 0, done.err
    groups = re.findall(r'<g id="(\w+)"', out.read_text(encoding="utf-8"))
    assert groups == ["axes", "area", "one_step", "velocity", "legend"]
    done = run(
        "render",
        asset("presets", "digits.flowmap"),
        "--out",
        tmp_path / "a.png",
        "--layers",
        "grid",
    )
    assert done.status == 2
    assert "the layer is made for maps of the plane" in done.err


def test_points_of_more_axes_are_seen_as_asked(run: Run, tmp_path: Path) -> None:
    points, deep = tmp_path / "three.npy", tmp_path / "three.flowmap"
    drawn = np.random.default_rng(1).normal(scale=[0.2, 1.0, 3.0], size=(400, 3))
    np.save(points, drawn)
    small = ["--steps", "4", "--hidden-dim", "8", "--depth", "1", "--device", "cpu"]
    assert run("train", "--target", points, *small, "--out", deep).status == 0

    def places(name: str, *options: str) -> np.ndarray:
        out = tmp_path / f"{name}.svg"
        done = run("render", deep, "--out", out, "--layers", "data", *options)
        assert done.status == 0, done.err
        text = out.read_text(encoding="utf-8")
        group = re.search(r'<g id="data".*?</g>\n</g>', text, flags=re.DOTALL)
        assert group is not None
        found = re.findall(r'cx="([-\d.]+)" cy="([-\d.]+)"', group[0])
        return np.array(found, float)

    usual, principal = places("usual"), places("principal", "--projection", "principal")
    assert np.array_equal(usual, principal)
    width, height = np.ptp(principal, axis=0)
    assert width / height > 2  # 3 to 1
    width, height = np.ptp(places("axes", "--projection", "2,3"), axis=0)
    assert height / width > 2
    for wrong in ("4,1", "0,1", "1", "tour", "sideways"):
        done = run("render", deep, "--out", tmp_path / "a.png", "--projection", wrong)
        assert done.status == 2
        assert "--projection" in done.err
    film = ["--out", tmp_path / "a.gif", "--size", "200x200", "--seconds", "4", "--fps", "1"]
    assert run("render", deep, *film, "--layers", "data", "--projection", "tour").status == 0
    with Image.open(tmp_path / "a.gif") as opened:
        first = np.asarray(opened.convert("RGB"), int)
        opened.seek(3)
        last = np.asarray(opened.convert("RGB"), int)
    assert np.abs(first - last).mean() > 1


def test_a_projection_of_the_plane_is_refused(run: Run, trained: Path, tmp_path: Path) -> None:
    done = run("render", trained, "--out", tmp_path / "a.png", "--projection", "1,2")
    assert done.status == 2
    assert "more than two axes" in done.err


def test_images_are_drawn_as_sheets(run: Run, tmp_path: Path) -> None:
    digits = asset("presets", "digits.flowmap")
    small = ["--size", "160x160", "--steps", "2"]
    out = tmp_path / "digits.gif"
    done = run("render", digits, "--out", out, *small, "--fps", "4", "--seconds", "1")
    assert (done.status, done.err) == (0, "")
    with Image.open(out) as film:
        assert (film.size, film.n_frames) == ((160, 160), 4)
    still = tmp_path / "digits.png"
    assert run("render", digits, "--out", still, *small, "--time", "0").status == 0
    with Image.open(still) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 100  # greys of noise
    # Large enough that pictures of fewer axes than the map has would not fill it by accident.
    large = tmp_path / "large.png"
    assert run("render", digits, "--out", large, "--layers", "one_step").status == 0
    loaded = LoadedMap(read_preset(digits).snapshot)
    points = loaded.at(stage_noise(loaded)[:1], 1.0, 1)
    first = as_pictures(points, loaded.snapshot.image)[0, :, :, 0].astype(int)
    with Image.open(large) as picture:
        grey = np.asarray(picture.convert("L")).astype(int)
    wanted = first.repeat(3, axis=0).repeat(3, axis=1)
    assert np.abs(grey[20:44, 160:184] - wanted).max() <= 2
    done = run("render", digits, "--out", tmp_path / "digits.svg")
    assert done.status == 2
    assert "this map makes images; choose .png, .gif, .mp4" in done.err


def test_no_window_is_needed(trained: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    code = (
        "import sys\nfrom flowmap_studio.cli import main\nstatus = main(sys.argv[1:])\n"
        "found = {'PySide6', 'pyqtgraph', 'shiboken6'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {found}' if found else status)"
    )
    out = tmp_path / "flow.gif"
    command = ["render", str(trained), "--out", str(out), *SMALL_FILM]
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        env={k: v for k, v in environment.items() if k != "QT_QPA_PLATFORM"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert out.stat().st_size > 0


def test_clouds_have_as_many_points_as_are_asked_for(
    run: Run, trained: Path, tmp_path: Path
) -> None:
    out = tmp_path / "few.svg"
    done = run("render", trained, "--out", out, "--num", 37, "--layers", "one_step", "--json")
    assert (done.status, json.loads(done.out)["num"]) == (0, 37)
    assert out.read_text(encoding="utf-8").count("<circle") in (37, 38)  # and a legend's
    done = run("render", trained, "--out", out, "--num", 2_000_000)
    assert done.status == 2
    assert "--num must be a whole number from 1 to 1,048,576" in done.err
