"""The scrubber: flow time t, composed steps and the training history."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QWidget,
)

from flowmap_studio.views.figure_label import keep_size
from flowmap_studio.views.icons import icon
from flowmap_studio.views.lattice_check import LatticeCheck
from flowmap_studio.views.playback import Playback
from flowmap_studio.views.sampling_bar import SamplingBar
from flowmap_studio.views.sliders import JumpSlider, TickedSlider
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette

TICKS = 1000
"""Slider positions between t = 0 and t = 1."""
FRAMES = 100
"""Frames between t = 0 and t = 1, for stepping."""
MARKS = (
    (0, "0 · noise"),
    (TICKS // 4, "¼"),
    (TICKS // 2, "½"),
    (3 * TICKS // 4, "¾"),
    (TICKS, "data · 1"),
)
"""Where the time slider has ticks, and their names."""
TIME_HEIGHT, HISTORY_HEIGHT = 48, 26
SPEEDS = {"¼×": 0.25, "½×": 0.5, "1×": 1.0, "2×": 2.0, "4×": 4.0}


class TimeBar(QWidget):
    """Controls of both axes of time; sends what the user wants, holds what is shown."""

    time_changed = Signal(float)
    steps_changed = Signal(int)
    history_changed = Signal(int)
    live_requested = Signal()
    playing_changed = Signal(bool)
    scrubbing_changed = Signal(bool)
    ping_pong_changed = Signal(bool)

    def __init__(self, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # All that is beside or below another panel is that panel's.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._time = 1.0
        self._steps: Sequence[int] = ()
        self._scrubbing = False
        self.playback = Playback(self)
        self.playback.moved.connect(self.set_time)
        self.playback.playing_changed.connect(self._on_playing)
        self._build_actions()
        grid = QGridLayout(self)
        grid.setContentsMargins(12, 2, 12, 4)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(2, 1)
        self._build_transport(grid)
        self._build_time(grid)
        self._build_history(grid)
        self.sampling = SamplingBar()
        grid.addWidget(self.sampling, 2, 0, 1, 6)
        self.apply_palette(palette)

    # --- building -----------------------------------------------------------------------------

    def _build_actions(self) -> None:
        self.play_action = QAction(tr("Play"), self)
        self.play_action.setObjectName("playAction")
        self.play_action.setToolTip(tr("Play the flow from noise to data (Space)"))
        self.play_action.triggered.connect(self.toggle_play)
        self._buttons: dict[str, QToolButton] = {}

    def _button(self, name: str, tip: str, row: QHBoxLayout) -> QToolButton:
        button = QToolButton()
        button.setObjectName(f"{name}Button")
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        row.addWidget(button)
        self._buttons[name] = button
        return button

    def _build_transport(self, grid: QGridLayout) -> None:
        row = QHBoxLayout()
        row.setSpacing(0)
        self._button("to-start", tr("To the noise, t = 0 (Home)"), row).clicked.connect(
            self.to_start
        )
        self._button("step-back", tr("One frame back (←)"), row).clicked.connect(self.frame_back)
        self._button("play", tr("Play or pause (Space)"), row).setDefaultAction(self.play_action)
        self._button("step-forward", tr("One frame on (→)"), row).clicked.connect(self.frame_on)
        self._button("to-end", tr("To the data, t = 1 (End)"), row).clicked.connect(self.to_end)
        loop = self._button("loop", tr("Start over at the end"), row)
        loop.setCheckable(True)
        loop.setChecked(True)
        loop.toggled.connect(self.set_loop)
        to_and_fro = self._button("ping-pong", tr("Turn round at the ends (Shift+L)"), row)
        to_and_fro.setCheckable(True)
        to_and_fro.toggled.connect(self.set_ping_pong)
        marks = self._button("bookmark", tr("Bookmarks on both axes of time"), row)
        marks.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        marks.setProperty("bareMenu", True)
        self.speed_combo = QComboBox()
        self.speed_combo.setObjectName("speedCombo")
        self.speed_combo.setAccessibleName(tr("Speed"))
        self.speed_combo.setToolTip(tr("Speed of playing; 1× takes 4 s from noise to data"))
        self.speed_combo.addItems(list(SPEEDS))
        self.speed_combo.setCurrentText("1×")
        self.speed_combo.currentTextChanged.connect(self._on_speed)
        row.addSpacing(6)
        row.addWidget(self.speed_combo)
        grid.addLayout(row, 0, 0)

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

    def _build_history(self, grid: QGridLayout) -> None:
        self.history_slider = JumpSlider(self._describe_history)
        self.history_slider.setFixedHeight(HISTORY_HEIGHT)
        self.history_slider.setObjectName("historySlider")
        self.history_slider.setAccessibleName(tr("Training history"))
        self.history_slider.valueChanged.connect(self.history_changed)
        self._history_label = QLabel()
        self._history_label.setObjectName("historyLabel")
        widest = _step(100_000_000, live=True)
        keep_size(self._history_label, self.fontMetrics().horizontalAdvance(widest))
        self.live_button = QToolButton()
        self.live_button.setObjectName("liveButton")
        self.live_button.setText(tr("Live"))
        self.live_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.live_button.setToolTip(tr("Follow the newest weights"))
        self.live_button.clicked.connect(self.live_requested)
        grid.addWidget(_label(tr("training history")), 1, 0, Qt.AlignmentFlag.AlignRight)
        grid.addWidget(self.history_slider, 1, 2)
        grid.addWidget(self._history_label, 1, 3, 1, 2)
        grid.addWidget(self.live_button, 1, 5)
        self.set_history([], 0, live=True)

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

    def set_loop(self, on: bool) -> None:
        """Start over at the end, or stop there."""
        self.playback.loop = on
        self._buttons["loop"].setChecked(on)
        if on:
            self.set_ping_pong(False)

    def set_ping_pong(self, on: bool) -> None:
        """Turn round at the ends, or not; it takes the place of the loop."""
        self.playback.ping_pong = on
        self._buttons["ping-pong"].setChecked(on)
        if on:
            self.set_loop(False)
        self.ping_pong_changed.emit(on)

    def add_bookmark_actions(self, actions: Sequence[QAction]) -> None:
        """Put these into the menu of the bookmarks' button."""
        menu = QMenu(self._buttons["bookmark"])
        menu.addActions(actions)
        self._buttons["bookmark"].setMenu(menu)

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

    def set_history(self, steps: Sequence[int], index: int, *, live: bool) -> None:
        """Show the training history.

        Args:
            steps: Training step of each kept snapshot.
            index: Which one is on stage.
            live: Whether the stage follows the newest.
        """
        slider = self.history_slider
        self._steps = steps
        usable = len(steps) > 1
        slider.blockSignals(True)
        slider.setRange(0, max(0, len(steps) - 1))
        slider.setValue(index)
        slider.blockSignals(False)
        slider.setEnabled(usable)
        self.live_button.setEnabled(usable and not live)
        slider.setToolTip(
            tr(
                "How the map was learned: drag to see earlier weights"
                if usable
                else "Nothing to scrub yet: train a map to see how it was learned"
            )
        )
        self._history_label.setText(_step(steps[index], live=live and usable) if steps else "")

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._palette = palette
        for name, button in self._buttons.items():
            if name != "play":
                button.setIcon(icon(name, palette))
        self.live_button.setIcon(icon("live", palette))
        for slider in (self.time_slider, self.history_slider):
            slider.apply_palette(palette)
        self._on_playing(self.is_playing())

    # --- inside -------------------------------------------------------------------------------

    def _on_slider(self, place: int) -> None:
        self.set_time(place / TICKS)

    def _describe_history(self, place: int) -> str:
        return _step(self._steps[place]) if place < len(self._steps) else ""

    def _on_pressed(self) -> None:
        self.pause()
        self._set_scrubbing(True)

    def _on_released(self) -> None:
        self._set_scrubbing(self.is_playing())

    def _on_speed(self, text: str) -> None:
        self.playback.speed = SPEEDS[text]

    def _on_playing(self, playing: bool) -> None:
        self.play_action.setIcon(icon("pause" if playing else "play", self._palette))
        self.play_action.setText(tr("Pause" if playing else "Play"))
        self._set_scrubbing(playing)
        self.playing_changed.emit(playing)

    def _set_scrubbing(self, scrubbing: bool) -> None:
        if scrubbing != self._scrubbing:
            self._scrubbing = scrubbing
            self.scrubbing_changed.emit(scrubbing)


def _step(step: int, *, live: bool = False) -> str:
    return tr("step {step:,} (live)" if live else "step {step:,}", step=step)


def _label(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("muted", True)
    return label
