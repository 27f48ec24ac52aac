"""The losses of a run as a table, which says itself what its rows stand for. Torch-free."""

from __future__ import annotations

import csv
import io
import math

import numpy as np

from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.history import TERMS, LossHistory

DIGITS = 9
"""Enough to read the same float32 values back."""


def losses_as_csv(history: LossHistory) -> bytes:
    """The bytes of a .csv file of a run's losses.

    Lines with # say how many steps were recorded and what a row stands for. As long as the history
    holds single steps the columns are step and the terms; of merged steps they are first_step,
    last_step and mean, min and max of each term. Terms that were never computed are left out, and
    single missing values are empty.

    Raises:
        StudioError: No step was recorded.
    """
    kept = history.kept()
    if not len(history):
        raise StudioError("There are no losses to export yet; press Train first.")
    terms = [at for at in range(len(TERMS)) if np.isfinite(kept.mean[:, at]).any()]
    stream = io.StringIO()
    stream.write(f"# {len(history):,} training steps recorded in this window\n")
    if history.stride == 1:
        stream.write("# every step is a row\n")
        names = ["step", *(TERMS[at] for at in terms)]
        steps, values = [kept.last], [kept.mean[:, terms]]
    else:
        stream.write(
            f"# single steps are no longer kept: a row is mean, min and max of {history.stride:,} "
            "steps, the last one of what is left\n"
        )
        parts = ("mean", "min", "max")
        names = ["first_step", "last_step"]
        names += [f"{TERMS[at]}_{part}" for part in parts for at in terms]
        steps = [kept.first, kept.last]
        values = [kept.mean[:, terms], kept.low[:, terms], kept.high[:, terms]]
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(names)
    for counted, row in zip(
        np.stack(steps, axis=1).tolist(), np.concatenate(values, axis=1).tolist(), strict=True
    ):
        table.writerow([*counted, *map(_text, row)])
    return stream.getvalue().encode()


def _text(value: float) -> str:
    return f"{value:.{DIGITS}g}" if math.isfinite(value) else ""
