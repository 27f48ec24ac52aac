"""The same bits: resumed and uninterrupted, scrubbed and untouched, window and command line."""

from __future__ import annotations

import contextlib
import io
import random
import tempfile
import time
from pathlib import Path
from unittest import mock

from flowmap_studio.cli import main as command_line
from flowmap_studio.core import trainer
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.presets import Preset, read_preset, write_preset
from flowmap_studio.core.run import Run
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.targets import open_again, open_for
from flowmap_studio.runtime.session import Session, State
from flowmap_studio.tools.stress.finding import Broken, Finding
from flowmap_studio.tools.stress.process import own_home
from flowmap_studio.tools.stress.studio import (
    SMALL,
    application,
    forget_windows,
    small_config,
    turn_until,
    watched,
)

STEPS = 60
KINDS: tuple[dict[str, str], ...] = (
    {},
    {"method": "article", "coupling": "independent"},
    {"method": "trajectory"},
    {"coupling": "sinkhorn"},
    {"labels": "on"},
    {"method": "rectified-flow", "coupling": "independent"},
    {"method": "schrodinger-bridge", "coupling": "sinkhorn"},
)
"""Settings of the runs that are compared, one after the other."""


def same(ours: Snapshot, theirs: Snapshot) -> bool:
    """Whether two maps are equal to the bit."""
    return ours.step == theirs.step and all(
        ours.weights[name].tobytes() == array.tobytes() for name, array in theirs.weights.items()
    )


def _whole(config: RunConfig) -> Snapshot:
    run = Run(config, *open_for(config))
    for _ in run.run():
        pass
    return run.snapshot()


def _resumed(config: RunConfig, cut: int, path: Path) -> Snapshot:
    """The run, cut off at a step, saved, opened and finished."""
    run = Run(config, *open_for(config))
    with mock.patch.object(trainer, "REPORT_SECONDS", 0.0):  # to be cut off at any step
        steps = run.run()
        next(progress for progress in steps if progress.step >= cut)
        steps.close()
    made = run.checkpoint()
    write_preset(path, Preset(snapshot=made.snapshot, title="", training=made.state))
    found = read_preset(path).checkpoint
    assert found is not None  # noqa: S101 - so written
    again = Run(found.state.config, *open_again(found), resumed=found)
    for _ in again.run():
        pass
    return again.snapshot()


def _scrubbed(config: RunConfig, draw: random.Random, path: Path) -> Snapshot:
    """The run in a session whose time, steps and history are moved meanwhile."""
    session = Session()
    session.begin()
    session.set_config(config)
    session.start()

    def ended() -> bool:
        session.set_time(draw.random())
        session.set_steps(draw.randint(1, 16))
        session.show_history(draw.randrange(max(1, len(session.snapshots))))
        return session.state in (State.IDLE, State.FAILED)

    turn_until(ended)
    session.show_live()
    session.save_preset(path)
    session.shutdown()
    session.deleteLater()
    return read_preset(path).snapshot


def _by_command(config: RunConfig, path: Path) -> Snapshot:
    names = {*SMALL, "seed", "method", "coupling", "labels"}
    words = [f"--{name.replace('_', '-')}={getattr(config, name)}" for name in sorted(names)]
    with contextlib.redirect_stdout(io.StringIO()):
        status = command_line(["train", "--out", str(path), "--json", *words])
    if status:
        raise RuntimeError(f"train ended with status {status}")
    return read_preset(path).snapshot


def determinism(count: int, seed: int = 0) -> Finding:
    """Compare so many runs in each of the three ways.

    Args:
        count: Number of runs.
        seed: Of the runs, and of when they are cut off and moved.
    """
    began = time.perf_counter()
    broken, draw = Broken(), random.Random(seed)  # noqa: S311 - nothing secret
    equal = dict.fromkeys(("resumed", "scrubbed in the window", "command line"), 0)
    application()
    with own_home(), watched(broken), tempfile.TemporaryDirectory() as made:
        path = Path(made) / "made.flowmap"
        for number in range(count):
            kind = KINDS[number % len(KINDS)]
            config = small_config(steps=STEPS, seed=draw.randrange(1000), **kind)
            whole = _whole(config)
            cut = draw.randrange(1, STEPS)
            found = (
                _resumed(config, cut, path),
                _scrubbed(config, draw, path),
                _by_command(config, path),
            )
            for way, snapshot in zip(equal, found, strict=True):
                equal[way] += same(snapshot, whole)
                broken.unless(same(snapshot, whole), f"{way}: other bits with {config}")
        forget_windows()
    took = time.perf_counter() - began
    figures = {f"bit-equal, {way}": f"{number} of {count}" for way, number in equal.items()}
    return Finding("determinism", f"{count:,} runs", figures, broken.told(), took)
