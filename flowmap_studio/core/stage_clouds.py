"""The very clouds of the stage at any time t, for pictures and films."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from flowmap_studio.core.drawing.layers import (
    LAYERS,
    NAMES,
    STAGE_POINTS,
    STAGE_SEED,
    map_layer_names,
    stage_count,
)
from flowmap_studio.core.drawing.scene import Scene
from flowmap_studio.core.errors import DataError
from flowmap_studio.core.guidance import Guide
from flowmap_studio.core.loaded_map import LoadedMap, Points
from flowmap_studio.core.methods import METHODS
from flowmap_studio.core.probing.shapes import paths_until, place_at, seen_paths
from flowmap_studio.core.probing.values import (
    LAYER_PROBES,
    TIMELESS,
    Following,
    Heat,
    Lines,
    Paths,
    ProbeRequest,
)
from flowmap_studio.core.probing.work import Probes
from flowmap_studio.core.projections import projected
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.solvers import sampling_name

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Way:
    """How the composed cloud is sampled.

    Attributes:
        steps: Jumps of a map, or steps of a velocity's solver.
        solver: A velocity's, a name in `SOLVERS`; maps jump whatever it is.
        label: The one class that is shown of a conditional map; all when None.
        guidance: Scale of the guidance of a conditional map.
        points: Of each moving cloud.
    """

    steps: int = 8
    solver: str = "euler"
    label: str | None = None
    guidance: float = 1.0
    points: int = STAGE_POINTS


@dataclass(frozen=True)
class Beside:
    """Another map in the place of the composed cloud.

    Attributes:
        name: What to call it.
        loaded: The map.
        way: How it is sampled.
    """

    name: str
    loaded: LoadedMap
    way: Way


class StageClouds:
    """Source, data, one-step and composed cloud of a map, from the noise of the stage.

    Attributes:
        image: What the points are as images; None for other points.

    Args:
        loaded: The map.
        way: How it is sampled.
        layers: Those that are wanted.
        beside: What stands in the place of the composed cloud.
        stopped: Whether to break off what is probed, before the next evaluation, by `Unwanted`.
        following: The group and the traced point that are shown in front.

    Raises:
        DataError: The map has no such class.
    """

    def __init__(
        self,
        loaded: LoadedMap,
        way: Way,
        layers: Collection[str] = LAYERS,
        beside: Beside | None = None,
        stopped: Callable[[], bool] = lambda: False,
        following: Following | None = None,
    ) -> None:
        self._loaded, self._way, self._layers = loaded, way, layers
        self.image = loaded.snapshot.image
        self._noise = stage_noise(loaded, way.points)
        self._guide = _guide(loaded, way)
        self._other = beside or Beside("", loaded, way)
        self._other_guide = _guide(self._other.loaded, self._other.way)
        self._named = beside is not None
        self._following = following or Following()
        self._probed = [layer for layer in layers if layer in LAYER_PROBES]
        self._probes = Probes(loaded, stopped) if self._probed else None
        self._timeless: dict[str, Lines | Heat | Paths] = {}
        self.source = stage_source(loaded, way.points)
        self.data, self._data_labels = shown_data(
            loaded.snapshot, _class_name(loaded.snapshot, way.label)
        )

    def at(self, t: float, frame: Points | None = None) -> Scene:
        """The clouds at flow time t in [0, 1], with their names and a caption.

        Args:
            t: Flow time.
            frame: (dim, 2) directions along which everything is seen; clouds of all axes, and
                lines of the first two, when None.

        Raises:
            DataError: The map has no such layer.
            Unwanted: It is to break off.
        """
        clouds = self._clouds(t)
        if frame is not None:
            clouds = {name: projected(points, frame) for name, points in clouds.items()}
        snapshot = self._loaded.snapshot
        stage = f" · {snapshot.stage}" if snapshot.stage else ""
        return Scene(
            clouds=clouds,
            shapes=self._shapes(t, frame),
            names=self._names(),
            labels={name: found for name, found in self._labels().items() if name in clouds},
            classes=snapshot.classes,
            caption=f"t = {t:.3f} · step {snapshot.step:,}{stage}",
        )

    def _clouds(self, t: float) -> dict[str, Points]:
        clouds: dict[str, Points] = {}
        if "source" in self._layers:
            clouds["source"] = self.source
        if "data" in self._layers:
            clouds["data"] = self.data
        group, path = self._following.group, self._following.path
        if "one_step" in self._layers or len(group):
            one_step = self._loaded.at(self._noise, t, 1, self._guide)
            if "one_step" in self._layers:
                clouds["one_step"] = one_step
            if len(group):
                clouds["group"] = one_step[group[group < len(one_step)]]
        if "composed" in self._layers:
            other, way = self._other.loaded, self._other.way
            noise = stage_noise(other, way.points)
            clouds["composed"] = other.at(noise, t, way.steps, self._other_guide, way.solver)
        if path is not None:
            clouds["traced"] = place_at(path, t).astype(np.float32)
        return clouds

    def _shapes(self, t: float, frame: Points | None) -> dict[str, Lines | Heat]:
        shapes = {layer: self._shape(layer, t, frame) for layer in self._probed}
        if self._following.path is not None:
            shapes["trace"] = paths_until(seen_paths(self._following.path, frame), 1.0)
        return shapes

    def _shape(self, layer: str, t: float, frame: Points | None) -> Lines | Heat:
        value = self._timeless.get(layer) or self._probe(layer, t)
        if layer in TIMELESS:
            self._timeless[layer] = value
        return paths_until(seen_paths(value, frame), t) if isinstance(value, Paths) else value

    def _probe(self, layer: str, t: float) -> Lines | Heat | Paths:
        assert self._probes is not None  # noqa: S101 - there are layers to probe
        way, snapshot = self._way, self._loaded.snapshot
        label = _class_name(snapshot, way.label)
        request = ProbeRequest(0, snapshot, t, label, way.guidance, (layer,))
        answer = self._probes.answer(request, layer)
        if not isinstance(answer.value, Lines | Heat | Paths):
            raise DataError(answer.sentence)
        return answer.value

    def _names(self) -> dict[str, str]:
        velocity = _is_velocity(self._loaded.snapshot)
        one_step, composed = map_layer_names(velocity, self._way.solver, self._way.steps)
        if self._named:
            other, way = self._other, self._other.way
            moved = sampling_name(_is_velocity(other.loaded.snapshot), way.solver, way.steps)
            composed = f"{other.name}: {moved}"
        return {**NAMES, "one_step": one_step, "composed": composed}

    def _labels(self) -> dict[str, Labels]:
        labels: dict[str, Labels] = {}
        if self._guide is not None:
            labels["source"] = labels["one_step"] = guided_classes(self._guide)
        if self._other_guide is not None:
            labels["composed"] = guided_classes(self._other_guide)
        if self._data_labels is not None:
            labels["data"] = self._data_labels
        return labels


def stage_noise(loaded: LoadedMap, points: int = STAGE_POINTS) -> torch.Tensor:
    """(n, dim) the stage's noise for a map, in normalised units: images are fewer than points."""
    drawn, shown = _drawn_and_shown(loaded, points)
    return loaded.noise(drawn, STAGE_SEED)[:shown]


