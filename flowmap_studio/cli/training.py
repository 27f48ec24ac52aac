"""A training from its target to the saved file, on the loop that the window runs too."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from flowmap_studio.cli import console
from flowmap_studio.cli.interruption import Wish, interruptions
from flowmap_studio.cli.loss_log import LossLog
from flowmap_studio.cli.measuring import measured
from flowmap_studio.cli.progress import TrainingBar, training_bar
from flowmap_studio.cli.resuming import Autosave, way_on
from flowmap_studio.core.advice import Advice
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.devices import describe
from flowmap_studio.core.errors import (
    DeviceLost,
    MemoryRanOut,
    PresetError,
    StudioError,
    TrainingStopped,
)
from flowmap_studio.core.files import reason
from flowmap_studio.core.history import TERMS
from flowmap_studio.core.images import same_image
from flowmap_studio.core.packing import pack
from flowmap_studio.core.presets import write_preset
from flowmap_studio.core.presets.tensors import WEIGHT_LIMIT
from flowmap_studio.core.progress import Progress
from flowmap_studio.core.run import Run
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.targets import Target, image_shape, open_again, open_for
from flowmap_studio.core.training_state import Checkpoint, TrainingState

AVERAGED = 100
"""Steps whose mean is given as the final loss."""
LATE = 0.75
"""Share of the run after which a map is put by, to tell whether it was still learning."""
KEEP_SECONDS = 0.5
"""How often a sound map is put by, in case training diverges."""


@dataclass(frozen=True)
class Result:
    """How a training ended.

    Attributes:
        snapshot: The map; the last sound one if training could not go on.
        losses: Final losses by term.
        seconds: Training time.
        rate: Steps per second.
        device: Where it trained, in words.
        interrupted: Whether the user ended it early.
        stopped: Why it could not go on, if it could not.
        saved: Where the map lies; None when there was none worth saving.
        earlier: The map in the last third of the run, to tell whether it was still learning.
        advice: What the studio noticed, the most important first.
        unfinished: The run that was interrupted, besides its snapshot.
        way_on: The command that goes on with it, if it could be saved so.
    """

    snapshot: Snapshot
    losses: dict[str, float]
    seconds: float
    rate: float
    device: str
    interrupted: bool = False
    stopped: TrainingStopped | None = None
    saved: Path | None = None
    earlier: Snapshot | None = None
    advice: tuple[Advice, ...] = ()
    unfinished: TrainingState | None = None
    way_on: str = ""


def run_training(
    config: RunConfig,
    out: Path,
    log: Path | None,
    start: Snapshot | None = None,
    resumed: Checkpoint | None = None,
    resumed_from: Path | None = None,
) -> Result:
    """Train, measure and save; if it ends early, save what there is beside `out`.

    Args:
        config: The run.
        out: Where the finished map goes.
        log: Where the losses of every step go.
        start: A map whose weights to begin with.
        resumed: The run of this config that goes on.
        resumed_from: Its file.

    Raises:
        StudioError: Target, device or a file is not as it must be.
    """
    with interruptions() as wish, training_bar() as bar:
        target, source = _opened_target(config, start, resumed)
        run = Run(config, target, source, start, resumed)
        copy = Autosave(out, resumed_from)
        result = _train(run, log, wish, bar, copy)
        if isinstance(result.stopped, MemoryRanOut | DeviceLost):
            return _save_stopped(result, out, copy, run.device)
        if result.stopped:
            saved = _save(result, out.with_name(f"{out.stem}.diverged.flowmap"))
        elif result.interrupted:
            beside = out.with_name(f"{out.stem}.interrupted.flowmap")
            saved = _save_unfinished(result, beside, out)
        else:
            bar.measuring()
            saved = _save(_measured(result, target, run.device), out)
        copy.remove()
        return saved


def _opened_target(
    config: RunConfig, start: Snapshot | None, resumed: Checkpoint | None
) -> tuple[Target, Target | None]:
    if resumed is not None:
        return open_again(resumed)
    same = start is not None and start.config.target == config.target
    target, source = open_for(config, start if start and same else None)
    if start is not None and start.dim != target.dim:
        raise StudioError(
            f"--start-from: the map has {start.dim} axes and the target {target.dim}; "
            "they must be equal."
        )
    if start is not None and not same_image(start.image, image_shape(target)):
        raise StudioError("--start-from: the map makes other images than the target holds.")
    return target, source


def _train(trainer: Run, log: Path | None, wish: Wish, bar: TrainingBar, copy: Autosave) -> Result:
    """Run the loop to its end, or until the user wishes or it can't go on."""
    kept, kept_at = trainer.snapshot(), float("-inf")
    earlier: Snapshot | None = None
    last: deque[np.ndarray] = deque(trainer.history.tail(AVERAGED), maxlen=AVERAGED)
    stopped, state = None, None
    device = describe(trainer.device)  # while it surely answers
    try:
        with _opened(log, trainer.step) as losses:
            for progress in _until(wish, trainer):
                last.extend(progress.losses)
                losses.write(progress)
                bar.show(progress)
                if progress.news:
                    console.warn(progress.news)
                if earlier is None and LATE <= progress.fraction < 1:
                    earlier = trainer.snapshot()
                if time.monotonic() - kept_at >= KEEP_SECONDS:
                    kept, kept_at = _sounder(trainer.snapshot(), kept), time.monotonic()
                copy.look(trainer)
        kept = trainer.snapshot()
        state = None if trainer.finished else trainer.checkpoint().state
    except TrainingStopped as error:
        stopped = error
    means = np.mean(last, axis=0).tolist() if last else [float("nan")] * len(TERMS)
    return Result(
        snapshot=kept,
        losses=dict(zip(TERMS, means, strict=True)),
        seconds=trainer.seconds,
        rate=trainer.step / max(trainer.seconds, 1e-9),
        device=device,
        interrupted=state is not None,
        stopped=stopped,
        earlier=earlier,
        unfinished=state,
    )


