"""Copies of runs: kept until they are not needed, and never mixed between processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flowmap_studio
from flowmap_studio.core import trainer
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import PresetError
from flowmap_studio.core.presets import read_preset
from flowmap_studio.core.run import Run
from flowmap_studio.core.targets import open_for
from flowmap_studio.core.training_state import Checkpoint
from flowmap_studio.runtime import recovery
from flowmap_studio.runtime.file_lock import FileLock
from flowmap_studio.runtime.recovery import LeftOver, RecoveryFile, RecoveryFolder
from flowmap_studio.runtime.session import Session, State
from flowmap_studio.runtime.workers import join


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "recovery"


@pytest.fixture
def checkpoint(small_config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
    """Step 21 of 60."""
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "REPORT_SECONDS", 0.0)
        run = Run(small_config, *open_for(small_config))
        for progress in run.run():
            if progress.step == 21:
                break
    return run.checkpoint()


def made(folder: Path) -> RecoveryFile:
    copy = RecoveryFolder(folder).new()
    assert copy is not None
    return copy


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


# The copies


def test_a_copy_is_there_until_it_is_discarded(folder: Path, checkpoint: Checkpoint) -> None:
    copy = made(folder)
    assert names(folder) == set()
    copy.save(checkpoint)
    assert names(folder) == {copy.path.name, f"{copy.path.name}.lock"}
    found = read_preset(copy.path).checkpoint
    assert found is not None
    assert found.state.current.first.tobytes() == checkpoint.state.current.first.tobytes()
    (folder / f".{copy.path.name}.x7").write_bytes(b"what a kill in the midst of a saving leaves")
    copy.discard()
    assert names(folder) == set()
    copy.save(checkpoint)
    assert names(folder) == set()


def test_a_copy_that_is_discarded_while_it_is_written_does_not_stay(
    folder: Path, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, real = made(folder), recovery.write_preset

    def write_after(*arguments: Any, **options: Any) -> None:
        copy.discard()
        real(*arguments, **options)

    monkeypatch.setattr(recovery, "write_preset", write_after)
    copy.save(checkpoint)
    assert names(folder) == set()


def test_nothing_is_offered_that_is_held_or_damaged(folder: Path, checkpoint: Checkpoint) -> None:
    assert RecoveryFolder(folder).left_over() is None
    held, left = made(folder), made(folder)
    held.save(checkpoint)
    assert RecoveryFolder(folder).left_over() is None
    left.save(checkpoint)
    left.release()
    (folder / "run-1-00.flowmap").write_bytes(b"cut")
    found = RecoveryFolder(folder).left_over()
    assert found is not None
    assert found.path == left.path
    assert found.description == "moons · semigroup · ot · 21 steps"
    assert RecoveryFolder(folder).left_over() is None  # another window that starts now
    found.discard()
    assert RecoveryFolder(folder).left_over() is None
    held.discard()


def test_the_newest_comes_first(folder: Path, checkpoint: Checkpoint) -> None:
    copies = [made(folder) for _ in range(3)]
    for age, copy in enumerate(copies):
        copy.save(checkpoint)
        copy.release()
        os.utime(copy.path, (1e9 - age, 1e9 - age))
    found = [RecoveryFolder(folder).left_over() for _ in range(4)]
    assert [left and left.path for left in found] == [*(copy.path for copy in copies), None]
    for left in filter(None, found):
        left.discard()
    assert names(folder) == set()


def test_of_many_copies_no_more_are_read_than_are_offered(
    folder: Path, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for age in range(4):
        copy = made(folder)
        copy.save(checkpoint)
        copy.release()
        os.utime(copy.path, (1e9 - age, 1e9 - age))
    (folder / "run-1-00.flowmap").write_bytes(b"cut")  # the newest of all
    read: list[Path] = []
    real = recovery.read_entry

    def watched(path: Path, **options: Any) -> Any:
        read.append(path)
        return real(path, **options)

    monkeypatch.setattr(recovery, "read_entry", watched)
    found = RecoveryFolder(folder).left_over()
    assert found is not None
    assert read == [folder / "run-1-00.flowmap", found.path]
    found.release()


def test_what_a_kill_in_a_first_saving_left_is_cleared_away(
    folder: Path, checkpoint: Checkpoint
) -> None:
    """There is a lock and a part of a file, but no copy that could be offered."""
    held = made(folder)
    held.save(checkpoint)
    held.path.unlink()
    for name in ("run-1-a", "run-1-b"):
        (folder / f"{name}.flowmap.lock").touch()
        (folder / f".{name}.flowmap.x7").write_bytes(b"a part")
    for path in folder.iterdir():
        if "run-1-b" not in path.name:
            os.utime(path, (1e9, 1e9))
    assert RecoveryFolder(folder).left_over() is None
    young = {"run-1-b.flowmap.lock", ".run-1-b.flowmap.x7"}  # it may just be being made
    assert names(folder) == {f"{held.path.name}.lock", *young}
    held.discard()


def test_without_a_folder_there_are_no_copies() -> None:
    assert RecoveryFolder(None).new() is None
    assert RecoveryFolder(None).left_over() is None


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, checkpoint: Checkpoint) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(PresetError, match=r"^Could not save a copy of the run: "):
        made(tmp_path / "file" / "recovery").save(checkpoint)


HOLDER = """
import sys
from pathlib import Path
from flowmap_studio.runtime.file_lock import FileLock
lock = FileLock(Path(sys.argv[1]))
print(lock.take(), flush=True)
sys.stdin.read()
"""


def test_the_system_drops_the_lock_of_a_killed_process(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    root = str(Path(flowmap_studio.__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        env=os.environ | {"PYTHONPATH": root},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        assert not FileLock(path).take()
        process.kill()
    lock = FileLock(path)
    assert lock.take()
    assert not FileLock(path).take()
    lock.drop()
    lock.remove()
    assert not path.exists()


# The session


@pytest.fixture
def open_session(qapp: object, folder: Path) -> Iterator[Callable[[], Session]]:
    sessions = []

    def open_session() -> Session:
        session = Session(recovery=folder)
        session.begin()
        sessions.append(session)
        return session

    yield open_session
    for session in sessions:
        session.shutdown()
        assert join([*session._control.workers(), session._evaluator], 10)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy at every report."""
    monkeypatch.setattr(recovery, "AUTOSAVE_SECONDS", 0.0)


