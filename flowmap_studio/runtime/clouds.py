"""The clouds of one frame. Imports torch, so the evaluator imports it in its thread."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.cached_steps import CHECKED, CachedMap
from flowmap_studio.core.costs import counted
from flowmap_studio.core.guidance import Guide
from flowmap_studio.core.loaded_map import LoadedMap, Points
from flowmap_studio.core.stage_clouds import (
    guided_classes,
    shown_data,
    stage_guide,
    stage_noise,
    stage_source,
)
from flowmap_studio.runtime.frames import (
    LATTICE_RESOLUTION,
    Frame,
    FrameRequest,
    Rival,
    pane,
)
from flowmap_studio.runtime.image_strips import image_strips
from flowmap_studio.runtime.time_lattice import INTERVALS, TimeLattice, moving

PART = 1024
"""Points of a lattice that are moved at once: what else is asked for in the meantime waits for no
more than these."""


class CachedSteps:
    """The lattice of a map's jumps, made once for all times t, and its error.

    Args:
        request: For which map, jumps and class.
        loaded: Its map.
    """

    def __init__(self, request: FrameRequest, loaded: LoadedMap) -> None:
        self._made_for = request
        self._device = loaded.device
        self._noise = stage_noise(loaded, request.sampling.points)
        self._guide = _guide(loaded, request)
        steps = request.steps
        first = slice(CHECKED)  # enough to lay the grids round
        some = None if self._guide is None else self._guide.rows(first)
        self._map = CachedMap(loaded, self._noise[first], steps, LATTICE_RESOLUTION, some)
        self.error = self._map.error(self._noise, self._guide)

    def serve(self, request: FrameRequest, loaded: LoadedMap) -> bool:
        """Whether they are the steps that a request asks for, where its map is evaluated now."""
        made = self._made_for
        here = made.snapshot is request.snapshot and made.steps == request.steps
        here = here and self._device == loaded.device
        one, other = made.sampling, request.sampling
        return here and all(
            getattr(one, name) == getattr(other, name) for name in ("label", "guidance", "points")
        )

    def at(self, t: float, rows: slice = slice(None)) -> Points:
        """(n, dim) stage points at time t, in data units."""
        some = None if self._guide is None else self._guide.rows(rows)
        return self._map.at(self._noise[rows], t, some)


@dataclass(frozen=True)
class Maps:
    """What a frame is made with.

    Attributes:
        loaded: The map on stage.
        rival: What stands in the place of the composed cloud, if anything does.
        cached: The cached steps of the map on stage, if they were asked for.
        panes: The maps of the panes.
    """

    loaded: LoadedMap
    rival: LoadedMap | None = None
    cached: CachedSteps | None = None
    panes: tuple[LoadedMap, ...] = ()

    @property
    def rounded(self) -> bool:
        """Whether one of them was rounded off."""
        return any(one.rounded for one in (self.loaded, self.rival, *self.panes) if one)


def draw_frame(request: FrameRequest, maps: Maps) -> Frame:
    """The clouds that a request asks for.

    Args:
        request: Which.
        maps: Those that it names.
    """
    began = time.perf_counter()
    rows = slice(request.composed_points)  # of as many as there are
    loaded, cached = maps.loaded, maps.cached
    guide = _guide(loaded, request)
    moved, evaluations = _moved(request, maps, rows, slice(request.one_step_points))
    error = cached.error if cached is not None and request.sampling.cached else None
    labels = _labels(request, maps, moved)
    data, known = shown_data(request.snapshot, request.sampling.label)
    if known is not None:
        labels["data"] = known
    clouds = {"source": stage_source(loaded, request.sampling.points), "data": data, **moved}
    strips = image_strips(request, loaded, guide) if request.snapshot.image else {}
    for cloud in (*clouds.values(), *strips.values()):
        cloud.flags.writeable = False
    spent = time.perf_counter() - began
    return Frame(
        request,
        MappingProxyType(clouds),
        spent,
        evaluations,
        MappingProxyType(labels),
        error,
        maps.rounded,
        MappingProxyType(strips),
    )


def _labels(
    request: FrameRequest, maps: Maps, moved: Mapping[str, Points]
) -> dict[str, npt.NDArray[np.int64]]:
    """The classes of the points of moving clouds and of the source, where maps have classes."""
    rivals = {pane(place): one for place, one in enumerate(maps.panes)}
    of = {"one_step": maps.loaded, "composed": maps.rival or maps.loaded, **rivals}
    labels, known = {}, {}
    for layer, loaded in of.items():
        if loaded not in known:  # one map is often sampled in several ways
            guide = _guide(loaded, request)
            known[loaded] = None if guide is None else guided_classes(guide)
        if (classes := known[loaded]) is not None:
            labels[layer] = classes[: len(moved[layer])]
            if layer == "one_step":
                labels["source"] = classes
    return labels


def grow_lattice(frame: Frame, maps: Maps) -> Iterator[TimeLattice | None]:
    """Make the lattice of a full frame, bit by bit; arguments as `draw_frame`'s.

    Yields:
        None after every part of the work, and the lattice at the end.
    """
    request = frame.request
    nodes = {
        layer: np.empty((INTERVALS + 1, *frame.clouds[layer].shape), np.float32)
        for layer in moving(frame)
    }
    for place in range(INTERVALS + 1):
        then = replace(request, t=place / INTERVALS)
        for start in range(0, len(frame.clouds["source"]), PART):
            rows = slice(start, start + PART)
            for layer, points in _moved(then, maps, rows, rows)[0].items():
                nodes[layer][place, rows] = points
            yield None
    yield TimeLattice(frame, MappingProxyType(nodes))


def _guide(loaded: LoadedMap, request: FrameRequest) -> Guide | None:
    asked = request.sampling.fitted(loaded.snapshot)
    return stage_guide(loaded, asked.label, asked.guidance, asked.points)


def _moved(
    request: FrameRequest,
    maps: Maps,
    rows: slice,
    one_step_rows: slice,
) -> tuple[dict[str, Points], float]:
    """The moving clouds of these rows, and evaluations of each composed point."""
    panes = {
        pane(place): _sampled(request, one, way, rows)[0]
        for place, (one, way) in enumerate(zip(maps.panes, request.sampling.panes, strict=True))
    }
    one_step, composed, evaluations = _of_stage(request, maps, rows, one_step_rows)
    return {"one_step": one_step, "composed": composed, **panes}, evaluations


def _of_stage(
    request: FrameRequest, maps: Maps, rows: slice, one_step_rows: slice
) -> tuple[Points, Points, float]:
    """One-step and composed cloud, and evaluations of each composed point."""
    loaded, sampling = maps.loaded, request.sampling
    guide = _guide(loaded, request)
    some = None if guide is None else guide.rows(one_step_rows)
    whole = stage_noise(loaded, sampling.points)
    noise, points = whole[one_step_rows], len(range(len(whole))[rows])
    if sampling.cached and maps.cached is not None:
        composed, evaluations = maps.cached.at(request.t, one_step_rows), 0.0
    elif maps.rival is not None and sampling.rival is not None:
        composed, evaluations = _sampled(request, maps.rival, sampling.rival, rows)
    elif request.steps == 1 and sampling.solver == "euler":
        one_step = loaded.at(noise, request.t, 1, some)
        return one_step, one_step, 1.0
    elif guide is None and loaded.jumps(sampling.solver) and 0 < points <= len(noise):
        ways = ((points, request.steps), (len(noise), 1))
        composed, one_step = loaded.at_ways(noise, request.t, ways)
        return one_step, composed, float(request.steps)
    else:
        own = Rival("", request.snapshot, request.steps, sampling.solver)
        composed, evaluations = _sampled(request, loaded, own, rows)
    return loaded.at(noise, request.t, 1, some), composed, evaluations


def _sampled(
    request: FrameRequest, loaded: LoadedMap, way: Rival, rows: slice
) -> tuple[Points, float]:
    """A cloud that is sampled in a way, and the evaluations of each of its points."""
    noise = stage_noise(loaded, request.sampling.points)[rows]
    guide = _guide(loaded, request)
    some = None if guide is None else guide.rows(rows)
    with counted(loaded.flow_map) as evaluations:
        points = loaded.at(noise, request.t, way.steps, some, way.solver)
    return points, evaluations.per_point(len(noise))
