"""The panel that compares methods and maps: what takes part, how far it is, and the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from flowmap_studio.core.comparison_table import Row
from flowmap_studio.core.methods import METHODS
from flowmap_studio.views.compare_table import CompareTable
from flowmap_studio.views.texts import told, tr
from flowmap_studio.views.theme import Palette

USUAL = ("flow-matching", "rectified-flow", "semigroup")
WAITING_TEXT = "Each map comes here as soon as it is trained and measured."
EMPTY_TEXT = (
    "Nothing is compared yet. Compare trains the chosen methods with the settings, data and seed "
    "of this window; or add the map on stage, or presets of the same target."
)


class CompareMenu(QMenu):
    """A menu of ticks that stays open while they are set."""

    def mouseReleaseEvent(self, event: object) -> None:  # noqa: D102 - Qt's
        action = self.activeAction()
        if action is not None and action.isCheckable() and action.isEnabled():
            action.trigger()
        else:
            super().mouseReleaseEvent(event)


class ComparePanel(QWidget):
    """Sends what the user wants; holds the table."""

    start_wanted = Signal(object)  # names of methods
    cancel_wanted = Signal()
    stage_wanted = Signal()
    presets_wanted = Signal()
    clear_wanted = Signal()

    def __init__(self, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("comparePanel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._running = False
        self._reason = ""
        self._target = ""
        self.table = CompareTable(palette)
        self._empty = QLabel(tr(EMPTY_TEXT))
        self._empty.setObjectName("compareEmpty")
        self._empty.setProperty("muted", True)
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 4, 8, 6)
        box.setSpacing(4)
        box.addLayout(self._build_controls())
        box.addWidget(self.table, 1)
        box.addWidget(self._empty, 1)
        self.set_rows([], {})
        self.apply_palette(palette)

    def _build_controls(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        self._methods = QToolButton()
        self._methods.setObjectName("compareMethods")
        self._methods.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = CompareMenu(self._methods)
        self._menu.setToolTipsVisible(True)
        self.method_actions: dict[str, QAction] = {}
        for name, info in METHODS.items():
            action = self._menu.addAction(name)
            action.setCheckable(True)
            action.setChecked(name in USUAL)
            action.setToolTip(tr(info.summary))
            action.toggled.connect(self._show_state)
            self.method_actions[name] = action
        self._methods.setMenu(self._menu)
        self._start = self._button("compareStart", tr("Compare"), self._on_start)
        self._stage = self._button("compareStage", tr("Add map on stage"), self.stage_wanted)
        self._presets = self._button("comparePresets", tr("Add presets…"), self.presets_wanted)
        self._copy = self._button("compareCopy", tr("Copy"), self._on_copy)
        self._copy.setToolTip(tr("Copy the table for a spreadsheet"))
        self._clear = self._button("compareClear", tr("Clear"), self.clear_wanted)
        self._progress = QProgressBar()
        self._progress.setObjectName("compareProgress")
        self._progress.setAccessibleName(tr("Progress of the comparison"))
        self._progress.setRange(0, 1000)
        self._progress.setTextVisible(False)
        self._progress.setFixedWidth(100)
        self._text = QLabel()
        self._text.setObjectName("compareText")
        self._text.setProperty("muted", True)
        # It takes what room is left and never asks for more, so that nothing jumps about.
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        for widget in (self._methods, self._start, self._stage, self._presets):
            row.addWidget(widget)
        row.addWidget(self._progress)
        row.addWidget(self._text, 1)
        row.addWidget(self._copy)
        row.addWidget(self._clear)
        return row

    def _button(self, name: str, text: str, clicked: object) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.clicked.connect(clicked)
        return button

    # --- what is shown ------------------------------------------------------------------------

    def methods(self) -> tuple[str, ...]:
        """The methods that are ticked."""
        chosen = (name for name, action in self.method_actions.items() if action.isChecked())
        # The baselines first, as in the article's table.
        return tuple(sorted(chosen, key=lambda name: METHODS[name].clock != "start"))

    def set_rows(self, rows: Sequence[Row], floor: Mapping[str, float]) -> None:
        """Show these rows."""
        self.table.set_rows(rows, floor)
        self._show_state()

    def set_running(self, running: bool) -> None:
        """Offer to cancel while a comparison goes on."""
        self._running = running
        self._show_state()

    def set_progress(self, text: str, fraction: float) -> None:
        """Say what is done and how far it is."""
        self._text.setText(told(text))
        self._text.setToolTip(told(text))
        self._progress.setValue(round(1000 * fraction))

    def set_available(self, reason: str, *, has_map: bool, target: str) -> None:
        """Let the user compare, or not.

        Args:
            reason: Why not, or "".
            has_map: Whether there is a map on stage to add.
            target: What methods would be trained on.
        """
        self._reason, self._has_map, self._target = reason, has_map, target
        self._show_state()

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self.table.apply_palette(palette)

    # --- inside -------------------------------------------------------------------------------

    _has_map = False

    def _show_state(self) -> None:
        chosen, filled = self.methods(), self.table.rowCount() > 0
        free = not self._running and not self._reason
        count = len(chosen)
        self._methods.setText(
            tr("{count} method" if count == 1 else "{count} methods", count=count)
        )
        self._methods.setToolTip("\n".join([tr("Methods to train and compare"), *chosen]))
        self._methods.setEnabled(free)
        self._start.setText(tr("Cancel" if self._running else "Compare"))
        self._start.setEnabled(self._running or (free and bool(chosen)))
        usual = tr(
            "Train the chosen methods on {target} with the settings on the left",
            target=self._target,
        )
        self._start.setToolTip("" if self._running else self._reason or usual)
        for button, there in ((self._stage, self._has_map), (self._presets, True)):
            button.setEnabled(free and there)
            button.setToolTip(self._reason or tr("Measure it beside the rows of the same target"))
        self._copy.setEnabled(filled)
        self._clear.setEnabled(filled and not self._running)
        self._progress.setVisible(self._running)
        self.table.setVisible(filled)
        self._empty.setText(tr(WAITING_TEXT if self._running else EMPTY_TEXT))
        self._empty.setVisible(not filled)

    def _on_start(self) -> None:
        if self._running:
            self.cancel_wanted.emit()
        else:
            self.start_wanted.emit(self.methods())

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.table.as_text())
