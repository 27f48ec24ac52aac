"""The legend of the loss plot: a toggle, a colour and the newest value for each term."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QWidget

from flowmap_studio.core.history import RARE_TERMS, TERMS
from flowmap_studio.views.figure_label import keep_size
from flowmap_studio.views.plot_base import figure
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette, interface_font

TIPS = {
    "match": "<b>Match</b><br>Article: ‖φ(x0, t) − I_t‖². Two-time methods: "
    "‖v(I_t, t, t) − (x1 − x0)‖².<br>Its floor is the conditional variance of the coupling, not "
    "0: values are not comparable across couplings. A rise means that the map follows the data "
    "worse, often because the learning rate is too large.",
    "consistency": "<b>Consistency</b><br>Article: ‖φ(φ(x, s), t) − φ(x, s + t)‖². Semigroup: one "
    "long jump against two short ones.<br>A rise means that one step and many steps lead to "
    "different places. It starts near 0, where no map has been learned yet, and may rise at first.",
    "identity": "<b>Identity</b><br>‖X(x, s, s) − x‖²: no time, no motion.<br>Exactly 0 in the "
    "residual form x + (t − s)·net; learned in the free form, where a rise means that the map "
    "moves points at t = 0 already.",
    "score": "<b>Score</b><br>Schrödinger bridge: ‖σ √(t(1 − t)) s(x_t, t) + z‖², s = ∇log p_t "
    "and z the bridge's noise.<br>Its floor is what x_t does not tell of z, not 0. A rise means "
    "that samples of the SDE follow the data worse.",
    "density": "<b>Density head</b><br>(head − log|det ∂X_{0,t}/∂x|)² in nats², counted with 0.01 "
    "in the total.<br>It follows the map and does not change it. A rise means that the map "
    "stretches space in a way that the head has not caught up with.",
    "total": "<b>Total</b><br>match + λ consistency · consistency + λ identity · identity and "
    "whatever else the method has: what "
    "the optimiser sees.<br>It hardly falls when its largest term is near its floor, while the "
    "map still improves: look at Quality.",
}
STATE_TEXTS = {"zero": "0 by construction", "absent": "none in this method"}
WIDEST_FIGURE = "0.00e00"
GAP = 12


class TermLegend(QWidget):
    """Toggles with values, in two columns where they fit and else in one."""

    toggled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._states: dict[str, str] = dict.fromkeys(TERMS, "live")
        self._arranged: tuple[int, tuple[QWidget, ...]] = 0, ()
        self._toggles: dict[str, QCheckBox] = {}
        self._values: dict[str, QLabel] = {}
        self._items: dict[str, QWidget] = {}
        for term in TERMS:
            self._add(term)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(GAP)
        self._grid.setVerticalSpacing(2)
        # The plot's width must not depend on the words of the legend.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._arrange()

    def is_on(self, term: str) -> bool:
        """Whether the user wants to see a term's curve."""
        return self._toggles[term].isChecked()

    def set_states(self, states: Mapping[str, str]) -> None:
        """Take how each term behaves: "live", "zero" or "absent"; a missing one is live."""
        self._states = {term: states.get(term, "live") for term in TERMS}
        for term, toggle in self._toggles.items():
            words = STATE_TEXTS.get(self._states[term])
            toggle.setText(tr(term) if words is None else f"{tr(term)}: {tr(words)}")
            toggle.setEnabled(self._states[term] != "absent")
            self._values[term].setVisible(words is None)
            self._items[term].setVisible(self._is_spoken_of(term))
        self._arrange()

    def set_values(self, values: Mapping[str, float]) -> None:
        """Show the newest value of each live term; NaN shows a dash."""
        for term, label in self._values.items():
            text = figure(values.get(term, math.nan))
            if label.text() != text:
                label.setText(text)

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        for term, toggle in self._toggles.items():
            colour = palette.layer(term)
            toggle.setStyleSheet(
                "QCheckBox { spacing: 5px; border: none; padding: 1px 0; }"
                f"QCheckBox:hover {{ color: {colour}; }}"
                f"QCheckBox:disabled {{ color: {palette.muted}; }}"
                "QCheckBox::indicator { width: 9px; height: 9px; border-radius: 3px; "
                f"border: 2px solid {colour}; background: transparent; }}"
                f"QCheckBox::indicator:checked {{ background: {colour}; }}"
                f"QCheckBox::indicator:disabled {{ border-color: {palette.border}; "
                "background: transparent; }"
                f"QCheckBox:focus {{ color: {palette.accent}; }}"
            )

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102 - Qt's
        super().resizeEvent(event)
        self._arrange()

    def _add(self, term: str) -> None:
        font = interface_font(8.5)
        toggle = QCheckBox(tr(term))
        toggle.setObjectName(f"toggle_{term}")
        toggle.setChecked(True)
        toggle.setFont(font)
        toggle.toggled.connect(self.toggled)
        value = QLabel("–")
        value.setObjectName(f"value_{term}")
        value.setAccessibleName(tr("Newest {term}", term=tr(term)))
        value.setFont(font)
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        keep_size(value, value.fontMetrics().horizontalAdvance(WIDEST_FIGURE) + 2)
        item = QWidget()
        item.setToolTip(tr(TIPS[term]))
        row = QHBoxLayout(item)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(toggle)
        row.addStretch(1)
        row.addWidget(value)
        self._toggles[term], self._values[term], self._items[term] = toggle, value, item

    def _is_spoken_of(self, term: str) -> bool:
        return term not in RARE_TERMS or self._states[term] != "absent"

    def _arrange(self) -> None:
        shown = tuple(item for term, item in self._items.items() if self._is_spoken_of(term))
        hints = [item.sizeHint().width() for item in shown]
        two = max(hints[0::2], default=0) + max(hints[1::2], default=0) + GAP
        columns = 2 if two <= max(self.width(), 1) else 1
        if (columns, shown) == self._arranged:
            return
        self._arranged = columns, shown
        for item in self._items.values():
            self._grid.removeWidget(item)
        for index, item in enumerate(shown):
            row, column = divmod(index, columns)
            self._grid.addWidget(item, row, column)
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(1, columns - 1)
