"""Losses as a table: every recorded step, or what the merged history holds, and which of both."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.history import TERMS, LossHistory
from flowmap_studio.core.losses_csv import losses_as_csv


def losses(count: int) -> np.ndarray:
    """Rows of losses without score and density; the consistency of step 2 is missing."""
    rows = np.random.default_rng(1).exponential(size=(count, len(TERMS))).astype(np.float32)
    rows[:, [TERMS.index("score"), TERMS.index("density")]] = np.nan
    rows[1, TERMS.index("consistency")] = np.nan
    return rows


def read(history: LossHistory) -> tuple[list[str], list[dict[str, str]]]:
    lines = losses_as_csv(history).decode().splitlines()
    comments = [line for line in lines if line.startswith("#")]
    return comments, list(csv.DictReader(lines[len(comments) :]))


def test_every_step_is_a_row_as_long_as_all_are_kept() -> None:
    history, rows = LossHistory(capacity=100), losses(30)
    history.append(rows[:13])
    history.append(rows[13:])
    comments, table = read(history)
    assert comments[0].startswith("# 30 training steps recorded")
    assert comments[1] == "# every step is a row"
    assert list(table[0]) == ["step", "match", "consistency", "identity", "total"]
    assert [int(row["step"]) for row in table] == list(range(1, 31))
    assert table[1]["consistency"] == ""
    for at, term in enumerate(TERMS[:4]):
        found = np.array([row[term] or "nan" for row in table], np.float32)
        assert np.array_equal(found, rows[:, at], equal_nan=True)


def test_merged_steps_are_told_with_their_range() -> None:
    history, rows = LossHistory(capacity=8), losses(45)[2:]
    history.append(rows)
    stride = history.stride
    assert stride > 1
    comments, table = read(history)
    assert f"a row is mean, min and max of {stride} steps" in comments[1]
    firsts = [int(row["first_step"]) for row in table]
    lasts = [int(row["last_step"]) for row in table]
    assert firsts == [1, *(last + 1 for last in lasts[:-1])]  # nothing is left out
    assert lasts[-1] == len(rows) == 43
    assert {last - first + 1 for first, last in zip(firsts[:-1], lasts, strict=False)} == {stride}
    for row, first, last in zip(table, firsts, lasts, strict=True):
        part = rows[first - 1 : last, 0]
        assert float(row["match_mean"]) == pytest.approx(part.mean(), rel=1e-5)
        assert np.float32(row["match_min"]) == part.min()
        assert np.float32(row["match_max"]) == part.max()


def test_no_losses_are_refused_in_a_sentence() -> None:
    with pytest.raises(StudioError, match="no losses to export yet"):
        losses_as_csv(LossHistory())
