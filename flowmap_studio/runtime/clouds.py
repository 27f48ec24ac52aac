"""The clouds of one frame. Imports torch, so the evaluator imports it in its thread."""

from __future__ import annotations

import time
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.costs import counted
from flowmap_studio.core.guidance import Guide
from flowmap_studio.core.loaded_map import LoadedMap, Points
from flowmap_studio.runtime.frames import DRAG_POINTS, STAGE_POINTS, STAGE_SEED, Frame, FrameRequest

Labels = npt.NDArray[np.int64]


def draw_frame(request: FrameRequest, loaded: LoadedMap, rival: LoadedMap | None) -> Frame:
    """The clouds that a request asks for.

    Args:
        request: Which.
        loaded: Its map.
        rival: The map of its rival, if it has one.
    """
    began = time.perf_counter()
    count = STAGE_POINTS if request.full else DRAG_POINTS
    guide = _guide(loaded, request)
    one_step = loaded.at(loaded.noise(STAGE_POINTS, STAGE_SEED), request.t, 1, guide)
    labels = {} if guide is None else {"one_step": _classes(guide), "source": _classes(guide)}
    other, beside = (loaded, guide) if rival is None else (rival, _guide(rival, request))
    plain = rival is None and request.steps == 1 and request.sampling.solver == "euler"
    composed, evaluations = (one_step, 1.0) if plain else _composed(request, other, beside, count)
    if beside is not None:
        labels["composed"] = _classes(beside)[: len(composed)]
    data, known = _data(request)
    if known is not None:
        labels["data"] = known
    clouds = {
        "source": loaded.source(STAGE_POINTS, STAGE_SEED),
        "data": data,
        "one_step": one_step,
        "composed": composed,
    }
    for cloud in clouds.values():
        cloud.flags.writeable = False
    spent = time.perf_counter() - began
    return Frame(request, MappingProxyType(clouds), spent, evaluations, MappingProxyType(labels))


def _guide(loaded: LoadedMap, request: FrameRequest) -> Guide | None:
    asked = request.sampling.fitted(loaded.snapshot)
    return loaded.guide(STAGE_POINTS, STAGE_SEED, asked.label, asked.guidance)


def _composed(
    request: FrameRequest, loaded: LoadedMap, guide: Guide | None, count: int
) -> tuple[Points, float]:
    """The composed cloud, or its rival's, and the evaluations of each of its points."""
    sampling = request.sampling
    way = sampling.rival or request
    solver = sampling.solver if sampling.rival is None else sampling.rival.solver
    noise = loaded.noise(STAGE_POINTS, STAGE_SEED)[:count]
    some = None if guide is None else guide.rows(slice(count))
    with counted(loaded.flow_map) as evaluations:
        points = loaded.at(noise, request.t, way.steps, some, solver)
    return points, evaluations.per_point(count)


def _data(request: FrameRequest) -> tuple[Points, Labels | None]:
    """The data, of one class if one is shown, and its classes."""
    snapshot, label = request.snapshot, request.sampling.label
    if snapshot.labels is None:
        return snapshot.data, None
    labels = snapshot.labels.astype(np.int64)
    if label not in snapshot.classes:
        return snapshot.data, labels
    chosen = labels == snapshot.classes.index(label)
    return snapshot.data[chosen], labels[chosen]


def _classes(guide: Guide) -> Labels:
    found: Labels = guide.cond.argmax(dim=1).numpy()
    return found
