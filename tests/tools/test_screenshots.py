"""The README's pictures: the window is driven to the scene, and the files stay small."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from PySide6.QtGui import QImage, QPixmap

from flowmap_studio.resources import asset
from flowmap_studio.tools import screenshots
from flowmap_studio.tools.screenshots import LARGEST, SCENES, Scene, picture, small_png, wait_until

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def pixmap(array: np.ndarray) -> QPixmap:
    height, width, _ = array.shape
    return QPixmap(QImage(array.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888))


def noise(side: int) -> QPixmap:
    return pixmap(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8))


def test_a_noisy_picture_gets_fewer_colours(qapp, monkeypatch: pytest.MonkeyPatch) -> None:
    many = small_png(noise(64))
    monkeypatch.setattr(screenshots, "LARGEST", len(many) - 1)
    few = small_png(noise(64))
    assert len(few) < len(many)
    assert pixels(few).shape == (64, 64, 3)
    colours = [len(np.unique(pixels(content).reshape(-1, 3), axis=0)) for content in (few, many)]
    assert colours[0] < colours[1] <= 256


def test_a_plain_picture_keeps_its_colours(qapp) -> None:
    plain = np.zeros((50, 60, 3), np.uint8)
    plain[:, 30:] = (240, 164, 0)
    assert np.array_equal(pixels(small_png(pixmap(plain))), plain)


def test_a_picture_that_stays_too_large_is_refused(qapp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screenshots, "LARGEST", 100)
    with pytest.raises(ValueError, match="larger than 100 bytes"):
        small_png(noise(64))


def test_waiting_has_an_end(qapp) -> None:
    with pytest.raises(TimeoutError):
        wait_until(lambda: False, seconds=0.05)


def test_a_scene_of_a_preset_is_drawn(qapp) -> None:
    light = picture(Scene("light", size=(1000, 700), t=0.5, steps=2))
    dark = picture(Scene("dark", size=(1000, 700), t=0.5, steps=2, dark=True))
    assert (light.width(), light.height()) == (1000, 700)
    assert pixels(small_png(light)).mean() > 180
    assert pixels(small_png(dark)).mean() < 90


def test_a_scene_of_a_run_is_drawn(qapp) -> None:
    # Large steps leave the interpreter to the other threads, which have to measure it.
    run = {"hidden_dim": 64, "batch_size": 4096, "coupling": "independent", "steps": 100_000}
    shown = picture(Scene("run", size=(1000, 700), train=run, until=50))
    assert shown.width() == 1000


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
def test_every_scene_has_its_picture(scene: Scene) -> None:
    path = asset() / "screenshots" / f"{scene.name}.png"
    if not asset().parent.joinpath("README.md").is_file():
        pytest.skip("screenshots are not installed")
    assert path.stat().st_size <= LARGEST
    with Image.open(path) as image:
        assert image.size == scene.size
