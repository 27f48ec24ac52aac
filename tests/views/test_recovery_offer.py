"""The run that a crash cut off is offered at the next start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QWidget

from flowmap_studio.runtime.recovery import RecoveryFolder
from flowmap_studio.runtime.session import State
from flowmap_studio.views.settings import recovery_folder

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")
SETTINGS: dict[str, Any] = {
    "hidden_dim": 16,
    "time_embed_dim": 8,
    "depth": 1,
    "batch_size": 32,
    "ot_batch": 32,
    "steps": 60,
    "warmup_steps": 5,
    "device": "cpu",
    "target": "rings",
}


def fresh_run() -> Any:
    from flowmap_studio.core.config import RunConfig
    from flowmap_studio.core.run import Run
    from flowmap_studio.core.targets import SHAPES

    return Run(RunConfig(**SETTINGS), SHAPES["rings"])


@pytest.fixture
def crashed(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The copy of a run whose program is gone, at step 21 of 60."""
    from flowmap_studio.core import trainer

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "REPORT_SECONDS", 0.0)
        run = fresh_run()
        for progress in run.run():
            if progress.step == 21:
                break
    copy = RecoveryFolder(recovery_folder()).new()
    assert copy is not None
    copy.save(run.checkpoint())
    copy.release()
    return copy.path


QUESTION = "A run was cut off: rings · semigroup · ot · 21 steps."


@pytest.fixture
def start(open_studio: Callable[..., Any], small_preset: Path) -> Callable[[], Any]:
    """Opens a window on a small map."""
    return lambda: open_studio(small_preset)


def test_recovered_it_goes_on_to_the_same_map(start: Callable[[], Any], crashed: Path) -> None:
    studio = start()
    assert studio.message() == QUESTION
    for name, text in (("messageRemedy", "Recover"), ("messageRefusal", "Discard")):
        assert studio.find(name).isVisible()
        assert studio.find(name).text() == text
    studio.click("messageRemedy")
    assert studio.state() == "paused"
    assert studio.find("trainButton", QWidget).text() == "Resume"
    assert studio.message().startswith("Recovered: rings")
    assert studio.session.config.target == "rings"
    assert len(studio.session.losses) == 21
    assert not studio.find("messageRefusal").isVisible()
    studio.click("trainButton")
    studio.until(lambda: studio.session.state is State.IDLE)
    run = fresh_run()
    for _ in run.run():
        pass
    expected, found = run.snapshot(), studio.session.snapshot
    assert found.step == expected.step == 60
    for name, array in expected.weights.items():
        assert found.weights[name].tobytes() == array.tobytes()
    studio.window.close()
    assert list(recovery_folder().iterdir()) == []


def test_discarded_it_is_gone(start: Callable[[], Any], crashed: Path) -> None:
    studio = start()
    studio.click("messageRefusal")
    assert studio.message() == ""
    assert not crashed.exists()
    assert start().message() == ""


def test_closing_the_message_is_no_answer(start: Callable[[], Any], crashed: Path) -> None:
    studio = start()
    studio.click("messageClose")
    assert studio.message() == ""
    assert start().message() == ""  # the first window has it
    studio.window.close()
    assert start().message() == QUESTION


def test_a_file_that_is_refused_is_told_first(
    open_studio: Callable[..., Any],
    crashed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing_shipped(*_: str) -> Path:
        raise FileNotFoundError

    monkeypatch.setattr("flowmap_studio.app.asset", nothing_shipped)
    bad = tmp_path / "bad.flowmap"
    bad.write_text("hello")
    studio = open_studio(bad)
    assert studio.message().startswith("Could not open bad.flowmap")
    assert crashed.exists()


def test_a_run_that_goes_on_is_not_given_up_for_it(start: Callable[[], Any], crashed: Path) -> None:
    studio = start()
    studio.configure(steps=100_000_000)
    studio.session.start()
    studio.until(lambda: len(studio.session.losses) > 0)
    studio.click("messageRemedy")
    assert studio.message().startswith("Stop the present run before you recover")
    assert studio.session.state is State.RUNNING
    studio.session.stop()
    studio.until(lambda: studio.session.state is State.IDLE)
    studio.click("messageRemedy")
    assert studio.session.state is State.PAUSED
    assert studio.session.snapshot.step == 21


def test_a_damaged_copy_is_told(start: Callable[[], Any], crashed: Path) -> None:
    studio = start()
    crashed.write_bytes(crashed.read_bytes()[:-1])
    studio.click("messageRemedy")
    assert "the file is incomplete" in studio.message()
    assert studio.session.state is State.IDLE
