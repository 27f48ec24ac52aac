"""Finding and naming devices."""

from __future__ import annotations

import torch

from flowmap_studio.core.errors import DeviceError


def find_device(name: str) -> torch.device:
    """The device of a config's name; "auto" takes CUDA, then MPS, then the CPU.

    Raises:
        DeviceError: The device that was asked for is not there.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, found in there.items() if found))
    if not there.get(name, False):
        raise DeviceError(f"This machine has no usable {name.upper()} device; choose auto or cpu.")
    return torch.device(name)


def usable_device(name: str) -> torch.device:
    """As `find_device`, but the CPU where a preset asks for what this machine lacks."""
    try:
        return find_device(name)
    except DeviceError:
        return torch.device("cpu")


def describe(device: torch.device) -> str:
    """A short name to show, e.g. "NVIDIA H100" or "CPU"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
