"""Threads are stopped together and never destroyed while they run."""

import gc
import logging
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator

import pytest

from flowmap_studio.runtime.workers import LAST, LATER, Deputy, Helper, Worker, join

pytestmark = pytest.mark.usefixtures("qapp")


class Waiting(Worker):
    """Runs until it is stopped, and a while longer where it is stubborn."""

    def __init__(self, stubborn: bool = False) -> None:
        super().__init__()
        self.stop, self.let_go = threading.Event(), threading.Event()
        if not stubborn:
            self.let_go.set()

    def request_stop(self) -> None:
        self.stop.set()

    def run(self) -> None:
        self.stop.wait()
        self.let_go.wait()


def test_workers_are_stopped_and_joined_together() -> None:
    workers = [Waiting(), Waiting()]
    for worker in workers:
        worker.begin()
    assert set(workers) <= set(Worker.running())
    assert join(workers, 5)
    assert not set(workers) & set(Worker.running())


def test_a_worker_that_does_not_end_in_time_is_told_and_kept(
    caplog: pytest.LogCaptureFixture,
) -> None:
    worker = Waiting(stubborn=True)
    worker.begin()
    let_go, trace = worker.let_go, weakref.ref(worker)
    with caplog.at_level(logging.WARNING):
        assert not join([worker], 0.01)
    assert "Waiting did not end" in caplog.text
    del worker
    gc.collect()
    kept = trace()
    assert kept is not None  # destroyed, it would have aborted the program
    assert kept in Worker.running()
    let_go.set()
    assert kept.wait(5000)
    assert kept not in Worker.running()


def test_one_that_never_began_is_no_matter() -> None:
    assert join([Waiting()], 0)


FORGOTTEN = """
import sys
from PySide6.QtCore import QEventLoop
from PySide6.QtWidgets import QApplication
from flowmap_studio.app import create_window
app = QApplication([])
window = create_window()
window.session.begin()
window.session.start()
while not len(window.session.losses):
    app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
sys.exit(7)
"""


def test_a_script_that_forgets_to_close_the_window_ends_as_it_wants_to() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORGOTTEN],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def helper():
    made = Helper(lambda: None)
    made.begin()
    yield made
    assert join([made], 5)


def test_a_helper_takes_parts_and_the_results_keep_their_order(helper):
    both = threading.Barrier(2)

    def work(part):
        if part in (0, 1):
            both.wait(timeout=30)  # one of them is the helper's
        return part * part, threading.get_ident()

    found = helper.share(work, range(20))
    assert [square for square, _ in found] == [part * part for part in range(20)]
    assert len({thread for _, thread in found}) == 2
    assert helper.share(lambda part: part, []) == []
    assert helper.share(lambda _: threading.get_ident(), [1]) == [threading.get_ident()]


@pytest.mark.parametrize("wrong", [0, 1])
def test_what_goes_wrong_in_a_part_is_raised_where_it_was_asked_for(helper, wrong):
    both, done = threading.Barrier(2), []

    def work(part):
        if part in (0, 1):
            both.wait(timeout=30)
        if part == wrong:
            raise ValueError(part)
        done.append(part)

    with pytest.raises(ValueError, match=str(wrong)):
        helper.share(work, range(5))
    assert wrong not in done
    assert helper.share(lambda part: part, range(3)) == [0, 1, 2]


def test_work_goes_on_alone_when_the_helper_has_ended():
    helper = Helper(lambda: None)
    helper.begin()
    helper.request_stop()
    assert helper.wait(5000)
    assert helper.share(lambda part: part, range(3)) == [0, 1, 2]


class StoodBack(Worker):
    """Tells its niceness and that of a thread which it starts."""

    def __init__(self, niceness: int) -> None:
        super().__init__()
        self._niceness = niceness
        self.found: list[int] = []

    def request_stop(self) -> None:
        pass

    def run(self) -> None:
        self.stand_back(self._niceness)
        self._look()
        second = threading.Thread(target=self._look)
        second.start()
        second.join()

    def _look(self) -> None:
        self.found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))


@pytest.mark.skipif(sys.platform != "linux", reason="single threads have no niceness elsewhere")
def test_a_thread_that_stands_back_leaves_the_others_as_they_are() -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    worker = StoodBack(own + 3)
    worker.begin()
    assert worker.wait(5000)
    assert worker.found == [own + 3, own + 3]
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


def test_where_niceness_is_forbidden_the_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: int) -> None:
        raise PermissionError("not in this sandbox")

    monkeypatch.setattr(os, "setpriority", forbidden, raising=False)
    worker = StoodBack(5)
    worker.begin()
    assert worker.wait(5000)
    assert len(worker.found) == 2


@pytest.fixture
def deputy() -> Iterator[Deputy]:
    made = Deputy()
    made.begin()
    yield made
    made.request_stop()
    assert made.wait(5000)


def test_a_deputy_works_in_a_thread_of_its_own_while_its_caller_waits(deputy: Deputy) -> None:
    found: list[int] = []
    for _ in range(3):
        deputy.call(lambda: found.append(threading.get_native_id()))
    assert len(found) == 3
    assert len(set(found)) == 1
    assert found[0] != threading.get_native_id()


@pytest.mark.skipif(sys.platform != "linux", reason="single threads have no niceness elsewhere")
def test_a_deputy_goes_behind_all_threads_that_compute(deputy: Deputy) -> None:
    found: list[int] = []
    deputy.call(lambda: found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id())))
    assert found[0] == max(LAST, os.getpriority(os.PRIO_PROCESS, 0)) > LATER


def test_what_a_deputys_work_raises_is_raised_where_it_was_asked_for(deputy: Deputy) -> None:
    def fail() -> None:
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        deputy.call(fail)
    found: list[int] = []
    deputy.call(lambda: found.append(1))  # and it goes on
    assert found == [1]


def test_what_a_deputy_is_given_at_its_end_is_done_all_the_same() -> None:
    deputy, found = Deputy(), []
    started, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        started.set()
        go_on.wait(5)

    deputy.begin()
    callers = [
        threading.Thread(target=deputy.call, args=(work,))
        for work in (slow, lambda: found.append("while it ended"))
    ]
    callers[0].start()
    assert started.wait(5)
    deputy.request_stop()
    callers[1].start()
    go_on.set()
    for caller in callers:
        caller.join(5)
        assert not caller.is_alive()
    assert deputy.wait(5000)
    deputy.call(lambda: found.append("after it"))
    assert found == ["while it ended", "after it"]
