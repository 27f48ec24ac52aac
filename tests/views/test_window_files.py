"""The user's own files in the window: learned, saved, dropped, exported, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QApplication, QWidget

from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.presets import read_preset

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    """5,000 points of the user's: two clusters in units of their own."""
    draw = np.random.default_rng(3)
    centres = np.array([[120.0, -3.0], [80.0, 4.0]])[draw.integers(0, 2, 5000)]
    points = centres + draw.normal(size=(5000, 2)) * [6.0, 0.7]
    path = tmp_path / "my points.csv"
    np.savetxt(path, points, delimiter=",", header="width,height", comments="")
    return path


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture of the user's: a dark ring on white."""
    image = Image.new("RGB", (200, 120), "white")
    ImageDraw.Draw(image).ellipse((40, 10, 140, 110), outline="black", width=14)
    path = tmp_path / "ring.png"
    image.save(path)
    return path


def choose_file(studio: Any, path: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Choose "Your own file…" in the tool bar and a file in the dialog that comes up."""
    from flowmap_studio.views import file_dialogs

    monkeypatch.setattr(
        file_dialogs.QFileDialog, "getOpenFileName", lambda *_, **__: (str(path), "")
    )
    combo = studio.find("targetCombo")
    combo.setCurrentIndex(combo.count() - 1)


# Learning them


@pytest.mark.parametrize("kind", ["csv", "picture"])
def test_the_users_file_is_learned_saved_reopened_and_sampled(
    studio: Any,
    kind: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path: Path = request.getfixturevalue(kind)
    studio.configure()
    choose_file(studio, path, monkeypatch)
    studio.until(lambda: studio.session.snapshot.config.target == str(path))
    studio.settled()
    combo = studio.find("targetCombo")
    assert combo.currentData() == str(path)
    data = studio.shown("data")
    if kind == "csv":
        assert 40 < data[:, 0].min() < 100 < data[:, 0].max() < 160  # in the user's own units
    else:
        assert np.abs(data).max() < 2

    studio.train_to_the_end()
    studio.settled()
    on_stage = studio.shown("one_step")
    saved = tmp_path / "learned.flowmap"
    assert studio.window.save_preset(saved)
    path.unlink()

    studio.configure(target="moons")
    studio.until(lambda: studio.session.snapshot.config.target == "moons")
    assert studio.window.open_preset(saved)
    studio.settled()
    assert np.array_equal(studio.shown("one_step"), on_stage)
    assert np.array_equal(studio.shown("data"), data)
    reopened = read_preset(saved).snapshot
    assert reopened.config.target == path.name  # without the user's folders
    assert np.allclose(LoadedMap(reopened).sample(4096, steps=1, seed=0), on_stage, atol=1e-4)

    studio.click("trainButton")  # goes on without the file, and says so
    assert studio.message().startswith(f"{path.name} is not at hand; training on the 4,096 ")
    studio.until(lambda: studio.state() == "idle")
    assert studio.session.snapshot.step == 60


def test_a_dialog_that_is_cancelled_changes_nothing(
    studio: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = studio.session.config
    choose_file(studio, "", monkeypatch)
    assert studio.find("targetCombo").currentText() == "rings"
    assert studio.session.config == config
    assert not studio.find("undoAction").isEnabled()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of images of the user's, of two classes."""
    draw = np.random.default_rng(5)
    for name in ("dark", "light"):
        folder = tmp_path / "my images" / name
        folder.mkdir(parents=True)
        for number in range(12):
            pixels = draw.integers(0, 128, (8, 8)) + 127 * (name == "light")
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    return tmp_path / "my images"


def test_a_folder_of_images_is_chosen(
    studio: Any, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowmap_studio.views import file_dialogs

    answers = ["", str(images)]
    monkeypatch.setattr(file_dialogs.QFileDialog, "getExistingDirectory", lambda *_: answers.pop(0))
    combo = studio.find("targetCombo")
    place = combo.findText("Your own images…")
    combo.setCurrentIndex(place)
    assert combo.currentText() == "rings"  # cancelled
    combo.setCurrentIndex(place)
    studio.until(lambda: studio.session.snapshot.image is not None)
    assert studio.session.snapshot.image.height == 8
    assert combo.currentData() == str(images)
    assert combo.findText("Your own images…") == place + 1  # still after the names


def test_a_folder_of_images_is_dropped(studio: Any, images: Path) -> None:
    assert drop(studio, "stage", images)
    studio.until(lambda: studio.session.config.target == str(images))
    studio.until(lambda: studio.session.snapshot.image is not None)


# Bad input


def write_bad(folder: Path, name: str) -> Path:
    path = folder / name
    if name == "white.png":
        Image.new("RGB", (40, 40), "white").save(path)
    elif name == "text.png":
        path.write_text("this is no picture")
    elif name != "gone.csv":
        content = {
            "empty.csv": "",
            "column.csv": "1\n2\n3\n",
            "hole.csv": "1,2\n3,nan\n4,5\n",
            "words.csv": "1,2\n3,four\n",
            "same.csv": "1,2\n1,2\n",
        }
        path.write_text(content[name])
    return path


BAD = {
    "gone.csv": "There is no file",
    "empty.csv": "is empty",
    "column.csv": "only one column",
    "hole.csv": "missing or infinite value at point 2",
    "words.csv": "is not a number",
    "same.csv": "are the same",
    "white.png": "all white",
    "text.png": "is not a PNG or JPEG picture",
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_learned_is_refused_in_one_sentence(
    studio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = write_bad(tmp_path, name)
    before = (studio.session.config, studio.session.snapshot, studio.shown("one_step").tobytes())
    with studio.qtbot.waitSignal(studio.session.target_refused):
        choose_file(studio, path, monkeypatch)
    studio.until(lambda: studio.session.config == before[0])
    assert BAD[name] in studio.message()
    assert name in studio.message()
    assert "\n" not in studio.message()
    studio.settled()
    after = (studio.session.config, studio.session.snapshot, studio.shown("one_step").tobytes())
    assert after == before
    assert studio.state() == "idle"
    combo = studio.find("targetCombo")
    assert combo.currentText() == "rings"
    assert combo.findData(str(path)) == -1
    assert not studio.find("undoAction").isEnabled()
    assert not studio.find("redoAction").isEnabled()


def test_settings_changed_before_a_target_is_refused_are_kept(studio: Any, tmp_path: Path) -> None:
    studio.configure(seed=1)
    with studio.qtbot.waitSignal(studio.session.target_refused):
        studio.window.set_target(str(tmp_path / "gone.csv"))
        studio.configure(seed=2, target=str(tmp_path / "gone.csv"))
    studio.until(lambda: studio.session.config.target == "rings")
    assert studio.session.config.seed == 2
    assert studio.find("targetCombo").currentText() == "rings"


@pytest.mark.parametrize("running", [False, True], ids=["idle", "while it trains"])
@pytest.mark.parametrize("name", ["renamed.flowmap", "gone.flowmap", "cut.flowmap"])
def test_what_is_no_preset_is_refused_in_one_sentence(
    studio: Any, tmp_path: Path, small_preset: Path, picture: Path, name: str, running: bool
) -> None:
    path = tmp_path / name
    if name == "renamed.flowmap":
        path.write_bytes(picture.read_bytes())
    elif name == "cut.flowmap":
        path.write_bytes(small_preset.read_bytes()[:-100])
    if running:
        studio.configure(steps=100_000_000)
        studio.click("trainButton")
        studio.until(lambda: len(studio.session.losses) > 0)
    config = studio.session.config
    assert not studio.window.open_preset(path)
    assert studio.message().startswith(f"Could not open {name}: ")
    assert studio.message().endswith("Your current map is unchanged.")
    assert studio.session.config == config
    if running:
        assert studio.state() == "running"
        known = len(studio.session.losses)
        studio.until(lambda: len(studio.session.losses) > known)
        studio.trigger("stopAction")
        studio.until(lambda: studio.state() == "idle")


def test_a_place_that_cannot_be_saved_to_is_told(studio: Any, tmp_path: Path) -> None:
    assert not studio.window.save_preset(tmp_path / "no folder" / "mine.flowmap")
    assert studio.message().startswith("Could not save mine.flowmap: ")
    assert not studio.window.save_preset(tmp_path)
    assert "\n" not in studio.message()


# Drag and drop


def drop(studio: Any, name: str, *paths: Path) -> bool:
    """Drop files from a file manager over a widget, on what takes drops there."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    window, over = studio.window, studio.find(name, QWidget)
    target = window.childAt(over.mapTo(window, over.rect().center()))
    while not target.acceptDrops():
        target = target.parentWidget()
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    action, place = Qt.DropAction.CopyAction, QPoint(20, 20)
    enter = QDragEnterEvent(place, action, data, buttons, keys)
    enter.ignore()
    QApplication.sendEvent(target, enter)
    if not enter.isAccepted():
        return False
    QApplication.sendEvent(target, QDropEvent(QPointF(place), action, data, buttons, keys))
    return True


PLACES = ["stage", "lossPlot", "settingsForm", "presetList", "timeSlider"]


@pytest.mark.parametrize("place", PLACES)
def test_a_preset_dropped_anywhere_is_opened(studio: Any, small_preset: Path, place: str) -> None:
    studio.configure(target="moons")
    studio.until(lambda: studio.session.snapshot.config.target == "moons")
    assert drop(studio, place, small_preset)
    studio.until(lambda: studio.session.snapshot.config.target == "rings")


@pytest.mark.parametrize("place", PLACES)
def test_points_or_a_picture_dropped_anywhere_become_the_target(
    studio: Any, csv: Path, picture: Path, place: str
) -> None:
    for path in (csv, picture):
        assert drop(studio, place, path)
        studio.until(lambda path=path: studio.session.snapshot.config.target == str(path))
        assert studio.find("targetCombo").currentData() == str(path)
    studio.trigger("undoAction")
    assert studio.session.config.target == str(csv)


def test_other_files_are_not_taken(studio: Any, tmp_path: Path) -> None:
    other = tmp_path / "film.mp4"
    other.write_bytes(b"")
    assert not drop(studio, "stage", other)


def test_a_target_dropped_while_it_trains_waits_for_the_user(studio: Any, csv: Path) -> None:
    studio.configure(steps=100_000_000)
    studio.click("trainButton")
    studio.until(lambda: len(studio.session.losses) > 0)
    assert drop(studio, "stage", csv)
    assert studio.message() == "Stop the run to choose another target."
    assert studio.session.config.target == "rings"
    assert studio.state() == "running"
    studio.trigger("stopAction")
    studio.until(lambda: studio.state() == "idle")


# Export


def test_the_stage_is_exported_as_a_picture(studio: Any, tmp_path: Path) -> None:
    path = tmp_path / "stage.png"
    assert studio.window.export(path)
    assert studio.message() == "Exported stage.png."
    picture = QImage(str(path))
    stage = studio.find("stage", QWidget)
    assert picture.width() == 2 * stage.width()  # finer than the screen
    colours = {picture.pixel(x, y) for x in range(0, 400, 3) for y in range(0, 400, 3)}
    assert len(colours) > 20


def test_points_are_exported_as_table_and_array(studio: Any, tmp_path: Path) -> None:
    studio.find("timeSlider").setValue(600)
    studio.settled()
    shown = studio.shown("one_step")
    assert studio.window.export(tmp_path / "points.npy")
    assert np.array_equal(np.load(tmp_path / "points.npy"), shown)
    assert studio.window.export(tmp_path / "points.csv")
    table = np.loadtxt(tmp_path / "points.csv", delimiter=",", skiprows=1, dtype=np.float32)
    assert np.array_equal(table, shown)


def test_what_cannot_be_exported_is_told(
    studio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowmap_studio.views import file_dialogs

    def choose(name: str) -> None:
        monkeypatch.setattr(
            file_dialogs.QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / name), "")
        )
        studio.trigger("exportAction")

    choose("points.docx")
    assert ".png, .svg, .gif, .mp4, .csv, .npy or .py" in studio.message()
    choose("no folder/points.csv")
    assert studio.message().startswith("Could not ")
    assert not list(tmp_path.glob("*points*"))
