"""Take the README's pictures: `python -m flowmap_studio.tools.screenshots`.

The real window is driven without a display; what a picture shows was learned and drawn then.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from PIL import Image
from PySide6.QtCore import QBuffer, QEventLoop, QIODevice, QTimer
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QApplication

from flowmap_studio.core.config import RunConfig
from flowmap_studio.resources import asset
from flowmap_studio.runtime.session import State
from flowmap_studio.views import theme

LARGEST = 150_000
"""Bytes of one picture."""
POLL_MS = 20
DEADLINE = 300.0
"""Seconds to wait for anything that must happen."""


@dataclass(frozen=True)
class Scene:
    """One picture.

    Attributes:
        name: Its file's stem.
        dark: Whether the window is dark.
        size: Width and height in pixels.
        preset: The shipped preset that is opened.
        t: Flow time of the scrubber.
        steps: Composed steps.
        train: Settings of a run that is shown in progress; None shows the preset.
        until: Steps of that run at which the picture is taken.
        hidden: Layers that are switched off.
    """

    name: str
    dark: bool = False
    size: tuple[int, int] = (1280, 800)
    preset: str = "moons"
    t: float = 1.0
    steps: int = 8
    train: dict[str, Any] | None = None
    until: int = 0
    hidden: tuple[str, ...] = ()


SCENES = (
    Scene("scrubbing", preset="checkerboard", t=0.6, hidden=("source",)),
    Scene("training", dark=True, train={"target": "pinwheel", "steps": 3000}, until=1200),
    Scene(
        "mean-collapse",
        train={"method": "article", "coupling": "independent", "lambda_cons": 0.1, "steps": 2000},
        until=1000,
        hidden=("source",),
    ),
    Scene("wide", dark=True, size=(1920, 1080), preset="8gaussians", t=0.8),
)


def wait_until(condition: Callable[[], object], seconds: float = DEADLINE) -> None:
    """Let the window live until the condition holds.

    Raises:
        TimeoutError: It does not hold within that time.
    """
    loop, poll, limit = QEventLoop(), QTimer(), QTimer()
    poll.timeout.connect(lambda: loop.quit() if condition() else None)
    limit.setSingleShot(True)
    limit.timeout.connect(loop.quit)
    poll.start(POLL_MS)
    limit.start(round(seconds * 1000))
    loop.exec()
    if not condition():
        raise TimeoutError(f"waited {seconds:.0f} s in vain")


def picture(scene: Scene) -> QPixmap:
    """The window as the scene has it; the window is closed again.

    Raises:
        TimeoutError: The window did not get there.
    """
    from flowmap_studio.app import create_window

    window = create_window(asset("presets", f"{scene.preset}.flowmap"))
    try:
        window.apply_palette(theme.DARK if scene.dark else theme.LIGHT)
        window.resize(*scene.size)
        window.show()
        _drive(window, scene)
        return window.grab()
    finally:
        window.close()
        window.deleteLater()


def small_png(pixmap: QPixmap) -> bytes:
    """A PNG of at most `LARGEST` bytes: of as many colours as fit, 256 at most.

    Raises:
        ValueError: Not even a few colours make it small enough.
    """
    image = Image.open(io.BytesIO(_png(pixmap))).convert("RGB")
    for colours in (256, 128, 64, 32, 16):
        stream = io.BytesIO()
        reduced = image.quantize(colours, dither=Image.Dither.NONE)
        reduced.save(stream, "PNG", optimize=True)
        if stream.tell() <= LARGEST:
            return stream.getvalue()
    raise ValueError(f"a picture is larger than {LARGEST:,} bytes even with 16 colours")


def _drive(window: Any, scene: Scene) -> None:
    session = window.session
    wait_until(lambda: session.frame is not None)
    for layer in scene.hidden:
        window.stage.set_layer_visible(layer, False)
    window.time_bar.set_steps(scene.steps)
    window.time_bar.set_time(scene.t)
    if scene.train is not None:
        window.edit_config(RunConfig(device="cpu", **scene.train))
        window.actions_by_name["trainAction"].trigger()
        wait_until(lambda: _learned(session, scene.until))
    wait_until(lambda: _settled(session, scene))


def _learned(session: Any, step: int) -> bool:
    if session.state is State.FAILED:
        raise RuntimeError("the run failed")
    return bool(session.quality.steps) and session.quality.steps[-1] >= step


def _settled(session: Any, scene: Scene) -> bool:
    """Whether the frame on stage is the one that was asked for, drawn in full."""
    request = session.frame.request
    return bool(request.full and abs(request.t - scene.t) < 1e-3 and request.steps == scene.steps)


def _png(pixmap: QPixmap) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    pixmap.save(buffer, "PNG")
    return bytes(buffer.data().data())


@click.command()
@click.option("--out", type=click.Path(path_type=Path), help="Folder; assets/screenshots if none.")
@click.option("--only", multiple=True, type=click.Choice([scene.name for scene in SCENES]))
def main(out: Path | None, only: tuple[str, ...]) -> None:
    """Take the README's pictures."""
    folder = out or asset() / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    with tempfile.TemporaryDirectory() as home:
        # Neither the layout nor the presets of the person who runs this are shown or changed.
        os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_DATA_HOME"] = home
        app = QApplication.instance() or QApplication(["screenshots"])
        for scene in SCENES:
            if not only or scene.name in only:
                content = small_png(picture(scene))
                (folder / f"{scene.name}.png").write_bytes(content)
                click.echo(f"{scene.name}.png: {len(content):,} bytes")
        app.processEvents()


if __name__ == "__main__":
    main()
