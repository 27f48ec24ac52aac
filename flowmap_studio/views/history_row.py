"""The scrubber's second row: which snapshot of the training is on stage."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QToolButton, QWidget

from flowmap_studio.views.figure_label import keep_size
from flowmap_studio.views.icons import icon
from flowmap_studio.views.sliders import JumpSlider
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette

HEIGHT = 26


class HistoryRow(QObject):
    """A slider over the kept snapshots, the step of the shown one and the way back to the newest.

    Attributes:
        slider: Its position is the place of a snapshot.

    Args:
        owner: Whose font it has.
    """

    changed = Signal(int)
    """The place that the user chose."""
    live_requested = Signal()

    def __init__(self, owner: QWidget) -> None:
        super().__init__(owner)
        self._steps: Sequence[int] = ()
        self.slider = JumpSlider(self._describe)
        self.slider.setFixedHeight(HEIGHT)
        self.slider.setObjectName("historySlider")
        self.slider.setAccessibleName(tr("Training history"))
        self.slider.valueChanged.connect(self.changed)
        self._label = QLabel()
        self._label.setObjectName("historyLabel")
        widest = _step(100_000_000, live=True)
        keep_size(self._label, owner.fontMetrics().horizontalAdvance(widest))
        self._live = QToolButton()
        self._live.setObjectName("liveButton")
        self._live.setText(tr("Live"))
        self._live.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._live.setToolTip(tr("Follow the newest weights"))
        self._live.clicked.connect(self.live_requested)
        self.show_steps([], 0, live=True)

    def put_into(self, grid: QGridLayout, row: int) -> None:
        """Lay it out below the flow time: name, slider, step, button."""
        name = QLabel(tr("training history"))
        name.setProperty("muted", True)
        grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignRight)
        grid.addWidget(self.slider, row, 2)
        grid.addWidget(self._label, row, 3, 1, 2)
        grid.addWidget(self._live, row, 5)

    def show_steps(self, steps: Sequence[int], index: int, *, live: bool) -> None:
        """Show the training history.

        Args:
            steps: Training step of each kept snapshot.
            index: Which one is on stage.
            live: Whether the stage follows the newest.
        """
        self._steps = steps
        usable = len(steps) > 1
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(steps) - 1))
        self.slider.setValue(index)
        self.slider.blockSignals(False)
        self.slider.setEnabled(usable)
        self._live.setEnabled(usable and not live)
        self.slider.setToolTip(
            tr(
                "How the map was learned: drag to see earlier weights"
                if usable
                else "Nothing to scrub yet: train a map to see how it was learned"
            )
        )
        self._label.setText(_step(steps[index], live=live and usable) if steps else "")

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._live.setIcon(icon("live", palette))
        self.slider.apply_palette(palette)

    def _describe(self, place: int) -> str:
        return _step(self._steps[place]) if place < len(self._steps) else ""


def _step(step: int, *, live: bool = False) -> str:
    return tr("step {step:,} (live)" if live else "step {step:,}", step=step)