def stage_source(loaded: LoadedMap, points: int = STAGE_POINTS) -> Points:
    """(n, dim) that noise in data units: the very array each time."""
    drawn, shown = _drawn_and_shown(loaded, points)
    whole = loaded.source(drawn, STAGE_SEED)
    return whole if shown == drawn else whole[:shown]


def stage_guide(
    loaded: LoadedMap, label: str | None, guidance: float, points: int = STAGE_POINTS
) -> Guide | None:
    """The classes of the stage's noise; None for maps without classes.

    Raises:
        DataError: The map has no such class.
    """
    drawn, shown = _drawn_and_shown(loaded, points)
    guide = loaded.guide(drawn, STAGE_SEED, label, guidance)
    return guide and guide.rows(slice(shown))


def _drawn_and_shown(loaded: LoadedMap, points: int) -> tuple[int, int]:
    """How many are drawn, and how many of them are shown: images are the first of more."""
    image = loaded.snapshot.image
    return points if image is None else STAGE_POINTS, stage_count(image, points)


def shown_data(snapshot: Snapshot, label: str | None) -> tuple[Points, Labels | None]:
    """The data, of one class if one is shown, and its classes; None where it has none."""
    if snapshot.labels is None:
        return snapshot.data, None
    labels = snapshot.labels.astype(np.int64)
    if label not in snapshot.classes:
        return snapshot.data, labels
    chosen = labels == snapshot.classes.index(label)
    return snapshot.data[chosen], labels[chosen]


def guided_classes(guide: Guide) -> Labels:
    """(n,) the class that each point is held to."""
    found: Labels = guide.cond.argmax(dim=1).numpy()
    return found


def _guide(loaded: LoadedMap, way: Way) -> Guide | None:
    return stage_guide(loaded, way.label, way.guidance, way.points)


def _class_name(snapshot: Snapshot, label: str | None) -> str | None:
    """The class of a label, which may be its number."""
    if label is None or label in snapshot.classes or not label.isdecimal():
        return label
    return snapshot.classes[int(label)]


def _is_velocity(snapshot: Snapshot) -> bool:
    return METHODS[snapshot.config.method].clock == "start"
