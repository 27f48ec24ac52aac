"""The moving picture of the row that is looked at, also when the list is read anew meanwhile."""

from pathlib import Path

import pytest

from flowmap_studio.views import preset_motion
from flowmap_studio.views.preset_motion import PresetMotion

ROW = Path("/presets/moons.flowmap")


def test_a_film_that_is_forgotten_is_wanted_again(qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preset_motion, "WAIT_MS", 1)
    monkeypatch.setattr(preset_motion, "FRAME_MS", 1)
    motion = PresetMotion()
    with qtbot.waitSignal(motion.wanted):
        motion.follow(ROW)
    motion.take(ROW, [b"one", b"two"])
    assert motion.picture(ROW) == b"one"
    with qtbot.waitSignal(motion.wanted) as wanted:
        motion.forget()
        assert motion.picture(ROW) is None
    assert wanted.args == [ROW]
    qtbot.waitUntil(lambda: not motion._clock.isActive())
    motion.take(ROW, [b"three", b"four"])
    qtbot.waitUntil(lambda: motion.picture(ROW) == b"four")
    motion.follow(None)
    assert motion.picture(ROW) is None
