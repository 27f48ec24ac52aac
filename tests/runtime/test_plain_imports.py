"""Imports go past PySide's function while that is asked for, and through it again afterwards."""

import builtins
import sys
from pathlib import Path

import pytest

from flowmap_studio.runtime.plain_imports import plain_imports


def test_pyside_looks_at_imports_again_afterwards_and_after_an_error() -> None:
    looked_at = builtins.__import__
    assert looked_at is builtins.__feature_import__  # type: ignore[attr-defined]
    with plain_imports():
        assert builtins.__import__ is not looked_at
    assert builtins.__import__ is looked_at
    with plain_imports(), plain_imports():  # as of two threads
        assert builtins.__import__ is not looked_at
    assert builtins.__import__ is looked_at
    with pytest.raises(ZeroDivisionError), plain_imports():
        _ = 1 / 0
    assert builtins.__import__ is looked_at


def test_a_module_that_is_imported_meanwhile_can_use_qt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: object
) -> None:
    (tmp_path / "made_meanwhile.py").write_text(
        "from PySide6.QtWidgets import QCalendarWidget\n"
        "class Calendar(QCalendarWidget):\n"
        "    def sizeHint(self):\n"
        "        self.asked = True\n"
        "        return super().sizeHint()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with plain_imports():
        from made_meanwhile import Calendar  # type: ignore[import-not-found]
    made = Calendar()
    made.adjustSize()  # Qt calls what Python overrides
    assert made.asked
    assert made.width() > 0
    del sys.modules["made_meanwhile"]


def test_another_pyside_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowmap_studio.runtime.plain_imports.UNLOOKED_AT", "__elsewhere__")
    before = builtins.__import__
    with plain_imports():
        assert builtins.__import__ is before
