"""Which stage is shown: the plane's for points, the grid's for images; and projections of space."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from flowmap_studio.core.images import as_pictures
from flowmap_studio.runtime.frames import Frame
from flowmap_studio.runtime.session import Session
from flowmap_studio.views.cloud_view import CloudView
from flowmap_studio.views.image_stage import GRIDS, ImageStage
from flowmap_studio.views.projection_bar import ProjectionBar
from flowmap_studio.views.session_mirror import caption, layer_names
from flowmap_studio.views.side_by_side import SideBySide
from flowmap_studio.views.stage_plot import StagePlot
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette


class StageDesk(QObject):
    """The stages on top of each other, and what of a frame each shows.

    Attributes:
        widget: To be placed in its parent's layout.
        stage: The stage of the plane.
        images: The stage of images.
        panes: Maps side by side.
        projection: How points of more than two axes are seen.

    Args:
        session: Gives frames and takes what is picked.
        palette: Colours.
        parent: Of the widget.
    """

    def __init__(self, session: Session, palette: Palette, parent: QWidget) -> None:
        super().__init__(session)
        self.widget = QStackedWidget(parent)
        self._plane = QWidget(self.widget)
        stage = self.stage = CloudView(palette, self._plane)
        self.projection = ProjectionBar(stage)
        self.images = ImageStage(palette, self.widget)
        self.panes = SideBySide(stage, palette)
        box = QVBoxLayout(self._plane)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addWidget(self.projection)
        box.addWidget(stage, 1)
        self.widget.addWidget(self._plane)
        for other in (self.images, self.panes):
            self.widget.addWidget(other)
        session.view_reset.connect(self._expect_clouds)
        session.failed.connect(self._expect_nothing)
        session.frame_changed.connect(self.show_frame)
        self.panes.close_wanted.connect(lambda: session.set_sampling(panes=()))
        self.images.picked.connect(lambda row: session.set_sampling(picked=row))
        self.images.other_picked.connect(lambda row: session.set_sampling(other=row))

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours; the plane's stage takes them by itself."""
        self.images.apply_palette(palette)
        self.panes.apply_palette(palette)

    @Slot()
    def _expect_clouds(self) -> None:
        """A map is on stage, whose clouds take a while where torch is still to be loaded."""
        self.stage.set_empty_text(tr("The first clouds are on their way…"))

    @Slot()
    def _expect_nothing(self) -> None:
        """An empty stage stays so: the map that was to come can't be made."""
        self.stage.set_empty_text(tr("Nothing to show yet. Press Train or open a preset."))

    def shown(self) -> CloudView | ImageStage | SideBySide:
        """The stage that is seen."""
        seen = self.widget.currentWidget()
        return seen if isinstance(seen, ImageStage | SideBySide) else self.stage

    def plot(self) -> StagePlot:
        """What keys zoom and move: the stage's plot, or that of a pane, which the others follow."""
        panes = self.panes.panes
        return panes[0].plot if panes else self.stage.plot

    def show_frame(self, frame: Frame) -> None:
        """Show a frame on the stage that its data belongs to."""
        snapshot = frame.request.snapshot
        if not frame.request.sampling.panes:
            self.panes.forget()
        if snapshot.image is None:
            self.projection.show_points(snapshot)
            several = bool(frame.request.sampling.panes)
            if several:
                self.panes.show_frame(frame)
            self.widget.setCurrentWidget(self.panes if several else self._plane)
            return
        shown = {name: frame.clouds[name] for name in GRIDS} | dict(frame.strips)
        self.images.set_pictures(
            {name: as_pictures(points, snapshot.image) for name, points in shown.items()}
        )
        request, sampling = frame.request, frame.request.sampling
        one_step, composed = layer_names(request)
        picked, other = sampling.picked + 1, sampling.other + 1
        self.images.set_titles(
            {
                "one_step": one_step,
                "composed": composed,
                "data": tr("Data"),
                "way": tr("The way of sample {picked}: t = 0 to 1", picked=picked),
                "mix": tr(
                    "From sample {picked} to sample {other}, by their noise (Shift+click chooses "
                    "the other)",
                    picked=picked,
                    other=other,
                ),
            }
        )
        self.images.set_marked(sampling.picked, sampling.other)
        classes = snapshot.classes
        self.images.set_labels(
            {name: [classes[label] for label in found] for name, found in frame.labels.items()}
            if classes
            else {}
        )
        self.images.set_caption(caption(request))
        self.widget.setCurrentWidget(self.images)
