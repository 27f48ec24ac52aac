"""The panel of the guided tour: a chapter to read, and buttons to go on."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from flowmap_studio.views.key_reach import SPACE_PLAYS
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette
from flowmap_studio.views.tour_chapters import CHAPTERS, Chapter

CAREFUL = "What is on stage is not saved, or still trains; the chapter would take its place."


class TourPanel(QWidget):
    """Shows one chapter; sends what the user wants.

    Args:
        palette: Colours.
    """

    chapter_wanted = Signal(int)
    set_up_wanted = Signal()
    training_wanted = Signal()
    finished = Signal()

    def __init__(self, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tourPanel")
        self.setAccessibleName(tr("Guided tour"))
        self._at = 0
        self._chapters = QComboBox()
        self._chapters.setObjectName("tourChapters")
        self._chapters.setAccessibleName(tr("Chapter"))
        self._chapters.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._chapters.addItems([f"{n}. {tr(c.title)}" for n, c in enumerate(CHAPTERS, start=1)])
        self._chapters.activated.connect(self.chapter_wanted)
        self._text = QTextBrowser()
        self._text.setObjectName("tourText")
        self._text.setAccessibleName(tr("Text of the chapter"))
        self._text.setOpenLinks(False)
        self._text.setTabChangesFocus(True)
        self._text.setFrameShape(QTextBrowser.Shape.NoFrame)
        self._figures = _label("tourFigures")
        self._careful = _label("tourCareful")
        self._careful.setText(tr(CAREFUL))
        self._careful.hide()
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 8)
        box.setSpacing(6)
        self._build_buttons()
        top, bottom = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self._chapters, 1)
        top.addWidget(self._set_up)
        bottom.addWidget(self._back)
        bottom.addStretch(1)
        bottom.addWidget(self._train)
        bottom.addStretch(1)
        bottom.addWidget(self._next)
        box.addLayout(top)
        box.addWidget(self._text, 1)
        box.addWidget(self._figures)
        box.addWidget(self._careful)
        box.addLayout(bottom)
        self.apply_palette(palette)
        self.show_chapter(0)

    def show_chapter(self, at: int) -> None:
        """Show a chapter by its number, from 0."""
        self._at = at
        chapter = CHAPTERS[at]
        self._chapters.setCurrentIndex(at)
        self._text.setHtml(tr(chapter.text))
        self._back.setEnabled(at > 0)
        self._next.setText(tr("&Next" if at < len(CHAPTERS) - 1 else "&Finish"))
        self._train.setText(tr(chapter.train_text))
        self._train.setVisible(chapter.training is not None)
        self.show_figures("")
        self.set_careful(careful=False)

    def chapter(self) -> Chapter:
        """The one that is shown."""
        return CHAPTERS[self._at]

    def show_figures(self, text: str) -> None:
        """Say what was measured; nothing when ""."""
        self._figures.setText(text)
        self._figures.setVisible(bool(text))

    def set_careful(self, *, careful: bool) -> None:
        """Say that setting the studio up would lose something, and leave it to the user."""
        self._careful.setVisible(careful)
        self._set_up.setText(tr("Set up all the same" if careful else "Set up"))

    def take_focus(self) -> None:
        """Let Enter go on; Space plays, as the first chapter says."""
        self._next.setFocus()

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._text.document().setDefaultStyleSheet("p { margin: 0 0 8px 0; }")
        self._text.setStyleSheet(
            f"QTextBrowser {{ background: {palette.panel}; color: {palette.text}; }}"
        )
        self._text.setHtml(tr(self.chapter().text))

    def _build_buttons(self) -> None:
        self._back = _button("tourBack", tr("&Back"))
        self._back.clicked.connect(lambda: self.chapter_wanted.emit(self._at - 1))
        self._next = _button("tourNext", tr("&Next"))
        self._next.clicked.connect(self._on_next)
        self._next.setAutoDefault(True)
        self._next.setProperty(SPACE_PLAYS, True)
        self._set_up = _button("tourSetUp", tr("Set up"))
        self._set_up.setToolTip(tr("Bring the chapter's map, time, steps and layers to the stage"))
        self._set_up.clicked.connect(self.set_up_wanted)
        self._train = _button("tourTrain", "")
        self._train.setToolTip(tr("Start a short training with the chapter's settings"))
        self._train.clicked.connect(self.training_wanted)

    def _on_next(self) -> None:
        if self._at < len(CHAPTERS) - 1:
            self.chapter_wanted.emit(self._at + 1)
        else:
            self.finished.emit()


def _label(name: str) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setProperty("muted", True)
    label.setWordWrap(True)
    return label


def _button(name: str, text: str) -> QPushButton:
    button = QPushButton(text)
    button.setObjectName(name)
    return button
