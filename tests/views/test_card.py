"""A card shows what its labels say now, and is drawn only when that is something else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QFont, QImage, QPalette, QPixmap

from flowmap_studio.core.palettes import DARK, LIGHT
from flowmap_studio.views.card import Card, CardLabel

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")

WORD, SIGN = QRect(10, 10, 80, 20), QRect(100, 10, 12, 12)


class OneCard:
    """A card with a word and a sign."""

    def __init__(self, qtbot) -> None:
        self.card = Card(LIGHT)
        self.card.resize(140, 40)
        self.word, self.sign = CardLabel(self.card, "4,096"), CardLabel(self.card)
        self.word.setGeometry(WORD)
        self.sign.setGeometry(SIGN)
        self.sign.setPixmap(square("#ff0000"))
        qtbot.addWidget(self.card)
        self.card.show()

    def seen(self) -> np.ndarray:
        """(rows, columns) pixels."""
        image = self.card.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        return np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), -1).copy()


def square(colour: str) -> QPixmap:
    made = QPixmap(SIGN.size())
    made.fill(QColor(colour))
    return made


def coloured(one: OneCard) -> None:
    palette = one.word.palette()
    palette.setColor(QPalette.ColorRole.WindowText, QColor("#0000ff"))
    one.word.setPalette(palette)


CHANGES: dict[str, Callable[[OneCard], object]] = {
    "another word": lambda one: one.word.setText("1,024"),
    "no word": lambda one: one.word.setText(""),
    "another sign": lambda one: one.sign.setPixmap(square("#00ff00")),
    "a hidden word": lambda one: one.word.hide(),
    "a word elsewhere": lambda one: one.word.move(20, 14),
    "a narrower word": lambda one: one.word.resize(20, 20),
    "another font": lambda one: one.word.setFont(QFont("Inter", 14)),
    "another colour": coloured,
    "the other palette": lambda one: one.card.apply_palette(DARK),
    "another size": lambda one: one.card.resize(160, 50),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_seen_as_if_it_had_always_been_so(
    qtbot, change: Callable[[OneCard], object]
) -> None:
    late, early = OneCard(qtbot), OneCard(qtbot)
    before = late.seen()
    change(late)
    change(early)
    after = late.seen()
    assert not np.array_equal(after, before)
    np.testing.assert_array_equal(after, early.seen())


def test_word_and_sign_are_where_their_labels_lie(qtbot) -> None:
    one = OneCard(qtbot)
    whole = one.seen()
    assert (
        whole[SIGN.top() : SIGN.bottom() + 1, SIGN.left() : SIGN.right() + 1] == 0xFFFF0000
    ).all()
    one.word.setText("")
    rows, columns = np.nonzero(one.seen() != whole)
    assert len(rows) > 20
    assert WORD.top() <= rows.min() <= rows.max() <= WORD.bottom()
    assert WORD.left() <= columns.min() <= columns.max() <= WORD.right()


def test_it_is_drawn_once_while_nothing_changes(qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    one, drawn, draw = OneCard(qtbot), [], Card._drawn
    monkeypatch.setattr(Card, "_drawn", lambda card, size: drawn.append(1) or draw(card, size))
    one.word.setText("other")
    for _ in range(3):
        one.seen()
        one.word.setText("other")
    assert len(drawn) == 1