def copies(folder: Path) -> list[Path]:
    return sorted(folder.glob("run-*.flowmap"))


def left_by_a_crash(folder: Path, checkpoint: Checkpoint) -> LeftOver:
    copy = made(folder)
    copy.save(checkpoint)
    copy.release()
    left = RecoveryFolder(folder).left_over()
    assert left is not None
    return left


def test_a_recovered_run_is_shown_held_and_goes_on_exactly(
    qtbot: Any,
    open_session: Any,
    folder: Path,
    checkpoint: Checkpoint,
    train: Any,
    same: Any,
    small_config: RunConfig,
) -> None:
    session = open_session()
    session.recover(left_by_a_crash(folder, checkpoint))
    assert session.state is State.PAUSED
    assert session.config == small_config
    assert len(session.losses) == 21
    assert session.unsaved
    assert same(session.snapshot, checkpoint.snapshot)
    session.resume()
    qtbot.waitUntil(lambda: session.state is State.IDLE)
    assert session.snapshot.step == 60
    assert same(session.snapshot, train(small_config))
    whole = Run(small_config, *open_for(small_config))
    for _ in whole.run():
        pass
    np.testing.assert_array_equal(session.losses.view().mean, whole.history.view().mean)
    assert [read_preset(path).snapshot.step for path in copies(folder)] == [60]


def test_a_recovered_run_that_is_held_waits(
    qtbot: Any, open_session: Any, folder: Path, checkpoint: Checkpoint
) -> None:
    session = open_session()
    session.recover(left_by_a_crash(folder, checkpoint))
    devices: list[str] = []
    session.device_changed.connect(devices.append)
    qtbot.waitUntil(lambda: bool(devices))
    session.stop()
    qtbot.waitUntil(lambda: session.state is State.IDLE)
    assert session.snapshot.step == len(session.losses) == 21


