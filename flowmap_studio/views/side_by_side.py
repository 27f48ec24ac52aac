"""Maps side by side: a pane for each, the same noise, time and view in all of them."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPixmap, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from flowmap_studio.core.drawing.layers import BACK_TO_FRONT, MARKER_SCALE, START_OPACITY
from flowmap_studio.core.methods import METHODS
from flowmap_studio.runtime.frames import Frame, Rival, pane
from flowmap_studio.views.cloud_view import CloudView
from flowmap_studio.views.icons import icon
from flowmap_studio.views.points_item import PointsItem
from flowmap_studio.views.sampling_texts import sampling_text, some_text
from flowmap_studio.views.stage_plot import StagePlot
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette

SMALLER = 0.6
"""Size of a pane's markers in those of the stage, which is larger."""
SPACING = 6
"""Logical pixels between two panes."""
FINER = 2
"""Pixels of a picture for each on the screen."""


class Pane(QWidget):
    """One map's cloud over the data, below its name."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self.title, self.note = QLabel(), QLabel()
        self.note.setProperty("muted", True)
        for label in (self.title, self.note):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setMinimumWidth(1)  # long names are cut and do not widen the window
        font = self.title.font()
        font.setBold(True)
        self.title.setFont(font)
        self.plot = StagePlot(palette)
        self.items = {
            layer: PointsItem(palette.layer(layer), SMALLER * MARKER_SCALE[layer])
            for layer in ("data", "composed")
        }
        for layer, item in self.items.items():
            item.setZValue(BACK_TO_FRONT.index(layer))
            item.set_opacity(START_OPACITY[layer])
            self.plot.addItem(item, ignoreBounds=True)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        for part in (self.title, self.note):
            part.setContentsMargins(8, 1, 8, 1)
            box.addWidget(part)
        box.addWidget(self.plot, 1)

    def name(self, rival: Rival) -> None:
        """Say whose cloud it is and how it is sampled."""
        velocity = METHODS[rival.snapshot.config.method].clock == "start"
        way = sampling_text(velocity, rival.solver, rival.steps)
        title, note = f"{rival.name}: {way}", rival.note
        for label, text in ((self.title, title), (self.note, note)):
            label.setText(text)
            label.setToolTip(text)
        self.plot.setAccessibleName(f"{title}. {note}")

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self.plot.apply_palette(palette)
        for layer, item in self.items.items():
            item.set_colour(palette.layer(layer))
            item.set_class_colours(palette.classes)


class SideBySide(QWidget):
    """As many panes as a frame has; what one shows of the plane, all show.

    They begin with the stage's view and leave theirs to it.

    Args:
        stage: The stage, in whose place they are seen; its projection is theirs too.
        palette: Colours.
    """

    close_wanted = Signal()

    def __init__(self, stage: CloudView, palette: Palette) -> None:
        super().__init__()
        self.setObjectName("sideBySide")
        self.setAccessibleName(tr("Maps side by side"))
        self._stage, self._palette = stage, palette
        self._following = False
        self._panes: list[Pane] = []
        self._sheet = QWidget()
        self._grid = QGridLayout(self._sheet)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(SPACING)
        self._caption = QLabel()
        self._caption.setObjectName("sideBySideCaption")
        self._caption.setProperty("muted", True)
        self._close = QToolButton()
        self._close.setObjectName("sideBySideClose")
        self._close.setText(tr("Back to the stage"))
        self._close.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._close.clicked.connect(self.close_wanted)
        head = QHBoxLayout()
        head.setContentsMargins(8, 4, 4, 0)
        head.addWidget(self._caption, 1)
        head.addWidget(self._close)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        box.addLayout(head)
        box.addWidget(self._sheet, 1)
        stage.plot.fitted.connect(self._fit)
        stage.projection_changed.connect(self._draw)
        self._frame: Frame | None = None
        self.apply_palette(palette)

    @property
    def panes(self) -> tuple[Pane, ...]:
        """The panes that are seen, in the order of the rows; none while the stage is seen."""
        return tuple(self._panes)

    def show_frame(self, frame: Frame) -> None:
        """Show the panes' clouds of a frame, and its time above them."""
        rivals = frame.request.sampling.panes
        if len(rivals) != len(self._panes):
            self._make(len(rivals))
        for shown, rival in zip(self._panes, rivals, strict=True):
            shown.name(rival)
        parts = (f"t = {frame.request.t:.3f}", some_text(frame))
        self._caption.setText(" · ".join(filter(None, parts)))
        self._frame = frame
        self._draw()

    def forget(self) -> None:
        """Have no panes any more: the stage is seen again."""
        self._frame = None
        while self._panes:
            self._panes.pop().deleteLater()

    def picture(self) -> QPixmap:
        """The panes, in `FINER` times as many pixels as on the screen."""
        made = QPixmap(self._sheet.size() * FINER)
        made.setDevicePixelRatio(FINER)
        made.fill(self._palette.panel)
        self._sheet.render(made)
        return made

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._palette = palette
        self._close.setIcon(icon("close", palette))
        for one in self._panes:
            one.apply_palette(palette)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102 - Qt's
        super().resizeEvent(event)
        self._place()

    def _draw(self) -> None:
        frame = self._frame
        if frame is None:
            return
        for place, one in enumerate(self._panes):
            layers = {"data": "data", "composed": pane(place)}
            for layer, source in layers.items():
                seen = self._stage.seen(frame.clouds[source])
                one.items[layer].set_points(seen, frame.labels.get(source))

    def _make(self, count: int) -> None:
        """Have so many panes, seen as the stage is."""
        while len(self._panes) > count:
            self._panes.pop().deleteLater()
        while len(self._panes) < count:
            made = Pane(self._palette)
            made.apply_palette(self._palette)
            made.plot.view_moved.connect(lambda plot=made.plot: self._follow(plot))
            made.plot.fit_wanted.connect(self._stage.fit)
            self._panes.append(made)
        self._place()
        if self._stage.plot.is_fitted():
            self._stage.fit()
        else:
            self._follow(self._stage.plot)

    def _place(self) -> None:
        """Choose the number of columns that gives each pane's shorter side the most pixels."""
        count = len(self._panes)
        if not count:
            return
        width, height = self._sheet.width(), self._sheet.height()
        columns = max(
            range(1, count + 1),
            key=lambda columns: min(width / columns, height / math.ceil(count / columns)),
        )
        for place, one in enumerate(self._panes):
            self._grid.addWidget(one, place // columns, place % columns)
        for line in range(max(self._grid.columnCount(), self._grid.rowCount())):
            self._grid.setColumnStretch(line, int(line < columns))
            self._grid.setRowStretch(line, int(line < math.ceil(count / columns)))

    def _fit(self, low: object, high: object) -> None:
        for one in self._panes:
            one.plot.fit(low, high)

    def _follow(self, leader: StagePlot) -> None:
        """Show everywhere what one of the plots shows."""
        if self._following:  # it moves because of the leader
            return
        self._following = True
        for plot in (self._stage.plot, *(one.plot for one in self._panes)):
            if plot is not leader:
                plot.move_to(*leader.view())
        self._following = False
