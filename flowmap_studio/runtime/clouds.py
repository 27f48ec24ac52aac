"""The clouds of one frame. Imports torch, so the evaluator imports it in its thread."""

from __future__ import annotations

import time
from types import MappingProxyType

from flowmap_studio.core.cached_steps import CachedMap
from flowmap_studio.core.costs import counted
from flowmap_studio.core.drawing.layers import STAGE_POINTS, STAGE_SEED, stage_count
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


class CachedSteps:
    """The lattice of a map's jumps, made once for all times t, and its error.

    Args:
        request: For which map, jumps and class.
        loaded: Its map.
    """

    def __init__(self, request: FrameRequest, loaded: LoadedMap) -> None:
        self._made_for = request
        self._noise = loaded.noise(STAGE_POINTS, STAGE_SEED)
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

    def at(self, t: float) -> Points:
        """(n, dim) all stage points at time t, in data units."""
        return self._map.at(self._noise, t, self._guide)


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
    count = most if request.full else min(most, DRAG_POINTS)
    guide = _guide(loaded, request)
    one_step = loaded.at(stage_noise(loaded), request.t, 1, guide)
    labels = {}
    if guide is not None:
        labels["one_step"] = labels["source"] = guided_classes(guide)
    other, beside = (loaded, guide) if rival is None else (rival, _guide(rival, request))
    plain = rival is None and request.steps == 1 and request.sampling.solver == "euler"
    if request.sampling.cached and cached is not None:
        composed, evaluations, error = cached.at(request.t), 0.0, cached.error
    else:
        drawn = (one_step, 1.0) if plain else _composed(request, other, beside, count)
        composed, evaluations, error = *drawn, None
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


def _guide(loaded: LoadedMap, request: FrameRequest) -> Guide | None:
    asked = request.sampling.fitted(loaded.snapshot)
    return stage_guide(loaded, asked.label, asked.guidance)


def _composed(
    request: FrameRequest, loaded: LoadedMap, guide: Guide | None, count: int
) -> tuple[Points, float]:
    """The composed cloud, or its rival's, and the evaluations of each of its points."""
    sampling = request.sampling
    way = sampling.rival or request
    solver = sampling.solver if sampling.rival is None else sampling.rival.solver
    noise = stage_noise(loaded)[:count]
    some = None if guide is None else guide.rows(slice(count))
    with counted(loaded.flow_map) as evaluations:
        points = loaded.at(noise, request.t, way.steps, some, solver)
    return points, evaluations.per_point(count)
