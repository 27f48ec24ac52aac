"""What is followed over time: one traced point, and a group of points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.drawing.layers import (
    FOLLOWED,
    LINE_WIDTH,
    MARKER_SCALE,
    layer_colour,
)
from flowmap_studio.core.probing.values import Following, Lines, Paths
from flowmap_studio.core.projections import projected
from flowmap_studio.runtime.frames import Frame
from flowmap_studio.views.points_item import PointsItem
from flowmap_studio.views.stage_layers.items import PathsItem
from flowmap_studio.views.stage_plot import StagePlot
from flowmap_studio.views.theme import Palette

GROUP_DEPTH, TRACE_DEPTH, HEAD_DEPTH = 900.0, 910.0, 920.0


class Followed:
    """Draws the trace and the group.

    Attributes:
        rows: The group's places among the noise points.
        members: (n, dim) where the group is at the time on stage, in all axes.
        colours: Of group, trace and traced point, #rrggbb.

    Args:
        plot: Where.
    """

    def __init__(self, plot: StagePlot) -> None:
        self.rows: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self.members: npt.NDArray[np.floating] = np.empty((0, 2))
        self._frame: npt.NDArray[np.floating] | None = None
        self.colours: dict[str, str] = {}
        self.path = PathsItem(LINE_WIDTH["trace"], whole=True)
        self.head = PointsItem("#000000", MARKER_SCALE["traced"])
        self.group = PointsItem("#000000", MARKER_SCALE["group"])
        depths = (TRACE_DEPTH, HEAD_DEPTH, GROUP_DEPTH)
        for item, depth in zip((self.path, self.head, self.group), depths, strict=True):
            item.setZValue(depth)
            plot.addItem(item, ignoreBounds=True)

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self.colours = {layer: layer_colour(palette, layer) for layer in FOLLOWED}
        self.path.set_colour(self.colours["trace"])
        self.head.set_colour(self.colours["traced"])
        self.group.set_colour(self.colours["group"])

    def shape(self) -> Lines | None:
        """The traced way, whole; None where there is none."""
        return self.path.shape()

    def following(self) -> Following:
        """What is followed, for films."""
        return Following(self.rows, self.path.paths)

    def set_projection(self, frame: npt.NDArray[np.floating] | None) -> None:
        """See everything along two directions, (dim, 2); along the first two axes when None."""
        self._frame = frame
        self.path.set_projection(frame)
        self._draw()

    def show_paths(self, paths: Paths | None) -> None:
        """Draw the traced way, or none."""
        self.path.set_paths(paths)
        self._draw()

    def show_frame(self, frame: Frame) -> None:
        """Put point and group where they are at the time on stage."""
        self.path.set_time(frame.request.t)
        cloud = frame.clouds["one_step"]
        self.members = cloud[self.rows[self.rows < len(cloud)]]
        self._draw()

    def _draw(self) -> None:
        if not (len(self.rows) or len(self.head) or len(self.group)) and self.path.paths is None:
            return  # as at most times
        self.head.set_points(self.path.heads())
        self.group.set_points(projected(self.members, self._frame))
