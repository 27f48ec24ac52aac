"""Take the README's pictures: `python -m flowmap_studio.tools.screenshots`.

The real window is driven without a display; what a picture shows was learned and drawn then.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from PIL import Image
from PySide6.QtCore import QBuffer, QEventLoop, QIODevice, Qt, QTimer
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QApplication, QDockWidget

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.probing.values import READINGS, ProbeAnswer
from flowmap_studio.resources import asset
from flowmap_studio.views import theme

LARGEST = 150_000
"""Bytes of one picture."""
USUAL_SIZE = (1280, 800)
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
        advised: Whether the studio must have noticed something by then.
        hidden: Layers that are switched off.
        shown: Layers of probes that are switched on.
        dock: Object name of a panel that is brought to the front.
        word: What is written on the canvas and learned.
        compared: Methods that are compared, trained with the settings of `train`.
        ticked: Rows of the comparison that are seen side by side.
    """

    name: str
    dark: bool = False
    size: tuple[int, int] = USUAL_SIZE
    preset: str = "moons"
    t: float = 1.0
    steps: int = 8
    train: dict[str, Any] | None = None
    until: int = 0
    advised: bool = False
    hidden: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    dock: str = "qualityDock"
    word: str = ""
    compared: tuple[str, ...] = ()
    ticked: tuple[int, ...] = ()


SCENES = (
    Scene("scrubbing", preset="checkerboard", t=0.6, hidden=("source",)),
    Scene("training", dark=True, train={"target": "pinwheel", "steps": 6000}, until=1500),
    Scene(
        "mean-collapse",
        train={"method": "article", "coupling": "independent", "lambda_cons": 0.1, "steps": 2000},
        until=800,
        advised=True,
        hidden=("source",),
    ),
    Scene(
        "composition-drift",
        dark=True,
        size=(1920, 1080),
        preset="composition-drift",
        steps=16,
        hidden=("source", "data"),
    ),
    Scene(
        "probes",
        t=0.85,
        hidden=("source", "data", "one_step", "composed"),
        shown=("likelihood", "grid"),
        dock="probesDock",
    ),
    Scene("drawing", word="flow", train={"steps": 4000}, until=1500, hidden=("source", "composed")),
    Scene("digits", dark=True, preset="digits-conditional", t=0.8),
    Scene(
        "side-by-side",
        size=(1920, 1080),
        preset="checkerboard",
        train={"target": "checkerboard", "steps": 1500},
        compared=("flow-matching", "rectified-flow", "semigroup"),
        ticked=(1, 4, 6),
    ),
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
        # This method keeps rare colours, such as those of a legend; the plain one drops them.
        method = Image.Quantize.MAXCOVERAGE
        reduced = image.quantize(colours, method, kmeans=2, dither=Image.Dither.NONE)
        reduced.save(stream, "PNG", optimize=True)
        if stream.tell() <= LARGEST:
            return stream.getvalue()
    raise ValueError(f"a picture is larger than {LARGEST:,} bytes even with 16 colours")


def _drive(window: Any, scene: Scene) -> None:
    session = window.session
    answered: set[str] = set()

    def note(answer: ProbeAnswer) -> None:
        if abs(answer.request.t - scene.t) < 1e-3 or answer.name in READINGS:
            answered.add(answer.name)

    session.probes.answered.connect(note)
    wait_until(lambda: session.frame is not None)
    for layer in scene.hidden:
        window.stage.set_layer_visible(layer, False)
    for layer in scene.shown:
        window.stage.set_layer_visible(layer, True)
    window.findChild(QDockWidget, scene.dock).raise_()
    wanted = {*scene.shown, *(READINGS if scene.dock == "probesDock" else ())}
    window.time_bar.set_steps(scene.steps)
    window.time_bar.set_time(scene.t)
    if scene.compared:
        _compare(window, scene)
    elif scene.train is not None:
        window.edit_config(RunConfig(device="cpu", **scene.train))
        window.actions_by_name["paintAction" if scene.word else "trainAction"].trigger()
        if scene.word:
            window.paint_panel.canvas().sheet.put_text(scene.word, theme.interface_font())
            window.paint_panel.learn_wanted.emit()
        config = session.config
        wait_until(lambda: _learned(session, config, scene.until))
        wait_until(lambda: bool(window.message_bar.text()) is scene.advised)
    wait_until(lambda: _settled(session, scene) and answered >= wanted)


def _compare(window: Any, scene: Scene) -> None:
    """Train and measure the methods, and tick the rows."""
    control, panel = window.session.comparison, window.compare_panel
    window.actions_by_name["compareAction"].trigger()
    window.edit_config(RunConfig(device="cpu", **(scene.train or {})))
    panel.start_wanted.emit(scene.compared)
    wait_until(lambda: not control.running and control.rows)
    for place in scene.ticked:
        panel.table.item(place, 0).setCheckState(Qt.CheckState.Checked)
    wait_until(lambda: len(window.session.frame.request.sampling.panes) == len(scene.ticked))


def _learned(session: Any, config: RunConfig, step: int) -> bool:
    """Whether the run of that config has come to the step, measured figures and all."""
    shown = session.snapshot
    return bool(
        shown.config == config
        and min(shown.step, len(session.losses)) >= step
        and session.quality.steps
        and session.quality.steps[-1] > step / 2
    )


def _settled(session: Any, scene: Scene) -> bool:
    """Whether frame and figures are those that were asked for, the frame in full but in a run."""
    request = session.frame.request
    exact = request.full and not session.frame.rounded
    full = exact or scene.train is not None  # a run keeps the cores for itself
    drawn = full and abs(request.t - scene.t) < 1e-3 and request.steps == scene.steps
    return bool(drawn and session.quality.jumps[-1:] == [scene.steps])


def _png(pixmap: QPixmap) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    pixmap.save(buffer, "PNG")
    return bytes(buffer.data().data())


@click.command()
@click.option("--out", type=click.Path(path_type=Path), help="Folder; assets/screenshots if none.")
@click.option("--only", multiple=True, type=click.Choice([scene.name for scene in SCENES]))
@click.option("--size", nargs=2, type=int, metavar="WIDTH HEIGHT", help="Of all pictures.")
@click.option("--look", type=click.Choice(["light", "dark"]), help="Of all pictures.")
def main(
    out: Path | None, only: tuple[str, ...], size: tuple[int, int] | None, look: str | None
) -> None:
    """Take the README's pictures."""
    scenes = [scene for scene in SCENES if not only or scene.name in only]
    if size:
        scenes = [replace(scene, size=size) for scene in scenes]
    if look:
        scenes = [replace(scene, dark=look == "dark") for scene in scenes]
    folder = out or asset() / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    with tempfile.TemporaryDirectory() as home:
        # Neither the layout nor the presets of the person who runs this are shown or changed.
        os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_DATA_HOME"] = home
        app = QApplication.instance() or QApplication(["screenshots"])
        for scene in scenes:
            content = small_png(picture(scene))
            (folder / f"{scene.name}.png").write_bytes(content)
            click.echo(f"{scene.name}.png: {len(content):,} bytes")
        app.processEvents()


if __name__ == "__main__":
    main()
