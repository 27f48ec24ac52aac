"""Exports from the window as a user makes them: drawing, film, losses, script, clipboard."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QWidget

import flowmap_studio
from flowmap_studio.core.drawing.scene import lay_out
from flowmap_studio.views import file_dialogs
from flowmap_studio.views.file_dialogs import EXPORTS, LOSSES

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")


def choose(studio: Any, monkeypatch: pytest.MonkeyPatch, path: Path, kind: str = "") -> None:
    """Export through the action and the file dialog."""
    monkeypatch.setattr(file_dialogs.QFileDialog, "getSaveFileName", lambda *_: (str(path), kind))
    studio.trigger("exportAction")


def film_dialog(studio: Any, **values: Any) -> QDialog:
    """The dialog that is open now, filled in."""
    dialog = studio.window.findChildren(QDialog, "filmDialog")[-1]
    for name, value in values.items():
        dialog.findChild(QWidget, name).setValue(value)
    return dialog


def press(studio: Any, dialog: QDialog, button: str) -> None:
    studio.qtbot.mouseClick(dialog.findChild(QWidget, button), Qt.MouseButton.LeftButton)


def gone(studio: Any) -> None:
    """Wait until the dialog is closed and deleted."""
    studio.until(lambda: not studio.window.findChildren(QDialog, "filmDialog"))


def idle(studio: Any) -> None:
    studio.until(lambda: not studio.session.films.running)


def test_the_stage_as_a_drawing_holds_the_points_that_are_shown(
    studio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.find("timeSlider").setValue(400)
    studio.settled()
    studio.trigger("sourceAction")
    studio.window.stage.set_layer_opacity("data", 0.2)
    stage = studio.window.stage
    layout = lay_out((stage.width(), stage.height()), stage.view())  # the message moves it
    choose(studio, monkeypatch, tmp_path / "stage.svg")
    assert studio.message() == "Exported stage.svg."
    text = (tmp_path / "stage.svg").read_text(encoding="utf-8")
    assert 'id="source"' not in text
    assert stage.caption() in text
    group = re.search(r'<g id="one_step".*?</g>\n</g>', text, flags=re.DOTALL)
    drawn = np.array(re.findall(r'cx="([-\d.]+)" cy="([-\d.]+)"', group[0]), float)
    x, y = layout.pixels(studio.shown("one_step"))
    inside = (x >= layout.left) & (x < layout.right) & (y >= layout.top) & (y < layout.bottom)
    assert len(drawn) > 3900
    assert np.allclose(drawn, np.stack([x, y], axis=1)[inside], atol=0.006)


@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_the_flow_as_a_film(
    studio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    kind = next(kind for kind in EXPORTS if ending in kind)
    choose(studio, monkeypatch, tmp_path / "flow", kind)  # the kind gives the ending
    dialog = film_dialog(studio, filmWidth=120, filmHeight=90, filmFps=4, filmSeconds=1.5)
    assert dialog.windowTitle() == f"Export flow.{ending}"
    press(studio, dialog, "filmRender")
    assert studio.session.films.running
    idle(studio)
    assert studio.message() == f"Exported flow.{ending}."
    gone(studio)
    path = tmp_path / f"flow.{ending}"
    if ending == "gif":
        with Image.open(path) as film:
            assert (film.size, film.n_frames) == ((120, 90), 6)
    else:
        with av.open(str(path)) as film:
            shapes = [frame.to_ndarray(format="rgb24").shape for frame in film.decode(video=0)]
        assert shapes == [(90, 120, 3)] * 6


def test_a_film_is_cancelled_by_escape(
    studio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(studio, monkeypatch, tmp_path / "flow.gif")
    dialog = film_dialog(studio, filmWidth=100, filmHeight=100, filmSeconds=300)
    with studio.qtbot.waitSignal(studio.session.films.progressed):
        press(studio, dialog, "filmRender")
    assert not dialog.findChild(QWidget, "filmWidth").isEnabled()
    choose(studio, monkeypatch, tmp_path / "other.gif")  # one at a time
    assert studio.message().startswith("Another film is being rendered")
    studio.qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    idle(studio)
    gone(studio)
    assert list(tmp_path.iterdir()) == []


def test_what_a_film_cannot_be_is_said_in_its_dialog(
    studio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(studio, monkeypatch, tmp_path / "flow.mp4")
    dialog = film_dialog(studio, filmWidth=101)
    press(studio, dialog, "filmRender")
    text = dialog.findChild(QLabel, "filmText").text()
    assert "even sizes" in text
    assert not studio.session.films.running
    choose(studio, monkeypatch, tmp_path / "nowhere" / "flow.gif")
    dialog = film_dialog(studio, filmWidth=100, filmHeight=100, filmSeconds=0.1)
    press(studio, dialog, "filmRender")
    idle(studio)
    assert studio.message() == "Could not write flow.gif: there is no such file or folder."
    assert dialog.isVisible()  # to try again
    dialog.close()


def test_losses_are_exported_as_a_table(
    studio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(studio, monkeypatch, tmp_path / "losses.csv", LOSSES)
    assert studio.message() == "There are no losses to export yet; press Train first."
    studio.configure()
    studio.train_to_the_end()
    choose(studio, monkeypatch, tmp_path / "losses", LOSSES)
    assert studio.message() == "Exported losses.csv."
    lines = (tmp_path / "losses.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# 60 training steps recorded")
    table = list(csv.DictReader(lines[2:]))
    assert [int(row["step"]) for row in table] == list(range(1, 61))
    recorded = studio.session.losses.view().mean[:, 0]
    assert np.array_equal(np.array([row["match"] for row in table], np.float32), recorded)


def test_a_script_draws_the_composed_cloud_on_stage(
    studio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.find("timeSlider").setValue(700)
    studio.settled()
    shown = studio.shown("composed")
    choose(studio, monkeypatch, tmp_path / "draw.py")
    assert studio.message() == "Exported draw.py; it reads draw.flowmap."
    root = Path(flowmap_studio.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "draw.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    drawn = np.load(tmp_path / "draw-samples.npy")
    assert drawn.shape == shown.shape == (4096, 2)
    assert np.allclose(drawn, shown, atol=1e-5)  # the window may use more threads


def test_the_picture_is_copied_to_the_clipboard_as_it_is_exported(
    studio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = studio.find("stage", QWidget)
    size = 2 * stage.width(), 2 * stage.height()  # finer than the screen
    studio.trigger("copyPictureAction")
    assert studio.message() == "Copied the picture of the stage."
    copied = QApplication.clipboard().image()
    assert (copied.width(), copied.height()) == size
    choose(studio, monkeypatch, tmp_path / "stage.png")
    written = QImage(str(tmp_path / "stage.png"))
    scale = 2 * stage.height() / written.height()  # the message has taken some of the stage's room
    assert 1 <= scale < 1.2
    assert written.convertToFormat(copied.format()).pixelColor(3, 3) == copied.pixelColor(3, 3)


def colours_of(path: Path) -> set[tuple[int, int, int]]:
    with Image.open(path) as picture:
        return set(map(tuple, np.asarray(picture.convert("RGB")).reshape(-1, 3).tolist()))


def test_pictures_show_the_layers_as_they_look_on_stage(
    studio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, probes = studio.window.stage, studio.session.probes
    for layer in ("source", "data", "composed"):
        stage.set_layer_visible(layer, False)
    stage.set_layer_colour("one_step", "#ff00ff")
    for layer in ("grid", "density"):
        stage.set_layer_visible(layer, True)
        studio.until(lambda layer=layer: probes.is_fresh(layer))
    stage.set_layer_colour("density", "#00ffff")
    studio.window.probe_desk.trace_by(1)
    studio.until(lambda: studio.window.probe_desk.followed.shape() is not None)
    choose(studio, monkeypatch, tmp_path / "stage.svg")
    text = (tmp_path / "stage.svg").read_text(encoding="utf-8")
    groups = re.findall(r'<g id="(\w+)"', text)
    assert groups == ["axes", "density", "grid", "one_step", "group", "trace", "traced", "legend"]
    assert 'fill="#ff00ff"' in text
    assert f">Density: {stage.scales._lines['density'][1].text()} … " in text
    choose(studio, monkeypatch, tmp_path / "stage.png")
    assert (255, 0, 255) in colours_of(tmp_path / "stage.png")
    assert {(255, 0, 255), (0, 255, 255)} <= colours_of(tmp_path / "stage.png")  # the scale's end


def test_a_film_shows_what_the_stage_shows(
    studio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = studio.window.stage
    for layer in ("source", "data", "composed"):
        stage.set_layer_visible(layer, False)
    stage.set_layer_colour("grid", "#ff00ff")
    stage.set_layer_opacity("grid", 1.0)
    stage.set_layer_visible("grid", True)
    studio.until(lambda: studio.session.probes.is_fresh("grid"))
    choose(studio, monkeypatch, tmp_path / "flow.gif")
    dialog = film_dialog(studio, filmWidth=400, filmHeight=400, filmFps=2, filmSeconds=1)
    press(studio, dialog, "filmRender")
    idle(studio)
    assert studio.message() == "Exported flow.gif."
    with Image.open(tmp_path / "flow.gif") as film:
        for frame in range(film.n_frames):
            film.seek(frame)
            pixels = np.asarray(film.convert("RGB")).astype(int)
            magenta = (pixels[..., [0, 2]] - pixels[..., [1]] > 60).all(axis=2)
            assert magenta.sum() > 400  # lines, and not the legend's disc alone
