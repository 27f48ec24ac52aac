"""The list of earlier runs, each with a box that shows or hides its curves."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from flowmap_studio.core.past_runs import PastRun
from flowmap_studio.views.field_texts import unusual
from flowmap_studio.views.runs_button import run_name
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import LIGHT, Palette, interface_font

MOST_HEIGHT = 320
"""Logical pixels of the list; longer ones scroll."""
GAP = 4
NAMED_BY = ("target", "method", "coupling", "seed")
"""Settings that are in a run's name; its tip tells the others."""


class RunChooser(QFrame):
    """Pops up at a button; Escape or a click elsewhere closes it."""

    run_ticked = Signal(int, bool)  # number, whether it is to be seen
    forget_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("runChooser")
        self.setAccessibleName(tr("Earlier runs"))
        self._palette = LIGHT
        self._boxes: dict[int, QCheckBox] = {}
        self._area = QScrollArea()
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidgetResizable(True)
        heading = QLabel(tr("Earlier runs"))
        heading.setProperty("heading", True)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 10, 8, 10)
        box.setSpacing(6)
        box.addWidget(heading)
        box.addWidget(self._area)
        box.addLayout(self._make_buttons())

    def _make_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self._all = QPushButton(tr("Show all"))
        self._all.setObjectName("showAllRuns")
        self._all.clicked.connect(lambda: self._tick_all(on=True))
        self._none = QPushButton(tr("Hide all"))
        self._none.setObjectName("hideAllRuns")
        self._none.clicked.connect(lambda: self._tick_all(on=False))
        forget = QPushButton(tr("Forget all"))
        forget.setObjectName("forgetRuns")
        forget.clicked.connect(self._on_forget)
        for button in (self._all, self._none):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(forget)
        return row

    def set_runs(self, runs: Sequence[PastRun], shown: Sequence[PastRun]) -> None:
        """List these runs.

        Args:
            runs: The newest first.
            shown: Those of them that are seen.
        """
        seen = {run.number for run in shown}
        if [run.number for run in runs] != list(self._boxes):
            self._list_anew(runs)
        for number, box in self._boxes.items():
            box.blockSignals(True)
            box.setChecked(number in seen)
            box.blockSignals(False)
        self._all.setEnabled(len(seen) < len(self._boxes))
        self._none.setEnabled(bool(seen))

    def pop_up(self, button: QWidget) -> None:
        """Show it at a button, above it where there is more room."""
        self.adjustSize()
        screen = button.screen().availableGeometry()
        corner = button.mapToGlobal(QPoint(button.width(), 0))
        below = corner.y() + button.height() + GAP
        above = corner.y() - GAP - self.height()
        left = min(max(corner.x() - self.width(), screen.left()), screen.right() - self.width())
        self.move(left, above if above >= screen.top() else below)
        self.show()
        first = next(iter(self._boxes.values()), None)
        if first is not None:
            first.setFocus(Qt.FocusReason.PopupFocusReason)

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours; a run's box has that of its curves."""
        self._palette = palette
        for number, box in self._boxes.items():
            box.setStyleSheet(_box_style(palette, palette.run_colour(number)))

    def event(self, event: QEvent) -> bool:  # noqa: D102 - Qt's
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()  # the window's keys rest, so that Space ticks a box
            return True
        return super().event(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102 - Qt's
        if event.type() == QEvent.Type.FocusIn and isinstance(watched, QWidget):
            self._area.ensureWidgetVisible(watched)  # arrows leave that to us, other than Tab
        return super().eventFilter(watched, event)

    # --- inside -------------------------------------------------------------------------------

    def _list_anew(self, runs: Sequence[PastRun]) -> None:
        content = QWidget()
        content.setObjectName("runList")
        grid = QGridLayout(content)
        grid.setContentsMargins(0, 0, 8, 0)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(0, 1)
        self._boxes = {}
        for column, words in enumerate((tr("run"), tr("steps"), tr("one-step W2"))):
            grid.addWidget(_cell(words, muted=True, right=column > 0), 0, column)
        for row, run in enumerate(runs, start=1):
            w2 = "–" if run.one_step is None else f"{run.one_step:.3f}"
            steps = f"{run.steps:,}"
            grid.addWidget(self._box(run, steps, w2), row, 0)
            grid.addWidget(_cell(steps, right=True), row, 1)
            grid.addWidget(_cell(w2, right=True), row, 2)
        self.apply_palette(self._palette)
        self._area.setWidget(content)  # the former one is deleted
        wanted = content.sizeHint()
        self._area.setMinimumWidth(wanted.width() + 12)
        self._area.setFixedHeight(min(wanted.height(), MOST_HEIGHT))

    def _box(self, run: PastRun, steps: str, w2: str) -> QCheckBox:
        box = QCheckBox(tr("Run {number}: {name}", number=run.number, name=run_name(run)))
        box.setObjectName(f"run_{run.number}")
        box.setAccessibleName(
            tr("{run}, {steps} steps, one-step W2 {w2}", run=box.text(), steps=steps, w2=w2)
        )
        box.setFont(interface_font(9))
        box.setToolTip("\n".join(unusual(run.config, besides=NAMED_BY)))
        box.installEventFilter(self)
        box.toggled.connect(lambda on: self.run_ticked.emit(run.number, on))
        self._boxes[run.number] = box
        return box

    def _tick_all(self, *, on: bool) -> None:
        for box in list(self._boxes.values()):
            box.setChecked(on)

    def _on_forget(self) -> None:
        self.hide()
        self.forget_wanted.emit()


def _cell(text: str, *, muted: bool = False, right: bool = False) -> QLabel:
    label = QLabel(text)
    label.setFont(interface_font(9))
    label.setProperty("muted", muted)
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    label.setAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    return label


def _box_style(palette: Palette, colour: str) -> str:
    return (
        "QCheckBox { spacing: 7px; border: none; padding: 2px 0; }"
        f"QCheckBox:hover, QCheckBox:focus {{ color: {palette.accent}; }}"
        "QCheckBox::indicator { width: 10px; height: 10px; border-radius: 3px; "
        f"border: 2px solid {colour}; background: transparent; }}"
        f"QCheckBox::indicator:checked {{ background: {colour}; image: none; }}"
    )