def _until(wish: Wish, trainer: Run) -> Iterator[Progress]:
    """The run's progress until its end or the user's wish."""
    steps = trainer.run()
    wish.calls(trainer.interrupt)
    try:
        for progress in steps:
            yield progress
            if wish.asked:
                return
    finally:
        steps.close()


def _opened(log: Path | None, after: int) -> LossLog:
    try:
        return LossLog(log, after)
    except OSError as error:
        raise StudioError(f"--log: could not write: {reason(error)}.") from error


def _sounder(new: Snapshot, old: Snapshot) -> Snapshot:
    """The newer map, unless its weights are such that no file could hold them."""
    # NaN fails the comparison too.
    sound = all(np.abs(w).max(initial=0) <= WEIGHT_LIMIT for w in new.weights.values())
    return new if sound else old


def _measured(result: Result, target: Target, device: torch.device) -> Result:
    snapshot, advice = measured(result.snapshot, result.earlier, target, device)
    return replace(result, snapshot=snapshot, advice=tuple(advice))


def _save_unfinished(result: Result, path: Path, out: Path) -> Result:
    """Save the run to go on with later, or the map alone where that is too large."""
    state = result.unfinished
    if state is None or not result.snapshot.step:
        return result
    try:
        write_preset(path, replace(pack(result.snapshot, path.stem, {}), training=state))
    except PresetError:
        return _save(result, path)
    return replace(result, saved=path, way_on=way_on(path, out, state))


def _save_stopped(result: Result, out: Path, copy: Autosave, device: torch.device) -> Result:
    """Leave the run's copy to be gone on with; without one save the last map."""
    found = copy.latest()
    if found is None:
        return _save(result, out.with_name(f"{out.stem}.stopped.flowmap"))
    path, checkpoint = found
    command = way_on(path, out, checkpoint.state, "" if device.type == "cpu" else "cpu")
    return replace(result, snapshot=checkpoint.snapshot, saved=path, way_on=command)


def _save(result: Result, path: Path) -> Result:
    if not result.snapshot.step:
        return result
    write_preset(path, pack(result.snapshot, path.stem, {}))
    return replace(result, saved=path)
