"""The window under the benchmark's hand: what is asked of it, and when that was painted. Needs Qt.

Nothing here is imported before `bench scrub` measures the window.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QEventLoop, QObject, QTimer
from PySide6.QtWidgets import QApplication, QGraphicsView

from flowmap_studio.app import create_window
from flowmap_studio.core.errors import StudioError
from flowmap_studio.runtime.frames import Frame
from flowmap_studio.views.time_bar import TICKS

SIZE = (1280, 800)
POLL_MS = 20
PATIENCE = 60.0
"""Seconds after which something that doesn't come is given up."""


class Studio(QObject):
    """A shown window whose stage tells when it has painted.

    Attributes:
        window: The window.
        painted_at: When the stage was painted last, by `time.perf_counter`.
        on_painted: Called with the newest frame whenever the stage was painted.

    Args:
        preset: What is on stage.
    """

    def __init__(self, preset: Path) -> None:
        super().__init__()
        self.window = create_window(preset)
        self.session = self.window.session
        self.painted_at = self._began_at = self._came = 0.0
        self.on_painted: Callable[[Frame | None], None] = lambda _frame: None
        self._condition: Callable[[], bool] = lambda: True
        self._loop, self._limit, self._poll = QEventLoop(), QTimer(), QTimer()
        self._limit.setSingleShot(True)
        self._limit.timeout.connect(self._loop.quit)
        self._poll.timeout.connect(self._check)
        self.window.resize(*SIZE)
        self._canvas = self.window.stage.findChild(QGraphicsView).viewport()
        self._canvas.installEventFilter(self)
        self.session.frame_changed.connect(self._on_frame)
        self.window.show()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: D102 - Qt's
        if event.type() == QEvent.Type.Paint:
            began = time.perf_counter()
            # The event comes before the painting: what is queued now comes after it.
            QTimer.singleShot(0, lambda: self._on_painted(began))
        return False

    def until(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Let the window live until a condition holds.

        Raises:
            StudioError: It does not hold within that time.
        """
        self._live(condition, seconds)
        if not condition():
            raise StudioError(
                f"The window did not get there within {seconds:.0f} s; try again when the machine "
                "has less to do."
            )

    def rest(self, seconds: float) -> None:
        """Let the window live for so long."""
        self._live(lambda: False, seconds)

    def _live(self, condition: Callable[[], bool], seconds: float) -> None:
        """Run the event loop until a condition holds, or for so long."""
        self._condition = condition
        self._limit.start(round(1000 * seconds))
        self._poll.start(POLL_MS)
        # What quits the loop may be left over from what was waited for before.
        while self._limit.isActive() and not condition():
            self._loop.exec()
        self._limit.stop()
        self._poll.stop()

    def move_to(self, place: int) -> float:
        """Move the slider and wait for the clouds of that time; seconds until they are painted."""
        began = time.perf_counter()
        self.window.time_bar.time_slider.setValue(place)
        wanted = place / TICKS
        self.until(lambda: self._shows(wanted, began))
        return self.painted_at - began

    def repaint(self, clouds: dict[str, Any]) -> float:
        """Show clouds; seconds until they are painted."""
        began = time.perf_counter()
        self.window.stage.set_clouds(clouds)
        self.until(lambda: self._began_at > began)
        return self.painted_at - began

    def _shows(self, t: float, began: float) -> bool:
        """Whether clouds of time t, which came after `began`, are painted."""
        frame = self.session.frame
        here = frame is not None and frame.request.t == t
        return here and self._began_at > self._came > began

    def _on_frame(self, _frame: Frame) -> None:
        self._came = time.perf_counter()

    def _on_painted(self, began: float) -> None:
        self._began_at, self.painted_at = began, time.perf_counter()
        self.on_painted(self.session.frame if began > self._came else None)
        self._check()

    def _check(self) -> None:
        if self._condition():
            self._loop.quit()

    @contextmanager
    def dragging(self) -> Iterator[None]:
        """The slider is held within it."""
        slider = self.window.time_bar.time_slider
        slider.setSliderDown(True)
        try:
            yield
        finally:
            slider.setSliderDown(False)

    def close(self) -> None:
        """Close the window and end its threads."""
        self._canvas.removeEventFilter(self)
        self.window.close()
        self.window.deleteLater()
        QApplication.processEvents()


def tell_start(preset: str) -> None:
    """Open a window and print when it was painted and when a moved slider's clouds were.

    Both by `time.time`: the process that started this one knows when that was.
    """
    app = application()
    studio = Studio(Path(preset))
    studio.until(lambda: studio.painted_at > 0)
    painted = time.time()
    studio.until(lambda: studio.session.frame is not None)
    studio.move_to(TICKS // 2)
    # Not by click: a start of the window imports none of it.
    sys.stdout.write(f"{json.dumps([painted, time.time()])}\n")
    studio.close()
    app.processEvents()


def application() -> QApplication:
    """The one application of this process."""
    return QApplication.instance() or QApplication(["flowmap-studio"])
