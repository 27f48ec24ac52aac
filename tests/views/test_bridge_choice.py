"""Choosing the Schrödinger bridge brings the coupling along that makes it one."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QComboBox

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")


def test_a_bridge_brings_its_coupling_and_its_term_along(studio: Any) -> None:
    assert studio.session.config.coupling == "ot"
    method = studio.find("methodCombo", QComboBox)
    method.setCurrentIndex(method.findText("schrodinger-bridge"))
    method.activated.emit(method.currentIndex())
    assert studio.session.config.method == "schrodinger-bridge"
    assert studio.session.config.coupling == "sinkhorn"
    assert not studio.find("toggle_score").parentWidget().isHidden()
    assert studio.find("toggle_density").parentWidget().isHidden()