@pytest.mark.usefixtures("often")
def test_a_run_is_copied_while_it_goes_on(
    qtbot: Any, open_session: Any, folder: Path, endless: RunConfig
) -> None:
    session = open_session()
    session.set_config(endless)
    session.start()
    qtbot.waitUntil(lambda: bool(copies(folder)))
    state = read_preset(copies(folder)[0]).training
    assert state is not None
    assert state.step == state.history.steps > 0
    assert RecoveryFolder(folder).left_over() is None  # another window leaves it alone
    session.stop()
    qtbot.waitUntil(lambda: session.state is State.IDLE)
    (copy,) = copies(folder)  # nobody has saved it yet
    assert read_preset(copy).snapshot.step == session.snapshot.step


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("way", ["saved", "reset", "another", "opened", "closed"])
def test_a_copy_goes_when_it_is_not_needed(
    qtbot: Any,
    open_session: Any,
    folder: Path,
    small_config: RunConfig,
    preset_path: Path,
    tmp_path: Path,
    way: str,
) -> None:
    session = open_session()
    session.set_config(small_config)
    session.start()
    qtbot.waitUntil(lambda: session.state is State.IDLE)
    (copy,) = copies(folder)
    if way == "saved":
        session.save_preset(tmp_path / "mine.flowmap")
    elif way == "reset":
        session.reset()
    elif way == "opened":
        session.open_preset(preset_path)
    elif way == "closed":
        session.shutdown()
    else:
        session.start()
        qtbot.waitUntil(lambda: session.state is State.IDLE)
    assert not copy.exists()
    assert len(copies(folder)) == (way == "another")


@pytest.mark.usefixtures("often")
def test_a_run_that_goes_on_keeps_its_copy_when_its_map_is_saved(
    qtbot: Any, open_session: Any, folder: Path, endless: RunConfig, tmp_path: Path
) -> None:
    session = open_session()
    session.set_config(endless)
    session.start()
    qtbot.waitUntil(lambda: bool(copies(folder)))
    qtbot.waitUntil(lambda: session.snapshot is not None)  # it may come later
    session.save_preset(tmp_path / "mine.flowmap")
    assert len(copies(folder)) == 1


def test_what_the_system_ends_is_left_to_the_next_start(
    qtbot: Any, open_session: Any, folder: Path, endless: RunConfig
) -> None:
    session = open_session()
    session.set_config(endless)
    session.start()
    qtbot.waitUntil(lambda: len(session.losses) > 0)
    session.preserve()
    session.shutdown()
    left = RecoveryFolder(folder).left_over()
    assert left is not None
    state = read_preset(left.path).training
    assert state is not None
    assert state.step >= len(session.losses)
    left.discard()


def test_what_cannot_go_on_now_is_left_to_another_start(
    qtbot: Any, open_session: Any, folder: Path, checkpoint: Checkpoint, monkeypatch: Any
) -> None:
    session = open_session()
    said: list[str] = []
    session.failed.connect(lambda sentence, _: said.append(sentence))

    def missing(_: Checkpoint) -> None:
        from flowmap_studio.core.errors import DataError

        raise DataError("There is no file 'face.png'; check the path of the target.")

    monkeypatch.setattr("flowmap_studio.core.targets.open_again", missing)
    session.recover(left_by_a_crash(folder, checkpoint))
    qtbot.waitUntil(lambda: session.state is State.FAILED)
    assert said == ["There is no file 'face.png'; check the path of the target."]
    session.shutdown()
    left = RecoveryFolder(folder).left_over()
    assert left is not None
    left.discard()


def test_a_damaged_copy_changes_nothing(
    open_session: Any, folder: Path, checkpoint: Checkpoint
) -> None:
    session = open_session()
    config = session.config
    left = left_by_a_crash(folder, checkpoint)
    left.path.write_bytes(left.path.read_bytes()[:-1])
    with pytest.raises(PresetError, match="incomplete"):
        session.recover(left)
    assert (session.state, session.config, session.snapshot) == (State.IDLE, config, None)
    left.discard()


@pytest.mark.usefixtures("often")
def test_a_full_disk_is_told_once_and_ends_no_training(
    qtbot: Any,
    open_session: Any,
    folder: Path,
    small_config: RunConfig,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(path: Path, *_: object, **__: object) -> None:
        raise PresetError("Could not save run.flowmap: the disk is full. Nothing was changed.")

    monkeypatch.setattr(recovery, "write_preset", full)
    session = open_session()
    said: list[tuple[str, str]] = []
    session.message.connect(lambda kind, sentence: said.append((kind, sentence)))
    session.set_config(small_config)
    session.start()
    qtbot.waitUntil(lambda: session.state is State.IDLE)
    qtbot.waitUntil(lambda: bool(said))
    assert session.snapshot.step == 60
    assert len(said) == 1
    assert said[0][0] == "warning"
    assert "the disk is full" in said[0][1]
