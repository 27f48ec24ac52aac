"""The `.flowmap` file: what a preset holds, its bytes, and how it is read and written. Torch-free.

One safetensors file; the metadata key `flowmap` holds compact JSON. No pickle anywhere.
"""

from flowmap_studio.core.presets.files import (
    list_presets,
    read_entry,
    read_picture,
    read_preset,
    write_preset,
)
from flowmap_studio.core.presets.preset import FORMAT_VERSION, Preset, clean_text
from flowmap_studio.core.presets.view import LayerLook, StageView

__all__ = [
    "FORMAT_VERSION",
    "LayerLook",
    "Preset",
    "StageView",
    "clean_text",
    "list_presets",
    "read_entry",
    "read_picture",
    "read_preset",
    "write_preset",
]
