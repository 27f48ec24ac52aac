"""A preset as bytes and back, every value checked against what its config demands."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from types import NoneType
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy

from flowmap_studio.core.config import NORMAL, RunConfig
from flowmap_studio.core.errors import ConfigError, PresetError
from flowmap_studio.core.network_shapes import weight_shapes
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.presets.header import Header, TensorEntry, parse_header
from flowmap_studio.core.presets.image import describe_image, image_part
from flowmap_studio.core.presets.preset import (
    FORMAT_VERSION,
    PLAIN_VERSION,
    RUN_VERSION,
    TEXT_LIMIT,
    Preset,
    without_folders,
)
from flowmap_studio.core.presets.training import (
    TrainingPart,
    describe_training,
    training_tensors,
)
from flowmap_studio.core.snapshot import Snapshot

WEIGHT_LIMIT = 1e6
POINT_LIMIT = 65_536
METRIC_LIMIT = 64
MAX_DIM = 4096
CLASS_LIMIT = 1000
THUMBNAIL_BYTES = 512 * 1024
THUMBNAIL_SIDE = 512
FIELDS = {
    "format",
    "version",
    "config",
    "step",
    "seed",
    "metrics",
    "normalisation",
    "title",
    "notes",
    "tags",
    "created_by",
    "sha256",
}
FIELDS_SINCE = {2: {"classes"}, 3: {"training"}, 4: {"image"}}
"""Fields that came with later versions."""
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

Tensors = dict[str, npt.NDArray[Any]]


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
    if snapshot.image is not None:
        part = describe_image(snapshot.image)
        metadata = {"training": None} | metadata | {"version": FORMAT_VERSION, "image": part}
    metadata["sha256"] = _digest(metadata, tensors)
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    return safetensors.numpy.save(contiguous, metadata={"flowmap": _compact(metadata)})


def decode(content: bytes) -> Preset:
    """The preset of a file's bytes.

    Raises:
        PresetError: Anything in it is not as it must be; the text lacks the file's name.
    """
    header = parse_header(content, len(content))
    config = check_metadata(header.metadata)
    normalisation = _normalisation(header.metadata["normalisation"])
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
    _check_tensors(header, config, normalisation.dim, len(classes), expected)
    tensors = {name: _array(content, header, entry) for name, entry in header.tensors.items()}
    if _digest(header.metadata, tensors) != header.metadata["sha256"]:
        raise PresetError("its content is damaged (the checksum does not match)")
    of_run = {n: tensors.pop(n) for n in more}
    _check_values(tensors)
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
    )


def check_metadata(metadata: Mapping[str, Any]) -> RunConfig:
    """The config of a file's metadata, after all its fields were checked.

    Raises:
        PresetError: A field is missing, unknown, of the wrong kind or out of range, or the file
            was made by a newer version of the program.
    """
    if metadata.get("format") != "flowmap":
        raise PresetError("it is not a flow map file")
    version = metadata.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise PresetError("its version is damaged")
    if version > FORMAT_VERSION:
        raise PresetError(
            f"it was made by a newer version ({version}; this program reads up to {FORMAT_VERSION})"
        )
    if set(metadata) != FIELDS.union(*(f for v, f in FIELDS_SINCE.items() if v <= version)):
        raise PresetError("its header has missing or unknown fields")
    _check_kinds(metadata)
    try:
        return RunConfig.from_dict(metadata["config"])
    except ConfigError as error:
        raise PresetError(f"its settings are not allowed: {error}") from error
    except TypeError as error:
        raise PresetError("its settings are damaged") from error


def usable_thumbnail(tensors: Mapping[str, npt.NDArray[Any]]) -> bytes | None:
    """The PNG of the tensors if it is small enough to decode safely, else None."""
    stored = tensors.get("thumbnail")
    if stored is None or stored.nbytes > THUMBNAIL_BYTES:
        return None
    png = stored.tobytes()
    if not png.startswith(PNG_SIGNATURE) or png[12:16] != b"IHDR" or len(png) < 33:
        return None
    width, height = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    return png if 0 < width <= THUMBNAIL_SIDE and 0 < height <= THUMBNAIL_SIDE else None


def _check_kinds(metadata: Mapping[str, Any]) -> None:
    texts = [metadata[name] for name in ("title", "notes", "created_by", "sha256")]
    tags, step, metrics = metadata["tags"], metadata["step"], metadata["metrics"]
    good = (
        all(isinstance(text, str) for text in texts)
        and isinstance(tags, list)
        and all(isinstance(tag, str) for tag in tags)
        and all(_is_count(metadata[name]) for name in ("step", "seed"))
        and step < 2**53
        and isinstance(metrics, dict)
        and len(metrics) <= METRIC_LIMIT
        and all(_is_number(value) for value in metrics.values())
        and isinstance(metadata["config"], dict)
        and _are_classes(metadata.get("classes", []))
        and isinstance(metadata.get("training"), (dict, NoneType))
        and metadata.get("training") != {}
    )
    if not good:
        raise PresetError("its header has a field of the wrong kind")


def _as_it_is(config: RunConfig) -> RunConfig:
    return config


def _are_classes(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= CLASS_LIMIT
        and all(isinstance(name, str) and len(name) <= TEXT_LIMIT for name in value)
    )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


def _normalisation(value: Any) -> Normalisation:
    if not isinstance(value, dict) or set(value) != {"shift", "scale"}:
        raise PresetError("its normalisation is damaged")
    shift, scale = value["shift"], value["scale"]
    good = (
        isinstance(shift, list)
        and isinstance(scale, list)
        and 1 <= len(shift) == len(scale) <= MAX_DIM
        and all(_is_number(v) and abs(v) <= 1e30 for v in shift + scale)
        and all(v > 0 for v in scale)
    )
    if not good:
        raise PresetError("its normalisation is damaged")
    return Normalisation(tuple(map(float, shift)), tuple(map(float, scale)))


def _check_tensors(
    header: Header,
    config: RunConfig,
    dim: int,
    classes: int,
    expected: Mapping[str, tuple[int, ...]],
) -> None:
    """Names, shapes and dtypes must be exactly those that the config and the run demand."""
    found = dict(header.tensors)
    thumbnail = found.pop("thumbnail", None)
    if thumbnail is not None and (thumbnail.dtype != "U8" or len(thumbnail.shape) != 1):
        raise PresetError("its thumbnail is damaged")
    data = _check_sample(found.pop("data", None), dim)
    labels, source = found.pop("labels", None), found.pop("source", None)
    if (labels is None) != (classes == 0) or (labels and labels.shape != data.shape[:1]):
        raise PresetError("its labels do not fit its classes")
    if (source is None) != (config.source == NORMAL):
        raise PresetError("its source does not fit its settings")
    if source is not None:
        _check_sample(source, dim)
    if {name: entry.shape for name, entry in found.items()} != expected:
        raise PresetError("its weights do not fit its settings")
    if any(entry.dtype != "F32" for entry in (*found.values(), *filter(None, [labels]))):
        raise PresetError("its weights have a type that is not allowed")


def _check_sample(entry: TensorEntry | None, dim: int) -> TensorEntry:
    """A tensor of points, which must be there."""
    if entry is None or entry.dtype != "F32" or len(entry.shape) != 2 or entry.shape[1] != dim:
        raise PresetError("its sample of the data is damaged")
    if entry.shape[0] > POINT_LIMIT:
        raise PresetError("its sample of the data is too large")
    return entry


def _array(content: bytes, header: Header, entry: TensorEntry) -> npt.NDArray[Any]:
    dtype = np.dtype("<f4") if entry.dtype == "F32" else np.dtype(np.uint8)
    count = math.prod(entry.shape)
    flat = np.frombuffer(content, dtype, count, header.data_start + entry.start)
    return flat.reshape(entry.shape)


def _check_values(tensors: Tensors) -> None:
    for name, array in tensors.items():
        limit = WEIGHT_LIMIT if name.startswith("map.") else 1e30
        # NaN fails the comparison too.
        if array.dtype == np.float32 and array.size and not np.abs(array).max() <= limit:
            raise PresetError("it holds values that are not finite or far too large")


def _digest(metadata: Mapping[str, Any], tensors: Mapping[str, npt.NDArray[Any]]) -> str:
    """SHA-256 over the metadata without the hash and over every tensor's name, shape and bytes."""
    described = {key: value for key, value in metadata.items() if key != "sha256"}
    state = hashlib.sha256(_compact(described).encode())
    for name in sorted(tensors):
        array = tensors[name]
        state.update(_compact([name, str(array.dtype), list(array.shape)]).encode())
        state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
