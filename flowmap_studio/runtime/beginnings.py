"""What a run may begin with besides its settings. Torch-free."""

from __future__ import annotations

from pathlib import Path

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.network_shapes import weight_shapes
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.stages import plan
from flowmap_studio.core.target_names import NAMED
from flowmap_studio.runtime.snapshots import SnapshotHistory


def embedded_data(shown: Snapshot | None, config: RunConfig) -> Snapshot | None:
    """A map whose sample can be learned, if it is of the config's target.

    Args:
        shown: The map on stage.
        config: Of the run.
    """
    return shown if shown is not None and shown.config.target == config.target else None


def weights_that_fit(snapshots: SnapshotHistory, config: RunConfig) -> Snapshot | None:
    """The newest map of a run, if the config trains a network like its.

    Runs with a teacher begin from nothing.

    Args:
        snapshots: Of the run.
        config: Of the next run.
    """
    newest = snapshots.newest
    if newest is None or newest.image or newest.classes or len(plan(config)) > 1:
        return None
    shapes = {name: array.shape for name, array in newest.weights.items()}
    return newest if shapes == weight_shapes(config, newest.dim) else None


def is_missing_file(target: str) -> bool:
    """Whether a target is a file that is not there."""
    try:
        return target not in NAMED and not Path(target).expanduser().exists()
    except (OSError, RuntimeError, ValueError):
        return True
