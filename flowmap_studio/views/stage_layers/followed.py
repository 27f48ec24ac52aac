"""What is followed over time: one traced point, and a group of points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.drawing.layers import LINE_WIDTH, MARKER_SCALE
from flowmap_studio.core.probing.values import Lines, Paths
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
        colours: Of group, trace and traced point, #rrggbb.

    Args:
        plot: Where.
    """

    def __init__(self, plot: StagePlot) -> None:
        self.rows: npt.NDArray[np.int64] = np.empty(0, np.int64)
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
        self.colours = {"trace": palette.text, "traced": palette.text, "group": palette.consistency}
        self.path.set_colour(self.colours["trace"])
        self.head.set_colour(self.colours["traced"])
        self.group.set_colour(self.colours["group"])

    def shape(self) -> Lines | None:
        """The traced way, whole; None where there is none."""
        return self.path.shape()

    def show_paths(self, paths: Paths | None) -> None:
        """Draw the traced way, or none."""
        self.path.set_paths(paths)
        self.head.set_points(self.path.heads())

    def show_frame(self, frame: Frame) -> None:
        """Put point and group where they are at the time on stage."""
        self.path.set_time(frame.request.t)
        self.head.set_points(self.path.heads())
        cloud = frame.clouds["one_step"]
        self.group.set_points(cloud[self.rows[self.rows < len(cloud)], :2])
