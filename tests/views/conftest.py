"""The wired window with a small map on stage, found and used as an outside check would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication, QLabel, QToolButton, QWidget

SMALL: dict[str, Any] = {
    "hidden_dim": 16,
    "time_embed_dim": 8,
    "depth": 1,
    "batch_size": 32,
    "ot_batch": 32,
    "steps": 60,
    "warmup_steps": 5,
    "device": "cpu",
}
ENDLESS = 100_000_000


class Studio:
    """A window as its user sees it.

    Args:
        qtbot: Of the test.
        window: What `create_window` gave.
    """

    def __init__(self, qtbot: Any, window: Any) -> None:
        self.qtbot = qtbot
        self.window = window
        self.session = window.session

    def find(self, name: str, kind: type = QObject) -> Any:
        """The widget or action of a name."""
        if self.window.objectName() == name:
            return self.window
        found = self.window.findChild(kind, name)
        assert found is not None, name
        return found

    def trigger(self, action: str) -> None:
        assert self.find(action).isEnabled(), action
        self.find(action).trigger()

    def click(self, button: str) -> None:
        self.qtbot.mouseClick(self.find(button, QWidget), Qt.MouseButton.LeftButton)

    def key(self, key: Qt.Key | str, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key where the focus is."""
        self.qtbot.keyClick(QApplication.focusWidget(), key, modifier)

    def shown(self, layer: str) -> np.ndarray:
        return self.window.stage.displayed(layer)

    def message(self) -> str:
        return self.find("messageBar").text()

    def configure(self, **changes: Any) -> None:
        """Small settings, all at once; the user would type them."""
        self.window.edit_config(self.session.config.replace(**SMALL | changes))

    def until(self, condition: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(condition)

    def settled(self) -> None:
        """Wait until the stage shows the present map at the present time, all of it and exactly."""

        def shows() -> bool:
            frame, session = self.session.frame, self.session
            if frame is None or frame.rounded or frame.request.snapshot is not session.snapshot:
                return False
            asked = (frame.request.t, frame.request.steps, frame.request.full)
            return asked == (session.t, session.steps, True)

        self.until(shows)

    def state(self) -> str:
        return self.find("statusState", QLabel).text()

    def train_to_the_end(self) -> None:
        button = self.find("trainButton", QToolButton)
        assert button.text() == "Train"
        self.click("trainButton")
        self.until(lambda: button.text() == "Pause")
        self.until(lambda: button.text() == "Train")


@pytest.fixture
def small_preset(tmp_path_factory: pytest.TempPathFactory, _map: Any) -> Path:
    from flowmap_studio.core.packing import pack
    from flowmap_studio.core.presets import write_preset

    path = tmp_path_factory.mktemp("presets") / "small.flowmap"
    write_preset(path, pack(_map, "Small", {"sliced_w2_1": 0.5, "sliced_w2_floor": 0.03}))
    return path


@pytest.fixture(scope="session")
def _map() -> Any:
    from flowmap_studio.core.config import RunConfig
    from flowmap_studio.core.targets import SHAPES
    from flowmap_studio.core.trainer import Trainer

    trainer = Trainer(RunConfig(**SMALL | {"target": "rings"}), SHAPES["rings"])
    for _ in trainer.run():
        pass
    return trainer.snapshot()


@pytest.fixture
def open_studio(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Studio]]:
    """Opens a window, on a preset or as at the first start; it is kept until qtbot closes it.

    qtbot itself only refers to it weakly: one that is collected first never stops its threads.
    """
    kept = []
    from flowmap_studio.app import create_window
    from flowmap_studio.runtime import evaluation

    monkeypatch.setattr(evaluation, "WARM_UP", ())  # all is imported in these tests

    def open_studio(preset: Path | None = None) -> Studio:
        window = create_window(preset)
        qtbot.addWidget(window)
        with qtbot.waitActive(window):
            window.show()
        kept.append(window)
        return Studio(qtbot, window)

    yield open_studio
    kept.clear()


@pytest.fixture
def studio(open_studio: Callable[..., Studio], small_preset: Path) -> Studio:
    """A window with the small map on stage."""
    made = open_studio(small_preset)
    made.settled()
    return made


@pytest.fixture
def black_plot(qtbot: Any) -> Any:
    """A plot of 400 × 300 pixels that shows 0 to 10 along both axes, on black."""
    from flowmap_studio.views.plot_view import PlotView

    made = PlotView(margins=(0, 4, 8, 0))
    qtbot.addWidget(made)
    made.setBackground("#000000")
    made.resize(400, 300)
    made.box.setRange(xRange=(0, 10), yRange=(0, 10), padding=0)
    with qtbot.waitExposed(made):
        made.show()
    return made
