"""The mailbox: losses in order, the newest snapshot only, from any thread."""

import threading
from typing import Any

import numpy as np

from flowmap_studio.runtime.mailbox import Mailbox


def row(value: float) -> Any:
    return np.full((1, 4), value, np.float32)


def test_losses_come_in_order_and_once() -> None:
    box = Mailbox()
    for value in range(3):
        box.post_progress(row(value), value + 1, value / 10, value / 4)
    news = box.drain()
    assert [float(part[0, 0]) for part in news.losses] == [0, 1, 2]
    assert (news.step, news.seconds, news.fraction) == (3, 0.2, 0.5)
    again = box.drain()
    assert again.losses == []
    assert (again.step, again.seconds, again.fraction) == (3, 0.2, 0.5)


def test_only_the_newest_snapshot_is_kept_and_given_once(snapshot: Any) -> None:
    box = Mailbox()
    newer = snapshot.with_metrics({"sliced_w2_1": 1.0})
    assert box.drain().snapshot is None
    box.post_snapshot(snapshot)
    box.post_snapshot(newer)
    assert box.drain().snapshot is newer
    assert box.drain().snapshot is None


def test_nothing_is_lost_or_doubled_between_threads() -> None:
    box, writers, each = Mailbox(), 4, 2000
    begin = threading.Barrier(writers + 1)

    def write(number: int) -> None:
        begin.wait()
        for index in range(each):
            box.post_progress(row(number * each + index), index, 0, 0)
            box.post_snapshot((number, index))  # type: ignore[arg-type]

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    begin.wait()
    got, snapshots = [], []
    while any(thread.is_alive() for thread in threads) or not got or got[-1] is not None:
        alive = any(thread.is_alive() for thread in threads)
        news = box.drain()
        got += [int(part[0, 0]) for part in news.losses]
        snapshots += [news.snapshot] * (news.snapshot is not None)
        if not alive:
            break
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(writers * each))
    for number in range(writers):
        mine = [value for value in got if value // each == number]
        assert mine == sorted(mine)
        seen = [index for writer, index in snapshots if writer == number]
        assert seen == sorted(set(seen))
    assert snapshots[-1][1] == each - 1
