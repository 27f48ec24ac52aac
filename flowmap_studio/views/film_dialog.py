"""The dialog that renders a film: its size and speed, then how far it is, with a way to cancel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.film_limits import (
    LEAST_SECONDS,
    LEAST_SIDE,
    MOST_FPS,
    MOST_GIF_FPS,
    MOST_SECONDS,
    MOST_SIDE,
    Look,
    Timing,
)
from flowmap_studio.core.palettes import PALETTES
from flowmap_studio.runtime.exporting import FilmControl
from flowmap_studio.views.texts import told, tr

Render = Callable[[tuple[int, int], str, Timing], None]
"""Begins with a size, a look and a timing; raises a StudioError."""


class FilmDialog(QDialog):
    """Asks for size, speed, length and look, and watches the rendering; Escape cancels it.

    Args:
        path: Where the film goes.
        look: "light" or "dark", proposed.
        render: What begins the rendering.
        control: Tells how it goes.
        parent: The window.
    """

    def __init__(
        self, path: Path, look: str, render: Render, control: FilmControl, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setObjectName("filmDialog")
        self.setWindowTitle(tr("Export {name}", name=path.name))
        self._render = render
        self._control = control
        self._closing = False
        usual, timing = Look(), Timing()
        gif = path.suffix.lower() == ".gif"
        self._width = _spin(
            "filmWidth", tr("Width in pixels"), LEAST_SIDE, MOST_SIDE, usual.size[0]
        )
        self._height = _spin(
            "filmHeight", tr("Height in pixels"), LEAST_SIDE, MOST_SIDE, usual.size[1]
        )
        for side in (self._width, self._height):
            side.setSingleStep(2)
        fastest = MOST_GIF_FPS if gif else MOST_FPS
        self._fps = _spin("filmFps", tr("Frames per second"), 1, fastest, timing.fps)
        self._seconds = QDoubleSpinBox()
        self._seconds.setObjectName("filmSeconds")
        self._seconds.setAccessibleName(tr("Seconds from noise to data"))
        self._seconds.setDecimals(1)
        self._seconds.setRange(LEAST_SECONDS, MOST_SECONDS)
        self._seconds.setValue(timing.seconds)
        self._look = QComboBox()
        self._look.setObjectName("filmLook")
        self._look.setAccessibleName(tr("Colours"))
        for name in PALETTES:
            self._look.addItem(tr(name.capitalize()), name)
        self._look.setCurrentIndex(self._look.findData(look))
        self._place()
        control.progressed.connect(self._on_progress)
        control.failed.connect(self._on_failed)
        control.finished.connect(self._on_finished)
        control.changed.connect(self._show_state)
        self._show_state()

    def _place(self) -> None:
        size = QHBoxLayout()
        size.addWidget(self._width)
        size.addWidget(QLabel("×"))
        size.addWidget(self._height)
        self._fields = QWidget()
        form = QFormLayout(self._fields)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(tr("Size"), size)
        form.addRow(tr("Frames per second"), self._fps)
        form.addRow(tr("Seconds"), self._seconds)
        form.addRow(tr("Colours"), self._look)
        self._text = QLabel(
            tr("Layers, their looks, the view and the steps are those of the stage.")
        )
        self._text.setObjectName("filmText")
        self._text.setWordWrap(True)
        self._progress = QProgressBar()
        self._progress.setObjectName("filmProgress")
        self._progress.setAccessibleName(tr("Frames rendered"))
        policy = self._progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # so that there is room when it appears
        self._progress.setSizePolicy(policy)
        buttons = QDialogButtonBox()
        self._start = QPushButton(tr("Render"))
        self._start.setObjectName("filmRender")
        self._start.setDefault(True)
        self._start.clicked.connect(self.begin)
        self._cancel = QPushButton(tr("Cancel"))
        self._cancel.setObjectName("filmCancel")
        self._cancel.clicked.connect(self.reject)
        buttons.addButton(self._start, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(self._cancel, QDialogButtonBox.ButtonRole.ActionRole)
        box = QVBoxLayout(self)
        for part in (self._fields, self._text, self._progress, buttons):
            box.addWidget(part)

    def begin(self) -> None:
        """Render with what is set; what is wrong with it is said in the dialog."""
        size = self._width.value(), self._height.value()
        timing = Timing(self._fps.value(), self._seconds.value())
        self._progress.setRange(0, 0)
        try:
            self._render(size, self._look.currentData(), timing)
        except StudioError as error:
            self._text.setText(told(str(error)))

    def reject(self) -> None:
        """Close; a film that is being rendered is cancelled first."""
        self._closing = True
        if self._control.running:
            self._control.cancel()
            self._text.setText(tr("Cancelling…"))
        else:
            super().reject()

    @Slot(int, int)
    def _on_progress(self, done: int, frames: int) -> None:
        self._progress.setRange(0, frames)
        self._progress.setValue(done)
        if not self._closing:
            self._text.setText(tr("Frame {done:,} of {frames:,}", done=done, frames=frames))

    @Slot(str, str)
    def _on_failed(self, sentence: str, details: str) -> None:
        del details  # the window's message bar has them
        self._text.setText(told(sentence))

    @Slot(object)
    def _on_finished(self, path: Path) -> None:
        del path
        self.accept()

    @Slot()
    def _show_state(self) -> None:
        running = self._control.running
        self._fields.setEnabled(not running)
        self._start.setEnabled(not running)
        self._progress.setVisible(running)
        if self._closing and not running:
            super().reject()


def _spin(name: str, meaning: str, least: int, most: int, value: int) -> QSpinBox:
    spin = QSpinBox()
    spin.setObjectName(name)
    spin.setAccessibleName(meaning)
    spin.setRange(least, most)
    spin.setValue(value)
    return spin
