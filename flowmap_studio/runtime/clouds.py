"""The clouds of one frame. Imports torch, so the evaluator imports it in its thread."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from flowmap_studio.core.cached_steps import CachedMap
from flowmap_studio.core.costs import counted
from flowmap_studio.core.drawing.layers import stage_count
from flowmap_studio.core.guidance import Guide
from flowmap_studio.core.loaded_map import LoadedMap, Points
from flowmap_studio.core.stage_clouds import (
    guided_classes,
    shown_data,
    stage_guide,
    stage_noise,
)
from flowmap_studio.runtime.frames import (
    DRAG_POINTS,
    LATTICE_RESOLUTION,
    Frame,
    FrameRequest,
)
from flowmap_studio.runtime.image_strips import image_strips
from flowmap_studio.runtime.time_lattice import INTERVALS, TimeLattice

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
        self._noise = stage_noise(loaded)
        self._guide = _guide(loaded, request)
        steps = request.steps
        self._map = CachedMap(loaded, self._noise, steps, LATTICE_RESOLUTION, self._guide)
        self.error = self._map.error(self._noise, self._guide)

    def serve(self, request: FrameRequest) -> bool:
        """Whether they are the steps that a request asks for."""
        made = self._made_for
        here = made.snapshot is request.snapshot and made.steps == request.steps
        one, other = made.sampling, request.sampling
        return here and (one.label, one.guidance) == (other.label, other.guidance)

    def at(self, t: float, rows: slice = slice(None)) -> Points:
        """(n, dim) stage points at time t, in data units."""
        some = None if self._guide is None else self._guide.rows(rows)
        return self._map.at(self._noise[rows], t, some)


def draw_frame(
    request: FrameRequest, loaded: LoadedMap, rival: LoadedMap | None, cached: CachedSteps | None
) -> Frame:
    """The clouds that a request asks for.

    Args:
        request: Which.
        loaded: Its map.
        rival: The map of its rival, if it has one.
        cached: Its cached steps, if it asks for them.
    """
    began = time.perf_counter()
    most = stage_count(request.snapshot.image)
    rows = slice(most if request.full else min(most, DRAG_POINTS))
    guide = _guide(loaded, request)
    one_step, composed, evaluations = _moved(request, loaded, rival, cached, rows)
    error = cached.error if cached is not None and request.sampling.cached else None
    labels = {}
    if guide is not None:
        labels["one_step"] = labels["source"] = guided_classes(guide)
    beside = guide if rival is None else _guide(rival, request)
    if beside is not None:
        labels["composed"] = guided_classes(beside)[: len(composed)]
    data, known = shown_data(request.snapshot, request.sampling.label)
    if known is not None:
        labels["data"] = known
    clouds = {
        "source": loaded.snapshot.normalisation.undo(stage_noise(loaded).numpy()),
        "data": data,
        "one_step": one_step,
        "composed": composed,
    }
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
        MappingProxyType(strips),
    )


def grow_lattice(
    frame: Frame, loaded: LoadedMap, rival: LoadedMap | None, cached: CachedSteps | None
) -> Iterator[TimeLattice | None]:
    """Make the lattice of a full frame, bit by bit; arguments as `draw_frame`'s.

    Yields:
        None after every part of the work, and the lattice at the end.
    """
    request = frame.request
    nodes = {
        layer: np.empty((INTERVALS + 1, *frame.clouds[layer].shape), np.float32)
        for layer in ("one_step", "composed")
    }
    for place in range(INTERVALS + 1):
        then = replace(request, t=place / INTERVALS)
        for start in range(0, stage_count(request.snapshot.image), PART):
            rows = slice(start, start + PART)
            one_step, composed, _ = _moved(then, loaded, rival, cached, rows, rows)
            nodes["one_step"][place, rows], nodes["composed"][place, rows] = one_step, composed
            yield None
    yield TimeLattice(frame, MappingProxyType(nodes))


def _guide(loaded: LoadedMap, request: FrameRequest) -> Guide | None:
    asked = request.sampling.fitted(loaded.snapshot)
    return stage_guide(loaded, asked.label, asked.guidance)


def _moved(
    request: FrameRequest,
    loaded: LoadedMap,
    rival: LoadedMap | None,
    cached: CachedSteps | None,
    rows: slice,
    one_step_rows: slice = slice(None),
) -> tuple[Points, Points, float]:
    """One-step and composed cloud of these rows, and evaluations of each of the latter's points."""
    guide = _guide(loaded, request)
    some = None if guide is None else guide.rows(one_step_rows)
    noise = stage_noise(loaded)[one_step_rows]
    one_step = loaded.at(noise, request.t, 1, some)
    if request.sampling.cached and cached is not None:
        return one_step, cached.at(request.t, one_step_rows), 0.0
    if rival is None and request.steps == 1 and request.sampling.solver == "euler":
        return one_step, one_step, 1.0
    return one_step, *_composed(request, loaded if rival is None else rival, rows)


def _composed(request: FrameRequest, loaded: LoadedMap, rows: slice) -> tuple[Points, float]:
    """The composed cloud, or its rival's, and the evaluations of each of its points."""
    sampling = request.sampling
    way = sampling.rival or request
    solver = sampling.solver if sampling.rival is None else sampling.rival.solver
    noise = stage_noise(loaded)[rows]
    guide = _guide(loaded, request)
    some = None if guide is None else guide.rows(rows)
    with counted(loaded.flow_map) as evaluations:
        points = loaded.at(noise, request.t, way.steps, some, solver)
    return points, evaluations.per_point(len(noise))
