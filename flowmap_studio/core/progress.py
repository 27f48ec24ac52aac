"""What a training loop reports: the losses of its newest steps, read back and found sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from flowmap_studio.core.errors import TrainingDiverged
from flowmap_studio.core.history import TOTAL


@dataclass(frozen=True)
class Progress:
    """Losses of the steps since the last report.

    Attributes:
        step: Steps done.
        losses: (steps since, terms) terms in the order of `history.TERMS`; NaN for absent ones.
        seconds: Training time so far, pauses not counted.
        fraction: Share of the run's budget that is used, in [0, 1].
        news: One sentence for the user, or "".
    """

    step: int
    losses: npt.NDArray[np.float32]
    seconds: float
    fraction: float
    news: str = ""


def read_losses(
    losses: Sequence[torch.Tensor], weights: torch.Tensor, step: int
) -> npt.NDArray[np.float32]:
    """(steps, terms) losses on the CPU; waits for the device.

    Args:
        losses: (terms,) of each of the newest steps.
        weights: Those after them.
        step: Number of the newest step.

    Raises:
        TrainingDiverged: A loss or a weight is NaN or infinite.
    """
    rows: npt.NDArray[np.float32] = torch.stack(list(losses)).cpu().numpy()
    bad = np.flatnonzero(~np.isfinite(rows[:, TOTAL]))
    if len(bad):
        raise _diverged("loss is", step - len(rows) + int(bad[0]) + 1)
    # A finite loss can leave weights that are none: what is reported on can be shown and saved.
    # Their sum is so too where they are, but for an overflow, and nine times as quick.
    if not (bool(torch.isfinite(weights.sum())) or bool(torch.isfinite(weights).all())):
        raise _diverged("weights are", step)
    return rows


def _diverged(what: str, step: int) -> TrainingDiverged:
    return TrainingDiverged(
        f"Training diverged: the {what} no longer finite at step {step:,}; lower the learning rate "
        "or switch gradient clipping on.",
        step,
    )
