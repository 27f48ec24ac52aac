"""A preset as bytes and back, every value checked against what its config demands."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import safetensors.numpy

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import ConfigError, PresetError
from flowmap_studio.core.network_shapes import weight_shapes
from flowmap_studio.core.presets.checksum import compact, digest
from flowmap_studio.core.presets.header import parse_header
from flowmap_studio.core.presets.image import describe_image, image_part
from flowmap_studio.core.presets.metadata import check_metadata, check_normalisation
from flowmap_studio.core.presets.preset import (
    FORMAT_VERSION,
    PLAIN_VERSION,
    RUN_VERSION,
    VIEW_VERSION,
    Preset,
    without_folders,
)
from flowmap_studio.core.presets.tensors import (
    Tensors,
    array_of,
    check_tensors,
    check_values,
    usable_thumbnail,
)
from flowmap_studio.core.presets.training import (
    TrainingPart,
    describe_training,
    training_tensors,
)
from flowmap_studio.core.presets.view import describe_view, parse_view
from flowmap_studio.core.snapshot import Snapshot


def encode(preset: Preset, *, private: bool = True) -> bytes:
    """The file's bytes, with a hash over metadata and tensors that reveals damage.

    Args:
        preset: What it shall hold.
        private: Whether to leave out the folders of the user's own files.
    """
    snapshot, training = preset.snapshot, preset.training
    kept = without_folders if private else _as_it_is
    tensors: Tensors = {f"map.{name}": array for name, array in snapshot.weights.items()}
    samples = {"data": snapshot.data, "labels": snapshot.labels, "source": snapshot.source}
    tensors |= {name: array for name, array in samples.items() if array is not None}
    if preset.thumbnail:
        tensors["thumbnail"] = np.frombuffer(preset.thumbnail, np.uint8)
    metadata: dict[str, Any] = {
        "format": "flowmap",
        "version": PLAIN_VERSION,
        "config": kept(snapshot.config).as_dict(),
        "step": snapshot.step,
        "seed": snapshot.config.seed,
        "metrics": {k: float(v) for k, v in snapshot.metrics.items() if math.isfinite(v)},
        "normalisation": {
            "shift": list(snapshot.normalisation.shift),
            "scale": list(snapshot.normalisation.scale),
        },
        "title": preset.title,
        "notes": preset.notes,
        "tags": list(preset.tags),
        "created_by": preset.created_by,
        "classes": list(snapshot.classes),
    }
    if training is not None:
        described = describe_training(training, kept(training.config))
        metadata |= {"version": RUN_VERSION, "training": described}
        tensors |= training_tensors(training)
    if preset.view is not None:
        part = describe_view(preset.view)
        metadata = {"training": None} | metadata | {"version": VIEW_VERSION, "view": part}
    if snapshot.image is not None:
        part = describe_image(snapshot.image)
        empty = {"training": None, "view": None}
        metadata = empty | metadata | {"version": FORMAT_VERSION, "image": part}
    metadata["sha256"] = digest(metadata, tensors)
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    return safetensors.numpy.save(contiguous, metadata={"flowmap": compact(metadata)})


def decode(content: bytes) -> Preset:
    """The preset of a file's bytes.

    Raises:
        PresetError: Anything in it is not as it must be; the text lacks the file's name.
    """
    header = parse_header(content, len(content))
    config = check_metadata(header.metadata)
    normalisation = check_normalisation(header.metadata["normalisation"])
    classes = tuple(header.metadata.get("classes", ()))
    image = image_part(header.metadata.get("image"), normalisation.dim)
    described = header.metadata.get("training")
    run = described and TrainingPart(described, config, header.metadata["step"])
    try:
        more = run.shapes(normalisation.dim, len(classes), image) if run else {}
        shapes = weight_shapes(config, normalisation.dim, len(classes), image)
    except ConfigError as error:
        raise PresetError("its network does not fit its data") from error
    expected = {f"map.{name}": shape for name, shape in shapes.items()} | dict(more)
    check_tensors(header, config, normalisation.dim, len(classes), expected)
    tensors = {name: array_of(content, header, entry) for name, entry in header.tensors.items()}
    if digest(header.metadata, tensors) != header.metadata["sha256"]:
        raise PresetError("its content is damaged (the checksum does not match)")
    of_run = {n: tensors.pop(n) for n in more}
    check_values(tensors)
    snapshot = Snapshot(
        config=config,
        step=header.metadata["step"],
        weights={n.removeprefix("map."): a for n, a in tensors.items() if n.startswith("map.")},
        normalisation=normalisation,
        data=tensors["data"],
        metrics=header.metadata["metrics"],
        classes=classes,
        labels=tensors.get("labels"),
        source=tensors.get("source"),
        image=image,
    )
    words = header.metadata
    return Preset(
        snapshot=snapshot,
        title=words["title"],
        notes=words["notes"],
        tags=tuple(words["tags"]),
        thumbnail=usable_thumbnail(tensors),
        created_by=words["created_by"],
        training=run.state(of_run, len(classes)) if run else None,
        view=parse_view(words["view"]) if words.get("view") is not None else None,
    )


def _as_it_is(config: RunConfig) -> RunConfig:
    return config
