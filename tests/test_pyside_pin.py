"""PySide6 6.12 on Python 3.11 loses references to None and True, and aborts after 500 emits."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import PySide6
import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from PySide6.QtCore import QObject, Signal, Slot

import flowmap_studio

EMITS = 200
NOISE = 50
"""References that come and go by themselves while a test runs."""


class Sender(QObject):
    flag = Signal(bool)
    thing = Signal(object)


class Receiver(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    @Slot(bool)
    @Slot(object)
    def receive(self, _value: object) -> None:
        self.count += 1


def pinned() -> Requirement:
    project = Path(flowmap_studio.__file__).parents[1] / "pyproject.toml"
    if not project.is_file():
        pytest.skip("not run from a checkout")
    with project.open("rb") as file:
        lines = tomllib.load(file)["project"]["dependencies"]
    (found,) = [r for r in map(Requirement, lines) if r.name.startswith("PySide6")]
    return found


def test_the_bad_version_is_not_allowed() -> None:
    allowed = pinned().specifier
    assert "6.11.3" in allowed
    for version in ("6.12.0", "6.12.1", "6.13.0", "7.0.0"):
        assert version not in allowed


def test_the_bad_version_is_not_installed() -> None:
    assert Version(PySide6.__version__) < Version("6.12")


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None and True are immortal from 3.12 on")
def test_signals_lose_no_references(qapp: object) -> None:
    sender, receiver = Sender(), Receiver()
    sender.flag.connect(receiver.receive)
    sender.thing.connect(receiver.receive)
    sender.flag.emit(True)
    sender.thing.emit(None)
    before = [sys.getrefcount(value) for value in (None, True)]
    for _ in range(EMITS):
        sender.flag.emit(True)
        sender.thing.emit(None)
    after = [sys.getrefcount(value) for value in (None, True)]
    assert receiver.count == 2 * EMITS + 2
    assert [new - old for old, new in zip(before, after, strict=True)] == pytest.approx(
        [0, 0], abs=NOISE
    )
