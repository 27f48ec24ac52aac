"""The scrubber: flow time t, composed steps and the training history."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QWidget,
)

from flowmap_studio.views.history_row import HistoryRow
from flowmap_studio.views.lattice_check import LatticeCheck
from flowmap_studio.views.playback import Playback
from flowmap_studio.views.points_combo import PointsCombo
from flowmap_studio.views.sampling_bar import SamplingBar
from flowmap_studio.views.sliders import TickedSlider
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette
from flowmap_studio.views.transport import FRAMES, Transport

TICKS = 1000
"""Slider positions between t = 0 and t = 1."""
MARKS = (
    (0, "0 · noise"),
    (TICKS // 4, "¼"),
    (TICKS // 2, "½"),
    (3 * TICKS // 4, "¾"),
    (TICKS, "data · 1"),
)
"""Where the time slider has ticks, and their names."""
TIME_HEIGHT = 48


class TimeBar(QWidget):
    """Controls of both axes of time; sends what the user wants, holds what is shown."""

    time_changed = Signal(float)
    steps_changed = Signal(int)
    history_changed = Signal(int)
    live_requested = Signal()
    playing_changed = Signal(bool)
    scrubbing_changed = Signal(bool)

    def __init__(self, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # All that is beside or below another panel is that panel's.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._time = 1.0
        self._scrubbing = False
        self.playback = Playback(self)
        self.playback.moved.connect(self.set_time)
        self.playback.playing_changed.connect(self._on_playing)
        self.transport = Transport(self.playback, palette, self)
        self.transport.play_action.triggered.connect(self.toggle_play)
        self.transport.stepped.connect(self.step_frames)
        grid = QGridLayout(self)
        grid.setContentsMargins(12, 2, 12, 4)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(2, 1)
        grid.addLayout(self.transport.row, 0, 0)
        self._build_time(grid)
        self.history = HistoryRow(self)
        self.history.put_into(grid, 1)
        self.history.changed.connect(self.history_changed)
        self.history.live_requested.connect(self.live_requested)
        self.points_combo = PointsCombo()
        grid.addWidget(self.points_combo, 1, 6)
        self.sampling = SamplingBar()
        grid.addWidget(self.sampling, 2, 0, 1, 6)
        self.apply_palette(palette)

    # --- building -----------------------------------------------------------------------------

    def _build_time(self, grid: QGridLayout) -> None:
        self.time_slider = TickedSlider(
            [(at, tr(name)) for at, name in MARKS], lambda place: f"t = {place / TICKS:.3f}"
        )
        self.time_slider.setObjectName("timeSlider")
        self.time_slider.setAccessibleName(tr("Flow time t"))
        self.time_slider.setFixedHeight(TIME_HEIGHT)
        self.time_slider.setRange(0, TICKS)
        self.time_slider.setPageStep(TICKS // 10)
        self.time_slider.setValue(TICKS)
        self.time_slider.valueChanged.connect(self._on_slider)
        self.time_slider.sliderPressed.connect(self._on_pressed)
        self.time_slider.sliderReleased.connect(self._on_released)
        self.time_spin = QDoubleSpinBox()
        self.time_spin.setObjectName("timeSpin")
        self.time_spin.setAccessibleName(tr("Flow time t"))
        self.time_spin.setRange(0, 1)
        self.time_spin.setDecimals(3)
        self.time_spin.setSingleStep(0.01)
        self.time_spin.setKeyboardTracking(False)  # a time counts once it is typed to its end
        self.time_spin.setValue(1)
        self.time_spin.setFixedWidth(72)
        self.time_spin.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.time_spin.valueChanged.connect(self.set_time)
        self.steps_spin = QSpinBox()
        self.steps_spin.setObjectName("stepsSpin")
        self.steps_spin.setAccessibleName(tr("Composed steps"))
        self.steps_spin.setToolTip(tr("Jumps that the composed cloud takes from 0 to t ([ and ])"))
        self.steps_spin.setRange(1, 64)
        self.steps_spin.setKeyboardTracking(False)
        self.steps_spin.setValue(8)
        self.steps_spin.setFixedWidth(56)
        self.steps_spin.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.steps_spin.valueChanged.connect(self.steps_changed)
        grid.addWidget(_label("t"), 0, 1)
        grid.addWidget(self.time_slider, 0, 2)
        grid.addWidget(self.time_spin, 0, 3)
        self._steps_label = _label(tr("composed steps"))
        self._steps_label.setMinimumWidth(self._steps_label.sizeHint().width())
        grid.addWidget(self._steps_label, 0, 4)
        grid.addWidget(self.steps_spin, 0, 5)
        self.lattice_check = LatticeCheck()
        grid.addWidget(self.lattice_check, 0, 6)

    # --- flow time ----------------------------------------------------------------------------

    def time(self) -> float:
        """The flow time in [0, 1]."""
        return self._time

    def set_time(self, t: float) -> None:
        """Move to flow time t; tells listeners when that is a change."""
        t = min(1.0, max(0.0, t))
        if t == self._time:
            return
        self._time = t
        for widget, value in ((self.time_slider, round(t * TICKS)), (self.time_spin, t)):
            widget.blockSignals(True)
            widget.setValue(value)
            widget.blockSignals(False)
        self.time_changed.emit(t)

    def step_frames(self, frames: int) -> None:
        """Move by hundredths of t; playing ends."""
        self.pause()
        self.set_time(round((self._time + frames / FRAMES) * FRAMES) / FRAMES)

    def frame_on(self) -> None:
        """One frame towards the data."""
        self.step_frames(1)

    def frame_back(self) -> None:
        """One frame towards the noise."""
        self.step_frames(-1)

    def to_start(self) -> None:
        """To the noise."""
        self.step_frames(-FRAMES)

    def to_end(self) -> None:
        """To the data."""
        self.step_frames(FRAMES)

    # --- playing ------------------------------------------------------------------------------

    def play(self) -> None:
        """Play forward."""
        self.playback.start(self._time, 1)

    def play_backward(self) -> None:
        """Play from data to noise."""
        self.playback.start(self._time, -1)

    def pause(self) -> None:
        """Hold still."""
        self.playback.stop()

    def toggle_play(self) -> None:
        """Play or pause."""
        if self.is_playing():
            self.pause()
        else:
            self.play()

    def is_playing(self) -> bool:
        """Whether the flow time moves by itself."""
        return self.playback.playing

    # --- steps and history --------------------------------------------------------------------

    def steps(self) -> int:
        """Jumps of the composed cloud."""
        return self.steps_spin.value()

    def set_steps(self, steps: int) -> None:
        """Set the jumps of the composed cloud."""
        self.steps_spin.setValue(steps)

    def name_steps(self, *, velocity: bool, chosen: bool) -> None:
        """Say what the steps are, and lock them where the solver chooses them for itself."""
        self._steps_label.setText(tr("solver steps" if velocity else "composed steps"))
        self.steps_spin.setEnabled(chosen)
        tip = tr(
            "Steps of the solver from 0 to t ([ and ])"
            if velocity
            else "Jumps that the composed cloud takes from 0 to t ([ and ])"
        )
        self.steps_spin.setToolTip(tip if chosen else tr("An adaptive solver chooses its steps"))

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self.transport.apply_palette(palette)
        self.time_slider.apply_palette(palette)
        self.history.apply_palette(palette)

    # --- inside -------------------------------------------------------------------------------

    def _on_slider(self, place: int) -> None:
        self.set_time(place / TICKS)

    def _on_pressed(self) -> None:
        self.pause()
        self._set_scrubbing(True)

    def _on_released(self) -> None:
        self._set_scrubbing(self.is_playing())

    def _on_playing(self, playing: bool) -> None:
        self._set_scrubbing(playing)
        self.playing_changed.emit(playing)

    def _set_scrubbing(self, scrubbing: bool) -> None:
        if scrubbing != self._scrubbing:
            self._scrubbing = scrubbing
            self.scrubbing_changed.emit(scrubbing)


def _label(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("muted", True)
    return label
