"""Adam's memory of one parameter, taken out and put back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

FloatArray = npt.NDArray[np.float32]
COUNTED = 2**24
"""torch counts the steps in float32, which stays at this number once it is reached."""


def adam_moments(
    optimiser: torch.optim.Optimizer, parameter: torch.nn.Parameter
) -> tuple[FloatArray, FloatArray]:
    """Copies of the means of gradient and squared gradient; zeros before the first step."""
    kept = optimiser.state.get(parameter) or {}
    moments = (kept.get(name, torch.zeros_like(parameter)) for name in ("exp_avg", "exp_avg_sq"))
    first, second = (moment.detach().to("cpu", copy=True).numpy() for moment in moments)
    return first, second


def restore_adam(
    optimiser: torch.optim.Optimizer,
    parameter: torch.nn.Parameter,
    first: FloatArray,
    second: FloatArray,
    steps: int,
) -> None:
    """Let the optimiser go on as after `steps` steps that left these moments."""
    if not steps:
        return  # it makes its memory at its first step
    # A fused optimiser counts where the parameter lies.
    optimiser.state[parameter] = {
        "step": torch.tensor(float(min(steps, COUNTED)), device=parameter.device),
        "exp_avg": torch.tensor(first, device=parameter.device),
        "exp_avg_sq": torch.tensor(second, device=parameter.device),
    }
