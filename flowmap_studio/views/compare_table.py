"""The table of a comparison: a row for each map and way of sampling, one of them on stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from flowmap_studio.core.comparison_table import COLUMNS, Row, cells, floor_cells
from flowmap_studio.core.methods import METHODS
from flowmap_studio.runtime.frames import MOST_PANES
from flowmap_studio.views.sampling_texts import sampling_text
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette

TIP = (
    "Tick it to see these samples on stage, in the place of Composed; tick several to see them "
    "side by side"
)
NAMES = 2
"""The first columns are words, the others figures."""


class CompareTable(QTableWidget):
    """Rows with a box each: a ticked one is shown on stage, several of them side by side."""

    rows_ticked = Signal(object)  # tuple of the ticked rows

    def __init__(self, palette: Palette) -> None:
        super().__init__(0, len(COLUMNS))
        self.setObjectName("compareTable")
        self.setAccessibleName(tr("Comparison of maps"))
        self._palette = palette
        self._rows: list[Row] = []
        self._most = MOST_PANES
        self.setHorizontalHeaderLabels([tr(name) for name in COLUMNS])
        for column, tip in enumerate(COLUMNS.values()):
            self.horizontalHeaderItem(column).setToolTip(tr(tip))
            side = Qt.AlignmentFlag.AlignLeft if column < NAMES else Qt.AlignmentFlag.AlignRight
            middle = Qt.AlignmentFlag.AlignVCenter
            self.horizontalHeaderItem(column).setTextAlignment(side | middle)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 9)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for column in range(NAMES):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setHighlightSections(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)  # Tab goes on to the next panel
        self.itemChanged.connect(self._on_changed)

    def set_rows(self, rows: Sequence[Row], floor: Mapping[str, float]) -> None:
        """Show these rows and, below them, data against data."""
        ticked = self.ticked()
        self.blockSignals(True)
        self._rows = list(rows)
        self.setRowCount(len(rows) + bool(floor))
        for place, row in enumerate(rows):
            name, _, *figures = cells(row)
            self._write(place, [name, _sampling(row), *figures])
            box = self.item(place, 0)
            box.setFlags(box.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            on = any(row is one for one in ticked)
            box.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
            box.setToolTip(tr(TIP))
        if floor:
            name, *figures = floor_cells(floor)
            self._write(len(rows), [tr(name), *figures])
        self.blockSignals(False)
        self.apply_palette(self._palette)
        if len(self.ticked()) < len(ticked):
            self.rows_ticked.emit(self.ticked())

    def ticked(self) -> tuple[Row, ...]:
        """The rows that are shown on stage, in their order."""
        return tuple(row for place, row in enumerate(self._rows) if self._is_ticked(place))

    def set_most(self, count: int) -> None:
        """Let so many rows be ticked at once: another tick takes that of the first away."""
        self._most = count

    def untick(self) -> None:
        """Take all ticks away without telling anyone."""
        self.blockSignals(True)
        for place in range(len(self._rows)):
            self.item(place, 0).setCheckState(Qt.CheckState.Unchecked)
        self.blockSignals(False)

    def as_text(self) -> str:
        """The table with its headings, cells parted by tabs, for a spreadsheet."""
        lines = [[tr(name) for name in COLUMNS]]
        lines += [
            [self.item(place, column).text() for column in range(len(COLUMNS))]
            for place in range(self.rowCount())
        ]
        return "\n".join("\t".join(line) for line in lines)

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours; data against data is written in a quiet one."""
        self._palette = palette
        self.blockSignals(True)
        for place in range(self.rowCount()):
            ink = QColor(palette.text if place < len(self._rows) else palette.muted)
            for column in range(len(COLUMNS)):
                self.item(place, column).setForeground(ink)
        self.blockSignals(False)

    def event(self, event: QEvent) -> bool:  # noqa: D102 - Qt's
        if event.type() == QEvent.Type.ShortcutOverride and event.key() == Qt.Key.Key_Space:
            event.accept()  # Space ticks here, before it plays
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102 - Qt's
        if event.key() != Qt.Key.Key_Space:
            super().keyPressEvent(event)
        elif 0 <= self.currentRow() < len(self._rows):
            box, ticked = self.item(self.currentRow(), 0), self._is_ticked(self.currentRow())
            box.setCheckState(Qt.CheckState.Unchecked if ticked else Qt.CheckState.Checked)

    def _write(self, place: int, texts: Sequence[str]) -> None:
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            side = Qt.AlignmentFlag.AlignLeft if column < NAMES else Qt.AlignmentFlag.AlignRight
            item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
            self.setItem(place, column, item)

    def _on_changed(self, item: QTableWidgetItem) -> None:
        if item.column() or item.row() >= len(self._rows):
            return
        self.blockSignals(True)
        others = [at for at in range(len(self._rows)) if self._is_ticked(at) and at != item.row()]
        surplus = len(self.ticked()) - self._most
        for place in others[: max(0, surplus)]:
            self.item(place, 0).setCheckState(Qt.CheckState.Unchecked)
        self.blockSignals(False)
        self.rows_ticked.emit(self.ticked())

    def _is_ticked(self, place: int) -> bool:
        return self.item(place, 0).checkState() is Qt.CheckState.Checked


def _sampling(row: Row) -> str:
    velocity = METHODS[row.snapshot.config.method].clock == "start"
    return sampling_text(velocity, row.solver, row.steps)
