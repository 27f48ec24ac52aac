"""The part of a `.flowmap` file that lets an unfinished run go on, as strictly read as the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import ConfigError, PresetError
from flowmap_studio.core.history import CAPACITY, TERMS, HistoryState
from flowmap_studio.core.images import ImageShape
from flowmap_studio.core.network_shapes import UNTRAINED, weight_shapes
from flowmap_studio.core.stages import Stage, plan
from flowmap_studio.core.training_state import StageState, TrainingState

COUNTS = ("stage", "stage_step", "steps_before", "stride", "buckets", "pending", "points")
TIMES = ("stage_seconds", "seconds_before")
FIELDS = {"config", *COUNTS, *TIMES}
VECTORS = ("run.weights", "run.first", "run.second")
PREFIXES = ("run.", "teacher.")
"""Beginnings of the names of the tensors of this part."""
COUNT_LIMIT = 2**53

Tensors = dict[str, npt.NDArray[Any]]
Shapes = dict[str, tuple[int, ...]]


def describe_training(state: TrainingState, config: RunConfig) -> dict[str, Any]:
    """The header's object for a run.

    Args:
        state: The run.
        config: The state's config as the file shall hold it.
    """
    return {
        "config": config.as_dict(),
        "stage": state.stage,
        "stage_step": state.current.step,
        "stage_seconds": state.current.seconds,
        "steps_before": state.steps_before,
        "seconds_before": state.seconds_before,
        "stride": state.history.stride,
        "buckets": len(state.history.buckets),
        "pending": len(state.history.pending),
        "points": 0 if state.points is None else len(state.points),
    }


def training_tensors(state: TrainingState) -> Tensors:
    """The run's tensors by their names in the file."""
    current, history = state.current, state.history
    tensors: Tensors = {"run.weights": current.weights, "run.first": current.first}
    tensors |= {"run.second": current.second}
    tensors |= {"run.history": history.buckets, "run.pending": history.pending}
    extra = {"run.points": state.points, "run.point_labels": state.point_labels}
    tensors |= {name: array for name, array in extra.items() if array is not None}
    return tensors | {f"teacher.{name}": array for name, array in (state.teacher or {}).items()}


class TrainingPart:
    """The checked header of a run, and with it what its tensors must be.

    Args:
        described: The header's object.
        config: Of the snapshot in the same file.
        step: Of the snapshot in the same file.

    Raises:
        PresetError: A field is missing, unknown, of the wrong kind or out of range, or contradicts
            another.
    """

    def __init__(self, described: Mapping[str, Any], config: RunConfig, step: int) -> None:
        _check_kinds(described)
        self._fields = described
        self.config, self._stages = _planned(described["config"])
        self._check_place(config, step)
        self._check_history(step)

    def shapes(self, dim: int, classes: int, image: ImageShape | None = None) -> Shapes:
        """Names and shapes of all tensors of this part; they are F32.

        Args:
            dim: Axes of the data.
            classes: Number of classes; 0 for an unconditional map.
            image: What the axes are as an image; None for points.

        Raises:
            ConfigError: A network does not go with the data.
        """
        fields = self._fields
        stage = self._stages[fields["stage"]]
        trained = weight_shapes(stage.config, dim, classes, image)
        size = sum(math.prod(shape) for name, shape in trained.items() if name not in UNTRAINED)
        shapes: Shapes = dict.fromkeys(VECTORS, (size,))
        shapes["run.history"] = (fields["buckets"], 3, len(TERMS))
        shapes["run.pending"] = (fields["pending"], len(TERMS))
        if fields["points"]:
            shapes["run.points"] = (fields["points"], dim)
            shapes |= {"run.point_labels": (fields["points"],)} if classes else {}
        if stage.from_teacher:
            taught_by = self._stages[fields["stage"] - 1].config
            teacher = weight_shapes(taught_by, dim, classes, image)
            shapes |= {f"teacher.{name}": shape for name, shape in teacher.items()}
        return shapes

    def state(self, tensors: Tensors, classes: int) -> TrainingState:
        """The run of tensors whose shapes are as they must be.

        Raises:
            PresetError: A value is not finite or can't be what it is said to be.
        """
        fields = self._fields
        _check_values(tensors, classes)
        teacher = {n[8:]: a for n, a in tensors.items() if n.startswith("teacher.")}
        current = StageState(
            fields["stage_step"],
            float(fields["stage_seconds"]),
            *(tensors[name] for name in VECTORS),
        )
        return TrainingState(
            config=self.config,
            stage=fields["stage"],
            steps_before=fields["steps_before"],
            seconds_before=float(fields["seconds_before"]),
            current=current,
            teacher=teacher or None,
            history=HistoryState(fields["stride"], tensors["run.history"], tensors["run.pending"]),
            points=tensors.get("run.points"),
            point_labels=tensors.get("run.point_labels"),
        )

    def _check_place(self, config: RunConfig, step: int) -> None:
        fields, stages = self._fields, self._stages
        at = fields["stage"]
        if at >= len(stages):
            raise PresetError("its training has no such stage")
        stage = stages[at].config
        if config != (self.config if at == len(stages) - 1 else stage):
            raise PresetError("its training does not fit its settings")
        if fields["steps_before"] + fields["stage_step"] != step or (at == 0) != (
            fields["steps_before"] == 0
        ):
            raise PresetError("its training does not fit its step")
        if not stage.seconds and fields["stage_step"] > stage.steps:
            raise PresetError("its training does not fit its step")

    def _check_history(self, step: int) -> None:
        stride, buckets, pending = (self._fields[n] for n in ("stride", "buckets", "pending"))
        whole = buckets < CAPACITY and pending < stride and stride & (stride - 1) == 0
        if not whole or buckets * stride + pending != step:
            raise PresetError("its history of losses does not fit its step")


def _check_kinds(described: Mapping[str, Any]) -> None:
    if set(described) != FIELDS:
        raise PresetError("its training has missing or unknown fields")
    counts, times = [described[n] for n in COUNTS], [described[n] for n in TIMES]
    good = (
        isinstance(described["config"], dict)
        and all(type(count) is int and 0 <= count < COUNT_LIMIT for count in counts)
        and all(type(time) in (int, float) and 0 <= time < COUNT_LIMIT for time in times)
        and described["points"] != 1
    )
    if not good:
        raise PresetError("its training has a field of the wrong kind")


def _planned(settings: Mapping[str, Any]) -> tuple[RunConfig, list[Stage]]:
    try:
        config = RunConfig.from_dict(settings)
        return config, plan(config)
    except ConfigError as error:
        said = str(error).removesuffix(".")  # the whole sentence has its own
        raise PresetError(f"its training's settings are not allowed: {said}") from error
    except TypeError as error:
        raise PresetError("its training's settings are damaged") from error


def _check_values(tensors: Tensors, classes: int) -> None:
    for name, array in tensors.items():
        # Losses that a method lacks are NaN in the history.
        missing = np.isnan(array) if name in ("run.history", "run.pending") else False
        if not (np.isfinite(array) | missing).all():
            raise PresetError("its training holds values that are not finite")
    if (tensors["run.second"] < 0).any():
        raise PresetError("its training holds values that can't be")
    labels = tensors.get("run.point_labels")
    if labels is not None and not np.isin(labels, np.arange(classes)).all():
        raise PresetError("its training's labels do not fit its classes")
