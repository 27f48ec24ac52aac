"""A closed window is taken apart in the thread of the windows, whatever other threads do."""

from __future__ import annotations

import threading
from typing import Any

import pytest

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


class Cycle:
    """Garbage that only the collector of cycles finds."""

    def __init__(self, found_in: list[threading.Thread]) -> None:
        self.itself = self
        self.found_in = found_in

    def __del__(self) -> None:
        self.found_in.append(threading.current_thread())


@pytest.mark.usefixtures("studio")
def test_cyclic_garbage_is_collected_in_the_gui_thread(qtbot: Any) -> None:
    found_in: list[threading.Thread] = []
    Cycle(found_in)

    def allocate() -> None:
        kept = [[number] for number in range(100_000)]  # many times what sets the collector off
        assert len(kept) == 100_000

    worker = threading.Thread(target=allocate)
    worker.start()
    worker.join()
    assert found_in == []
    kept = [[number] for number in range(100_000)]
    qtbot.waitUntil(lambda: found_in != [])
    assert len(kept) == 100_000
    assert found_in == [threading.main_thread()]
