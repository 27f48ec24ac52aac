"""The stress command in short, and that it notices what is broken."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner
from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from flowmap_studio.core.presets import files
from flowmap_studio.runtime import evaluation, recovery
from flowmap_studio.runtime.session import Session
from flowmap_studio.tools.stress import __main__ as command
from flowmap_studio.tools.stress import cycles as cycling
from flowmap_studio.tools.stress import fuzz as fuzzing
from flowmap_studio.tools.stress import hands
from flowmap_studio.tools.stress import kills as killing
from flowmap_studio.tools.stress.cycles import cycles
from flowmap_studio.tools.stress.determinism import determinism
from flowmap_studio.tools.stress.finding import Broken, Finding, finding_of
from flowmap_studio.tools.stress.forging import parted, plain_preset, seeds
from flowmap_studio.tools.stress.fuzz import fuzz
from flowmap_studio.tools.stress.hostile import lies, truncations
from flowmap_studio.tools.stress.kills import kills
from flowmap_studio.tools.stress.monkey import monkey
from flowmap_studio.tools.stress.report import BEGIN, END, GOALS, with_findings
from flowmap_studio.tools.stress.soak import Sample, slope, soak
from flowmap_studio.tools.stress.storm import storm
from flowmap_studio.tools.stress.studio import turn_until
from flowmap_studio.views.settings import recovery_folder

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")


@pytest.fixture(autouse=True)
def _cold_evaluators(qapp: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "WARM_UP", ())


# The checks in short


def test_fuzz() -> None:
    found = fuzz(120, seed=1)
    assert found.broken == ()
    assert found.figures["refused"] > 90
    assert found.figures["let in"] >= 5
    assert found.figures["kept for new coverage"] > 5


@needs_fork
def test_kills() -> None:
    found = kills(6)
    assert found.broken == ()
    assert int(found.figures["found old"]) + int(found.figures["found new"]) == 6


@pytest.mark.qt_log_ignore("This plugin does not support ")
def test_monkey() -> None:
    assert monkey(40, seed=2).broken == ()


def timeless(found: Finding) -> list[str]:
    """What broke, besides times, which say more of the machine than of the program."""
    return [text for text in found.broken if "took" not in text and "arrived" not in text]


def test_cycles() -> None:
    assert timeless(cycles(4)) == []


@pytest.mark.qt_log_ignore("This plugin does not support ")
def test_storm() -> None:
    found = storm(0.3)
    assert timeless(found) == []
    assert found.figures["records a second"] > 0


@pytest.mark.qt_log_ignore("This plugin does not support ")
def test_soak() -> None:
    found = soak(0.02)
    assert not [text for text in found.broken if "by itself" in text or "did not end" in text]
    assert found.figures["MiB at the end"] >= 0


def test_determinism() -> None:
    found = determinism(1)
    assert found.broken == ()
    assert set(found.figures.values()) == {"1 of 1"}


# What is broken is noticed


def _greedy() -> None:
    len(bytearray(50_000_000))
    raise files.PresetError("it is damaged")


@pytest.mark.parametrize(
    ("reader", "words"),
    [
        (lambda _: {}["nothing"], "KeyError instead of PresetError"),
        (lambda _: _greedy(), "bytes for a file of"),
    ],
)
def test_fuzz_notices(
    monkeypatch: pytest.MonkeyPatch, reader: Callable[[bytes], Any], words: str
) -> None:
    monkeypatch.setattr(files, "decode", reader)
    assert any(words in text for text in fuzz(6).broken)


def test_fuzz_notices_a_path_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def telling(path: Path) -> None:
        raise files.PresetError(f"Could not open input.flowmap: {path}.")

    monkeypatch.setattr(fuzzing, "read_preset", telling)
    assert any("not one clean sentence" in text for text in fuzz(6).broken)


@needs_fork
def test_kills_notice_a_file_that_is_written_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    real = killing.write_preset

    def in_place(path: Path, preset: Any) -> None:
        real(path, preset)
        content = path.read_bytes()
        if preset.title == "new":
            path.write_bytes(content[:100])
            os.read(os.pipe()[0], 1)  # never ends: the kill comes in the midst

    monkeypatch.setattr(killing, "write_preset", in_place)
    monkeypatch.setattr(killing, "REACH", 20.0)
    assert any("incomplete" in text for text in kills(4).broken)


def test_cycles_notice_a_copy_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Session.shutdown

    def careless(session: Session) -> None:
        assert turn_until(lambda: any(recovery_folder().glob("*.flowmap")))
        session.preserve()
        real(session)

    monkeypatch.setattr(cycling, "ORDERS", ("scrub",))  # the run goes on until there is a copy
    monkeypatch.setattr(recovery, "AUTOSAVE_SECONDS", 0.0)
    monkeypatch.setattr(Session, "shutdown", careless)
    assert any("files were left" in text for text in cycles(1).broken)


def test_the_slope_of_memory() -> None:
    samples = [Sample(k / 2, (100 + 3 * k) * 1024 * 1024, 0, 0, 0) for k in range(9)]
    assert slope(samples) == pytest.approx(6.0)


# Its parts


def test_a_preset_comes_apart_and_together() -> None:
    for content in seeds():
        parts = parted(content)
        assert parts is not None
        assert files.decode(parts.joined(signed=True))


def test_inputs_of_each_kind() -> None:
    content = seeds()[0]
    cut = list(truncations(content))
    assert {b"", content[:8], content[:64], content[:640]} <= set(cut)
    assert len(list(lies(content))) > 1000


def test_equal_sentences_count_once() -> None:
    broken = Broken()
    broken.extend(["a", "b", "a"])
    broken.unless(True, "c")
    assert broken.told() == ("a (2 times)", "b")
    assert len(broken) == 3


# The command


FINDING = Finding("faults", "240 faults", {"calls": 15}, (), 1.0)


def test_the_status_tells_whether_all_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "run_check", lambda *_: FINDING)
    done = CliRunner().invoke(command.main, ["faults", "--json"])
    assert done.exit_code == 0
    assert finding_of(json.loads(done.stdout)[0]) == FINDING
    bad = Finding("faults", "240 faults", {}, ("a file was lost",))
    monkeypatch.setattr(command, "run_check", lambda *_: bad)
    done = CliRunner().invoke(command.main, ["faults"])
    assert done.exit_code == 1
    assert "a file was lost" in done.output


def test_all_sees_an_abort(monkeypatch: pytest.MonkeyPatch) -> None:
    class Done:
        stdout, returncode = "", -6

    monkeypatch.setattr(command.subprocess, "run", lambda *_, **__: Done)
    done = CliRunner().invoke(command.main, ["all"])
    assert done.exit_code == 1
    assert done.output.count("the process ended with -6") == len(GOALS)


def test_rows_of_other_checks_stay() -> None:
    empty = f"before\n{BEGIN}\n{END}\nafter"
    once = with_findings(empty, [FINDING, Finding("fuzz", "9 inputs", {"x": 1})])
    again = with_findings(once, [Finding("fuzz", "20,000 inputs", {"x": 2}, ("lost|it",))])
    lines = again.splitlines()
    assert [line.split(" | ")[0] for line in lines[4:6]] == ["| fuzz", "| faults"]
    assert "20,000 inputs" in lines[4]
    assert lines[4].endswith("| no: lost/it |")
    assert "240 faults" in lines[5]
    assert lines[-1] == "after"


def test_a_plain_preset_is_sound() -> None:
    assert plain_preset(labels="on").snapshot.classes == ("0", "1")


@pytest.mark.qt_log_ignore("This plugin does not support ")
def test_the_random_user_lets_go_of_every_button(qtbot: Any) -> None:
    class Pad(QWidget):
        held: ClassVar[list[Qt.MouseButton]] = []

        def mousePressEvent(self, event: QMouseEvent) -> None:
            self.held.append(event.buttons())

    pad = Pad()
    qtbot.addWidget(pad)
    with qtbot.waitExposed(pad):
        pad.show()
    draw = random.Random(0)  # noqa: S311 - no secret
    pressed = 0
    for _ in range(40):
        hands.mouse(pad, draw, [])
        pressed += len(Pad.held)
        Pad.held.clear()
        qtbot.mouseClick(pad, Qt.MouseButton.MiddleButton)
        assert Pad.held == [Qt.MouseButton.MiddleButton]
        Pad.held.clear()
    assert pressed >= 20


@pytest.mark.qt_log_ignore("This plugin does not support ")
def test_the_random_user_leaves_alone_what_its_press_destroys(qtbot: Any) -> None:
    pressed = []

    class Fuse(QWidget):
        def mousePressEvent(self, event: QMouseEvent) -> None:
            del event
            pressed.append(self)
            self.deleteLater()
            loop = QEventLoop()  # as that of a button's menu
            QTimer.singleShot(1, loop.quit)
            loop.exec()

    draw = random.Random(0)  # noqa: S311 - no secret
    for count in range(1, 6):
        fuse = Fuse()
        with qtbot.waitExposed(fuse):
            fuse.show()
        while len(pressed) < count:
            hands.mouse(fuse, draw, [])
        assert not isValid(pressed[-1])
