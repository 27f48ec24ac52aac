"""A training from its target to the saved file, on the loop that the window runs too."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from flowmap_studio.cli.interruption import Wish, interruptions
from flowmap_studio.cli.loss_log import LossLog
from flowmap_studio.cli.progress import TrainingBar, training_bar
from flowmap_studio.core.advice import Advice, Figures, advise
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.devices import describe
from flowmap_studio.core.errors import StudioError, TrainingDiverged
from flowmap_studio.core.files import reason
from flowmap_studio.core.history import TERMS
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.metrics import Referee, preset_metrics
from flowmap_studio.core.packing import pack
from flowmap_studio.core.presets import write_preset
from flowmap_studio.core.presets.codec import WEIGHT_LIMIT
from flowmap_studio.core.run import Run
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.targets import Target, open_for

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
        snapshot: The map; the last sound one if training diverged.
        losses: Final losses by term.
        seconds: Training time.
        rate: Steps per second.
        device: Where it trained, in words.
        interrupted: Whether the user ended it early.
        diverged: The sentence that says so, if it did.
        saved: Where the map lies; None when there was none worth saving.
        earlier: The map in the last third of the run, to tell whether it was still learning.
        advice: What the studio noticed, the most important first.
    """

    snapshot: Snapshot
    losses: dict[str, float]
    seconds: float
    rate: float
    device: str
    interrupted: bool = False
    diverged: str = ""
    saved: Path | None = None
    earlier: Snapshot | None = None
    advice: tuple[Advice, ...] = ()


def run_training(
    config: RunConfig, out: Path, log: Path | None, start: Snapshot | None = None
) -> Result:
    """Train, measure and save; on Ctrl-C or divergence save what there is beside `out`.

    Args:
        config: The run.
        out: Where the finished map goes.
        log: Where the losses of every step go.
        start: A map whose weights to begin with.

    Raises:
        StudioError: Target, device or a file is not as it must be.
    """
    with interruptions() as wish, training_bar() as bar:
        same = start is not None and start.config.target == config.target
        target, source = open_for(config, start.data if start and same else None)
        if start is not None and start.dim != target.dim:
            raise StudioError(
                f"--start-from: the map has {start.dim} axes and the target {target.dim}; "
                "they must be equal."
            )
        trainer = Run(config, target, source, start)
        result = _train(trainer, log, wish, bar)
        if result.diverged:
            return _save(result, out.with_name(f"{out.stem}.diverged.flowmap"))
        if result.interrupted:
            return _save(result, out.with_name(f"{out.stem}.interrupted.flowmap"))
        bar.measuring()
        return _save(_measured(result, target, trainer.device), out)


def _train(trainer: Run, log: Path | None, wish: Wish, bar: TrainingBar) -> Result:
    """Run the loop to its end, or until the user wishes or the loss demands otherwise."""
    kept, kept_at = trainer.snapshot(), float("-inf")
    earlier: Snapshot | None = None
    last: deque[np.ndarray] = deque(maxlen=AVERAGED)
    steps = trainer.run()
    wish.calls(trainer.interrupt)
    diverged = ""
    try:
        with _opened(log) as losses:
            for progress in steps:
                last.extend(progress.losses)
                losses.write(progress)
                bar.show(progress)
                if earlier is None and LATE <= progress.fraction < 1:
                    earlier = trainer.snapshot()
                if time.monotonic() - kept_at >= KEEP_SECONDS:
                    kept, kept_at = _sounder(trainer.snapshot(), kept), time.monotonic()
                if wish.asked:
                    break
    except TrainingDiverged as error:
        diverged = str(error)
    finally:
        steps.close()
    means = np.mean(last, axis=0).tolist() if last else [float("nan")] * len(TERMS)
    return Result(
        snapshot=kept if diverged else trainer.snapshot(),
        losses=dict(zip(TERMS, means, strict=True)),
        seconds=trainer.seconds,
        rate=trainer.step / max(trainer.seconds, 1e-9),
        device=describe(trainer.device),
        interrupted=not diverged and not trainer.finished,
        diverged=diverged,
        earlier=earlier,
    )


def _opened(log: Path | None) -> LossLog:
    try:
        return LossLog(log)
    except OSError as error:
        raise StudioError(f"--log: could not write: {reason(error)}.") from error


def _sounder(new: Snapshot, old: Snapshot) -> Snapshot:
    """The newer map, unless its weights are such that no file could hold them."""
    # NaN fails the comparison too.
    sound = all(np.abs(w).max(initial=0) <= WEIGHT_LIMIT for w in new.weights.values())
    return new if sound else old


def _measured(result: Result, target: Target, device: torch.device) -> Result:
    snapshot = result.snapshot
    referee = Referee(target, snapshot.normalisation)
    if len(referee.data) < 2:  # a file of three points: nothing is held out to judge by
        return result
    metrics = preset_metrics(referee, LoadedMap(snapshot, device))
    figures = Figures(
        snapshot.step,
        progress=1.0,
        spread_ratio=metrics["spread_ratio"],
        one_step=metrics["sliced_w2_1"],
        composed=metrics["sliced_w2_8"],
        jumps=8,
        floor=metrics["sliced_w2_floor"],
        folded=metrics.get("folded_share"),
        earlier=_earlier(result, referee, device),
    )
    advice = advise(snapshot.config, figures)
    return replace(result, snapshot=snapshot.with_metrics(metrics), advice=tuple(advice))


def _earlier(result: Result, referee: Referee, device: torch.device) -> float | None:
    """The one-step figure of the map that was put by in the last third of the run."""
    if result.earlier is None:
        return None
    return referee.one_figure(LoadedMap(result.earlier, device), 1)


def _save(result: Result, path: Path) -> Result:
    if not result.snapshot.step:
        return result
    write_preset(path, pack(result.snapshot, path.stem, {}))
    return replace(result, saved=path)
