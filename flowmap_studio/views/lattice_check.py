"""The tick that takes the composed cloud from a lattice of cached steps."""

from __future__ import annotations

from PySide6.QtWidgets import QCheckBox

from flowmap_studio.views.texts import tr

TIP = (
    "Look the composed cloud's jumps up in a lattice that is evaluated once, so that scrubbing "
    "evaluates at most one jump; the error is measured and shown in the caption. While a run goes "
    "on they are evaluated, because every new map would need a new lattice"
)
PLANE_ONLY = "Cached steps lie on a grid of the plane; this map has more axes"


class LatticeCheck(QCheckBox):
    """Ticked: the composed cloud's whole jumps are looked up instead of evaluated."""

    def __init__(self) -> None:
        super().__init__(tr("cached steps"))
        self.setObjectName("latticeCheck")
        self.setAccessibleName(tr("Cached steps"))
        self.show_axes(2)

    def show_axes(self, axes: int) -> None:
        """Allow the tick for maps of the plane only."""
        self.setEnabled(axes == 2)
        self.setToolTip(tr(TIP if axes == 2 else PLANE_ONLY))


def error_text(error: tuple[float, float] | None) -> str:
    """RMS and largest error of cached steps as an addition to the stage's caption."""
    if error is None:
        return ""
    rms, largest = error
    return tr("cached steps: error {rms:.4f} RMS, {largest:.3f} at most", rms=rms, largest=largest)
