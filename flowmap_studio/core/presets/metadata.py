"""What a preset's metadata must be before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import ConfigError, PresetError
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.presets.preset import FORMAT_VERSION, TEXT_LIMIT

METRIC_LIMIT = 64
MAX_DIM = 4096
CLASS_LIMIT = 1000
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
FIELDS_SINCE = {2: {"classes"}, 3: {"training"}, 4: {"view"}, 5: {"image"}}
"""Fields that came with later versions."""


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
        said = str(error).removesuffix(".")  # the whole sentence has its own
        raise PresetError(f"its settings are not allowed: {said}") from error
    except TypeError as error:
        raise PresetError("its settings are damaged") from error


def check_normalisation(value: Any) -> Normalisation:
    """The normalisation that the metadata gives.

    Raises:
        PresetError: It is none.
    """
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
        and all(isinstance(metadata.get(n), (dict, NoneType)) for n in ("training", "view"))
        and metadata.get("training") != {}
    )
    if not good:
        raise PresetError("its header has a field of the wrong kind")


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
