"""What is followed over time: one traced point, and a group of points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flowmap_studio.runtime.frames import Frame
from flowmap_studio.runtime.probe_values import Paths
from flowmap_studio.views.points_item import PointsItem
from flowmap_studio.views.stage_layers.items import PathsItem
from flowmap_studio.views.stage_plot import StagePlot
from flowmap_studio.views.theme import Palette

GROUP_DEPTH, TRACE_DEPTH, HEAD_DEPTH = 900.0, 910.0, 920.0
GROUP_SCALE, HEAD_SCALE = 1.0, 1.2
"""Larger than the markers of the clouds."""


class Followed:
    """Draws the trace and the group.

    Attributes:
        rows: The group's places among the noise points.

    Args:
        plot: Where.
    """

    def __init__(self, plot: StagePlot) -> None:
        self.rows: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self.path = PathsItem(2.0, whole=True)
        self.head = PointsItem("#000000", HEAD_SCALE)
        self.group = PointsItem("#000000", GROUP_SCALE)
        depths = (TRACE_DEPTH, HEAD_DEPTH, GROUP_DEPTH)
        for item, depth in zip((self.path, self.head, self.group), depths, strict=True):
            item.setZValue(depth)
            plot.addItem(item, ignoreBounds=True)

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self.path.set_colour(palette.text)
        self.head.set_colour(palette.text)
        self.group.set_colour(palette.consistency)

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
