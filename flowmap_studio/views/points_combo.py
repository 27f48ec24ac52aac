"""How many points each moving cloud on the stage has."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox

from flowmap_studio.core.drawing.layers import STAGE_COUNTS, STAGE_POINTS
from flowmap_studio.views.texts import tr

TIP = (
    "Points of each moving cloud. Of large clouds some are shown at once and all a little later; "
    "from 20,000 on they are drawn as their density"
)
IMAGES = "Of images the stage shows as many as there is room for"


class PointsCombo(QComboBox):
    """Offers the numbers of points in words."""

    chosen = Signal(int)
    """The number that the user chose."""

    def __init__(self) -> None:
        super().__init__()
        self._images = False
        self.setObjectName("pointsCombo")
        self.setAccessibleName(tr("Points of each moving cloud"))
        for count in STAGE_COUNTS:
            self.addItem(tr("{count:,} points", count=count), count)
        self.show_count(STAGE_POINTS)
        self.setToolTip(tr(TIP))
        self.currentIndexChanged.connect(lambda place: self.chosen.emit(self.itemData(place)))

    def show_count(self, count: int) -> None:
        """Show a number without telling anyone."""
        self.blockSignals(True)
        self.setCurrentIndex(self.findData(count))
        self.blockSignals(False)

    def show_images(self, images: bool) -> None:
        """Allow the choice for points, not for images."""
        if images != self._images:  # asked with every frame
            self._images = images
            self.setEnabled(not images)
            self.setToolTip(tr(IMAGES if images else TIP))
