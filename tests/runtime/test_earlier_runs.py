"""The session keeps runs that it forgets, as thin curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.presets import Preset, write_preset
from flowmap_studio.core.run import Run
from flowmap_studio.core.targets import open_target
from flowmap_studio.runtime.session import Session, State


def run(qtbot: Any, session: Session, config: RunConfig) -> None:
    """Train to the end, with the last measurement."""
    session.set_config(config)
    with qtbot.waitSignal(session._control.ended):
        session.start()
    qtbot.waitUntil(lambda: session.quality.steps[-1:] == [config.steps])


def test_a_run_is_kept_once_the_next_has_begun(
    qtbot: Any, session: Session, small_config: RunConfig
) -> None:
    run(qtbot, session, small_config)
    assert session.earlier.runs() == ()
    losses = session.losses.view().mean
    quality = list(session.quality.one_step)
    with qtbot.waitSignal(session.earlier.changed):
        session.set_config(small_config.replace(seed=1))
        session.start()
    (kept,) = session.earlier.shown()
    assert kept.config == small_config
    assert kept.steps == small_config.steps
    np.testing.assert_array_equal(kept.losses.view().mean, losses)
    assert kept.one_step == quality[-1]


def test_maps_without_losses_leave_nothing(qtbot: Any, session: Session, preset_path: Path) -> None:
    session.open_preset(preset_path)
    session.open_preset(preset_path)
    session.reset()
    assert session.earlier.runs() == ()


def test_a_run_that_goes_on_with_what_is_drawn_is_one_run(
    qtbot: Any, session: Session, endless: RunConfig
) -> None:
    session.set_config(endless)
    session.start()
    qtbot.waitUntil(lambda: len(session.losses) > 2)
    former = session.losses
    session.learn_on()

    def anew() -> bool:
        return session.losses is not former and len(session.losses) > 2

    qtbot.waitUntil(anew)
    assert session.earlier.runs() == ()
    session.stop()
    qtbot.waitUntil(lambda: session.state is State.IDLE)
    session.start()
    qtbot.waitUntil(lambda: len(session.earlier.runs()) == 1)


def test_an_unfinished_run_in_a_file_brings_its_losses(
    session: Session, small_config: RunConfig, preset_path: Path, tmp_path: Path
) -> None:
    run = Run(small_config, open_target(small_config.target))
    next(run.run())
    checkpoint, path = run.checkpoint(), tmp_path / "moons.interrupted.flowmap"
    write_preset(path, Preset(snapshot=checkpoint.snapshot, title="", training=checkpoint.state))
    session.open_preset(path)
    assert len(session.losses) == checkpoint.state.history.steps > 1
    session.open_preset(preset_path)
    assert len(session.losses) == 0
    session.open_preset(path)  # the same run once more
    session.open_preset(preset_path)
    (kept,) = session.earlier.shown()
    assert kept.steps == checkpoint.state.history.steps
    assert kept.config == checkpoint.snapshot.config
