"""The button that opens the list of earlier runs and tells by strokes which ones are seen."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolButton, QWidget

from flowmap_studio.core.past_runs import PastRun
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import LIGHT, Palette, interface_font

SIGN = QSize(14, 14)
BEFORE_TEXT, ROOM = 6, 12
"""Logical pixels between sign and text, and round both from side to side."""
STROKES = 3
"""As many runs as the sign has room for."""
NONE_YET = "Earlier runs are kept here once another run begins"


def run_name(run: PastRun) -> str:
    """What a run is called: target, method, coupling and seed."""
    config = run.config
    # A path of another system, too, is more than its file's name.
    target = config.target.replace("\\", "/").rsplit("/", 1)[-1]
    seed = tr("seed {seed}", seed=config.seed)
    return " · ".join((target, config.method, config.coupling, seed))


class RunsButton(QToolButton):
    """Enabled as soon as there are earlier runs.

    Args:
        name: Its object name.
        worded: Whether it says what it is where there is room; else it is the sign alone.
    """

    def __init__(self, name: str, *, worded: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setText(tr("Runs") if worded else "")
        self.setAccessibleName(tr("Earlier runs"))
        self.setFont(interface_font(8.5))
        self.setIconSize(SIGN)
        self.setProperty("tight", True)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._palette = LIGHT
        self._shown: Sequence[PastRun] = ()
        self.set_runs((), ())

    def set_runs(self, runs: Sequence[PastRun], shown: Sequence[PastRun]) -> None:
        """Take all runs and those that are seen, the newest first."""
        self._shown = shown
        self.setEnabled(bool(runs))
        names = "\n".join(
            tr("Run {number}: {name}", number=r.number, name=run_name(r)) for r in shown
        )
        seen = f"{tr('Thin curves are earlier runs:')}\n{names}" if names else ""
        words = seen or tr("Lay earlier runs behind this one")
        self.setToolTip(words if runs else tr(NONE_YET))
        self._draw()

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._palette = palette
        self._draw()

    def sizeHint(self) -> QSize:  # noqa: D102 - Qt's
        words = self.fontMetrics().horizontalAdvance(self.text())
        return self.minimumSizeHint() + QSize(words + BEFORE_TEXT if words else 0, 0)

    def minimumSizeHint(self) -> QSize:  # noqa: D102 - Qt's
        return QSize(SIGN.width() + ROOM, self.fontMetrics().height() + ROOM // 2)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102 - Qt's
        super().resizeEvent(event)
        style = Qt.ToolButtonStyle
        roomy = event.size().width() >= self.sizeHint().width()
        self.setToolButtonStyle(
            style.ToolButtonTextBesideIcon if roomy else style.ToolButtonIconOnly
        )

    def _draw(self) -> None:
        numbers = [run.number for run in self._shown[:STROKES]]
        colours = [self._palette.run_colour(number) for number in numbers]
        # Empty places of the sign are quiet strokes.
        colours += [self._palette.border] * (STROKES - len(colours))
        scale = self.devicePixelRatioF()
        sign = QPixmap(SIGN * scale)
        sign.setDevicePixelRatio(scale)
        sign.fill(Qt.GlobalColor.transparent)
        painter = QPainter(sign)
        for place, colour in enumerate(colours):
            painter.fillRect(1, 2 + 4 * place, SIGN.width() - 2, 2, QColor(colour))
        painter.end()
        made = QIcon()
        made.addPixmap(sign, QIcon.Mode.Normal)
        made.addPixmap(sign, QIcon.Mode.Disabled)
        self.setIcon(made)
