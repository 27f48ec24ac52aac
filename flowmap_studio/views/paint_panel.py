"""The panel to draw a target, and a source, by hand."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QFontComboBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSlider,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from flowmap_studio.views.dropping import dropped_files
from flowmap_studio.views.file_dialogs import TARGET_ENDINGS
from flowmap_studio.views.paint_canvas import PaintCanvas
from flowmap_studio.views.paint_symmetry import SYMMETRIES
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette

TARGET, SOURCE = "target", "source"
NARROWEST, WIDEST = 4, 96
"""Pixels of the brush."""


class PaintPanel(QWidget):
    """Two canvases, their tools, and what shall be done with them.

    Attributes:
        canvases: By `TARGET` and `SOURCE`.

    Args:
        palette: Colours.
    """

    drawn = Signal(str)  # TARGET or SOURCE
    cleared = Signal(str)
    learn_wanted = Signal()
    file_wanted = Signal()
    file_dropped = Signal(object)  # Path

    def __init__(self, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("paintPanel")
        self.setAccessibleName(tr("Draw target and source"))
        self.setAcceptDrops(True)
        self.canvases = {
            TARGET: PaintCanvas("targetCanvas", "target"),
            SOURCE: PaintCanvas("sourceCanvas", "source"),
        }
        self._stack = QStackedWidget()
        for which, canvas in self.canvases.items():
            canvas.sheet.changed.connect(lambda which=which: self.drawn.emit(which))
            canvas.sheet.changed.connect(self._show_undo)
            self._stack.addWidget(canvas)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 8)
        box.setSpacing(6)
        box.addLayout(self._build_choice())
        box.addLayout(self._build_tools())
        box.addWidget(self._stack, 1)
        box.addLayout(self._build_text())
        box.addLayout(self._build_learning())
        self.apply_palette(palette)
        self._show_undo()

    def current(self) -> str:
        """Which canvas is seen: `TARGET` or `SOURCE`."""
        return list(self.canvases)[self._stack.currentIndex()]

    def canvas(self) -> PaintCanvas:
        """The canvas that is seen."""
        return self.canvases[self.current()]

    def learns_on(self) -> bool:
        """Whether a run shall take what is drawn while it goes on."""
        return self._live.isChecked()

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours; paper stays white in the dark."""
        for canvas in self.canvases.values():
            canvas.set_colours(palette.accent, palette.border)

    # --- building -----------------------------------------------------------------------------

    def _build_choice(self) -> QHBoxLayout:
        row, group = QHBoxLayout(), QButtonGroup(self)
        row.setSpacing(2)
        for at, (which, tip) in enumerate(
            (
                (TARGET, tr("What the map learns")),
                (SOURCE, tr("Where the map starts; white leaves it to normal noise")),
            )
        ):
            button = _tool(f"{which}Page", tr(which.capitalize()), tip, checkable=True)
            button.setChecked(at == 0)
            group.addButton(button, at)
            row.addWidget(button)
        group.idClicked.connect(self._on_page)
        row.addStretch(1)
        self._undo = _tool(
            "paintUndo", tr("Undo"), tr("Take the last stroke back (Ctrl+Z on the canvas)")
        )
        self._undo.clicked.connect(lambda: self.canvas().sheet.undo())
        clear = _tool("paintClear", tr("Clear"), tr("White again; a new drawing begins"))
        clear.clicked.connect(self._on_clear)
        row.addWidget(self._undo)
        row.addWidget(clear)
        return row

    def _build_tools(self) -> QHBoxLayout:
        row, group = QHBoxLayout(), QButtonGroup(self)
        row.setSpacing(2)
        for at, (name, text, tip) in enumerate(
            (("brush", tr("Brush"), tr("Draw")), ("eraser", tr("Eraser"), tr("Take away")))
        ):
            button = _tool(f"{name}Tool", text, tip, checkable=True)
            button.setChecked(at == 0)
            group.addButton(button, at)
            row.addWidget(button)
        group.idClicked.connect(self._on_tool)
        self._width = QSlider(Qt.Orientation.Horizontal)
        self._width.setObjectName("brushWidth")
        self._width.setAccessibleName(tr("Width of the brush"))
        self._width.setToolTip(tr("Width of the brush"))
        self._width.setRange(NARROWEST, WIDEST)
        self._width.setValue(self.canvas().sheet.width_px)
        self._width.setMinimumWidth(48)
        self._width.valueChanged.connect(self._on_width)
        self._symmetry = QComboBox()
        self._symmetry.setObjectName("symmetryCombo")
        self._symmetry.setAccessibleName(tr("Symmetry"))
        self._symmetry.setToolTip(tr("Strokes are repeated mirrored or turned about the middle"))
        for name in SYMMETRIES:
            self._symmetry.addItem(tr(name), name)
        self._symmetry.currentIndexChanged.connect(self._on_symmetry)
        row.addWidget(self._width, 1)
        row.addWidget(self._symmetry)
        return row

    def _build_text(self) -> QHBoxLayout:
        self._text = QLineEdit()
        self._text.setObjectName("paintText")
        self._text.setAccessibleName(tr("Text to write"))
        self._text.setPlaceholderText(tr("Text"))
        self._text.setMinimumWidth(50)
        self._text.returnPressed.connect(self._on_text)
        self._font = QFontComboBox()
        self._font.setObjectName("paintFont")
        self._font.setAccessibleName(tr("Font of the text"))
        self._font.setMinimumContentsLength(5)
        self._font.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        write = _tool("paintWrite", tr("Write"), tr("Write the text on the canvas (Enter)"))
        write.clicked.connect(self._on_text)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self._text, 2)
        row.addWidget(self._font, 3)
        row.addWidget(write)
        return row

    def _build_learning(self) -> QHBoxLayout:
        picture = _tool("paintFile", tr("File…"), tr("Put a picture or a point file on the canvas"))
        picture.clicked.connect(self.file_wanted)
        self._live = QCheckBox(tr("while I draw"))
        self._live.setObjectName("paintLive")
        self._live.setToolTip(
            tr(
                "A run goes on from its weights with what you draw next; otherwise press Learn it "
                "again"
            )
        )
        self._live.setChecked(True)
        learn = QPushButton(tr("Learn it"))
        learn.setObjectName("paintLearn")
        learn.setToolTip(tr("Train a map of the drawing"))
        learn.clicked.connect(self.learn_wanted)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(picture)
        row.addStretch(1)
        row.addWidget(learn)
        row.addWidget(self._live)
        return row

    # --- Qt's events --------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: D102 - Qt's
        if dropped_files(event, TARGET_ENDINGS):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: D102 - Qt's
        event.acceptProposedAction()
        for path in dropped_files(event, TARGET_ENDINGS):
            self.file_dropped.emit(Path(path))

    # --- inside -------------------------------------------------------------------------------

    def _on_page(self, at: int) -> None:
        self._stack.setCurrentIndex(at)
        self._show_undo()

    def _on_tool(self, at: int) -> None:
        for canvas in self.canvases.values():
            canvas.sheet.erasing = at == 1

    def _on_width(self, width: int) -> None:
        for canvas in self.canvases.values():
            canvas.sheet.width_px = width
            canvas.update()

    def _on_symmetry(self, at: int) -> None:
        for canvas in self.canvases.values():
            canvas.sheet.symmetry = self._symmetry.itemData(at)

    def _on_text(self) -> None:
        if self._text.text().strip():
            self.canvas().sheet.put_text(self._text.text(), self._font.currentFont())

    def _on_clear(self) -> None:
        self.canvas().sheet.clear()
        self.cleared.emit(self.current())

    def _show_undo(self) -> None:
        self._undo.setEnabled(self.canvas().sheet.can_undo())


def _tool(name: str, text: str, tip: str, *, checkable: bool = False) -> QToolButton:
    button = QToolButton()
    button.setObjectName(name)
    button.setText(text)
    button.setToolTip(tip)
    button.setCheckable(checkable)
    return button
