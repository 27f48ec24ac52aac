"""How the clouds are sampled: a velocity's ODE solver, a conditional map's class and guidance."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QLabel, QWidget

from flowmap_studio.core.solvers import SOLVERS
from flowmap_studio.views.sliders import JumpSlider
from flowmap_studio.views.texts import tr

ALL = "all"
LARGEST_GUIDANCE = 10.0
TICKS = 20
"""Places of the guidance slider from one whole number to the next."""


class SamplingBar(QWidget):
    """A row of controls; each is there only for the maps that it is for."""

    solver_changed = Signal(str)
    label_changed = Signal(object)  # a class's name, or None for all
    guidance_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: tuple[str, ...] = ()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addStretch(1)
        self._velocity = self._build_velocity(row)
        self._conditional = self._build_conditional(row)
        self.show_velocity(False)
        self.show_classes(())

    def _build_velocity(self, row: QHBoxLayout) -> list[QWidget]:
        self.solver_combo = QComboBox()
        self.solver_combo.setObjectName("solverCombo")
        self.solver_combo.setAccessibleName(tr("ODE solver"))
        self.solver_combo.setToolTip(
            tr("How the velocity is solved for; the one-step cloud is always one step of Euler")
        )
        for name, solver in SOLVERS.items():
            self.solver_combo.addItem(solver.title, name)
            tip = tr(solver.summary)
            self.solver_combo.setItemData(
                self.solver_combo.count() - 1, tip, Qt.ItemDataRole.ToolTipRole
            )
        self.solver_combo.currentIndexChanged.connect(self._on_solver)
        self._evaluations = _muted("")
        self._evaluations.setObjectName("evaluationsLabel")
        self._evaluations.setToolTip(tr("How often the network is evaluated for each point"))
        self._evaluations.setMinimumWidth(self.fontMetrics().horizontalAdvance(_count_text(999)))
        return _placed(row, _muted(tr("solver")), self.solver_combo, self._evaluations)

    def _build_conditional(self, row: QHBoxLayout) -> list[QWidget]:
        self.class_combo = QComboBox()
        self.class_combo.setObjectName("classCombo")
        self.class_combo.setAccessibleName(tr("Class"))
        self.class_combo.setToolTip(tr("Show all classes, or the samples and the data of one"))
        self.class_combo.setMinimumContentsLength(8)
        self.class_combo.currentIndexChanged.connect(self._on_class)
        self.guidance_spin = QDoubleSpinBox()
        self.guidance_spin.setObjectName("guidanceSpin")
        self.guidance_spin.setAccessibleName(tr("Guidance scale"))
        self.guidance_spin.setToolTip(
            tr(
                "Classifier-free guidance: 1 is the class as learned, 0 all classes together, more "
                "exaggerates the class"
            )
        )
        self.guidance_spin.setRange(0, LARGEST_GUIDANCE)
        self.guidance_spin.setSingleStep(0.25)
        self.guidance_spin.setDecimals(2)
        self.guidance_spin.setValue(1)
        self.guidance_spin.setKeyboardTracking(False)
        self.guidance_spin.setFixedWidth(64)
        self.guidance_spin.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.guidance_spin.valueChanged.connect(self._on_guidance)
        self.guidance_slider = JumpSlider()
        self.guidance_slider.setObjectName("guidanceSlider")
        self.guidance_slider.setAccessibleName(tr("Guidance scale"))
        self.guidance_slider.setToolTip(self.guidance_spin.toolTip())
        self.guidance_slider.setRange(0, round(LARGEST_GUIDANCE * TICKS))
        self.guidance_slider.setPageStep(TICKS)
        self.guidance_slider.setFixedWidth(140)
        self.guidance_slider.setValue(TICKS)
        self.guidance_slider.valueChanged.connect(
            lambda place: self.guidance_spin.setValue(place / TICKS)
        )
        guidance = (_muted(tr("guidance")), self.guidance_slider, self.guidance_spin)
        return _placed(row, _muted(tr("class")), self.class_combo, *guidance)

    def show_velocity(self, on: bool) -> None:
        """Offer the solvers, or not."""
        for widget in self._velocity:
            widget.setVisible(on)
        self._show_self()

    def show_classes(self, names: Sequence[str]) -> None:
        """Offer these classes, or none."""
        if tuple(names) != self._names:
            self._names = tuple(names)
            self.class_combo.blockSignals(True)
            self.class_combo.clear()
            self.class_combo.addItem(tr(ALL), None)
            for name in names:
                self.class_combo.addItem(name, name)
            self.class_combo.blockSignals(False)
        for widget in self._conditional:
            widget.setVisible(bool(names))
        self._show_self()

    def show_sampling(self, solver: str, label: str | None, guidance: float) -> None:
        """Show what is in force without telling listeners."""
        for widget, value in (
            (self.solver_combo, self.solver_combo.findData(solver)),
            (self.class_combo, self.class_combo.findData(label)),
        ):
            widget.blockSignals(True)
            widget.setCurrentIndex(max(0, value))
            widget.blockSignals(False)
        self.guidance_spin.blockSignals(True)
        self.guidance_spin.setValue(guidance)
        self.guidance_spin.blockSignals(False)
        self._show_on_slider(guidance)

    def show_evaluations(self, count: float) -> None:
        """Show how often the network was evaluated for each point of the composed cloud."""
        self._evaluations.setText(_count_text(count))

    def _show_self(self) -> None:
        velocity = not self.solver_combo.isHidden()
        self.setVisible(velocity or bool(self._names))

    def _show_on_slider(self, guidance: float) -> None:
        self.guidance_slider.blockSignals(True)
        self.guidance_slider.setValue(round(guidance * TICKS))
        self.guidance_slider.blockSignals(False)

    def _on_guidance(self, guidance: float) -> None:
        self._show_on_slider(guidance)
        self.guidance_changed.emit(guidance)

    def _on_solver(self, index: int) -> None:
        self.solver_changed.emit(self.solver_combo.itemData(index))

    def _on_class(self, index: int) -> None:
        self.label_changed.emit(self.class_combo.itemData(index))


def _count_text(count: float) -> str:
    one = round(count) == 1
    return tr("{count:,.0f} evaluation" if one else "{count:,.0f} evaluations", count=count)


def _muted(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("muted", True)
    return label


def _placed(row: QHBoxLayout, *widgets: QWidget) -> list[QWidget]:
    for widget in widgets:
        row.addWidget(widget)
    return list(widgets)
