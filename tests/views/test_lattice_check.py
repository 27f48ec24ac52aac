"""The tick "cached steps": the composed cloud from a lattice, and a caption that says how well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel

from flowmap_studio.core.drawing.layers import STAGE_POINTS, STAGE_SEED
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.samplers import even_times
from flowmap_studio.views.lattice_check import LatticeCheck, error_text

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")


def test_cached_steps_from_the_tick_to_the_caption(studio: Any) -> None:
    check, session = studio.find("latticeCheck", LatticeCheck), studio.session
    caption = studio.find("stageCaption", QLabel)
    assert "cached" not in caption.text()
    check.click()
    studio.until(lambda: session.frame.cached_error is not None)
    rms, largest = session.frame.cached_error
    assert caption.text().endswith(error_text((rms, largest)))
    assert 0 < rms <= largest < 0.2
    loaded = LoadedMap(session.snapshot)
    noise, scale = loaded.noise(STAGE_POINTS, STAGE_SEED), session.snapshot.normalisation.scale[0]
    truth = loaded.at(noise, 1.0, session.steps)
    gap = np.linalg.norm(session.frame.clouds["composed"] - truth, axis=1) / scale
    np.testing.assert_allclose([np.sqrt((gap**2).mean()), gap.max()], [rms, largest], rtol=1e-2)

    session.set_time(0.3)
    studio.until(lambda: session.frame.request.t == 0.3)
    times = [t for t in even_times(0.0, 1.0, session.steps) if t < 0.3] + [0.3]
    truth = session.snapshot.normalisation.undo(loaded.normalised(noise, times).numpy())
    assert np.abs(session.frame.clouds["composed"] - truth).max() < 2 * scale * largest
    check.click()
    studio.until(lambda: session.frame.cached_error is None)
    assert "cached" not in caption.text()


def test_only_for_maps_of_the_plane(qtbot: Any) -> None:
    check = LatticeCheck()
    qtbot.addWidget(check)
    assert check.isEnabled()
    check.show_axes(3)
    assert not check.isEnabled()
    assert "more axes" in check.toolTip()
