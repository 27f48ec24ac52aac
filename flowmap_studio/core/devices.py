"""Finding and naming devices."""

from __future__ import annotations

import torch

from flowmap_studio.core.device_loss import devices_lost
from flowmap_studio.core.errors import DeviceError


def find_device(name: str) -> torch.device:
    """The device of a config's name; "auto" takes CUDA, then MPS, then the CPU.

    Raises:
        DeviceError: The device that was asked for is not there, or was lost.
    """
    there = {
        "cuda": torch.cuda.is_available() and not devices_lost(),
        "mps": torch.backends.mps.is_available() and not devices_lost(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, found in there.items() if found))
    if devices_lost() and name != "cpu":
        raise DeviceError(
            f"The {name.upper()} device failed before; choose auto or cpu, or start the program "
            "again."
        )
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


def usable_yet(device: torch.device) -> bool:
    """Whether what lies on a device can still be computed with."""
    return device.type == "cpu" or not devices_lost()


def free_cached(device: torch.device) -> None:
    """Give memory back that torch holds on a device without using it."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def sent(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor on a device; nobody waits until it is there, nor for what the device does before."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
