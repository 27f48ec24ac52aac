"""The benchmarks' rows as Markdown tables. Torch-free."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

from flowmap_studio.core.bench.recipes import FEW_STEPS, MANY_STEPS
from flowmap_studio.core.bench.rows import Effort, ExactRow, Row, Verdict, mean_over_seeds, verdict
from flowmap_studio.core.bench.speeds import SpeedRow
from flowmap_studio.core.markdown import table

EFFORT = ("steps", "seconds", "steps/s")
EXACT = {"map": "all (s, t)", "worst": "worst (s, t)", "one_step": "(0, 1)"}
"""Headings of an `ExactRow`'s relative errors, by name."""
PROBED = {"log_likelihood": "log p, nats", "bias": "mean log p", "round_trip": "round trip"}
"""Headings of its others."""


def peer_table(rows: Sequence[Row], trained: str) -> str:
    """One recipe beside the peer on every target, with a sentence that counts.

    Args:
        rows: Of all seeds.
        trained: The recipe's label.
    """
    means = mean_over_seeds(rows)
    peers = {row.target: row for row in means if row.peer}
    ours = [row for row in means if row.trained == trained and row.target in peers]
    if not ours:
        return ""
    few = [f"{jumps}" for jumps in FEW_STEPS[1:]]
    peer = "peer, 100"
    headings = ["target", "sliced W2, 1 step", *few, peer, "floor", "W2, 1 step", peer, "floor"]
    cells = [_peer_cells(row, peers[row.target]) for row in ours]
    name = peers[ours[0].target].trained
    lines = [
        f"Ours: {trained}, {_efforts(ours)}. Peer: {name} at 100 Euler steps, "
        f"{_efforts([peers[row.target] for row in ours])}.",
        *(_verdict_line(verdict(means, trained, figure)) for figure in ("sliced_w2", "w2")),
    ]
    return "\n\n".join([table(headings, cells), " ".join(lines)])


def overview_table(rows: Sequence[Row]) -> str:
    """One-step sliced W2 (the peer's at 100 Euler steps): recipes by targets, mean over seeds."""
    means = mean_over_seeds(rows)
    targets = list(dict.fromkeys(row.target for row in means))
    found = {(row.trained, row.target): row for row in means}
    cells = []
    for trained in dict.fromkeys(row.trained for row in means):
        mine = [found.get((trained, target)) for target in targets]
        jumps = MANY_STEPS if any(row is not None and row.peer for row in mine) else 1
        values = [math.nan if row is None else row.at(jumps, "sliced_w2") for row in mine]
        name = f"{trained}, {jumps} steps" if jumps > 1 else trained
        cells.append([name, *map(_figure, [*values, fmean(values)])])
    floors = [
        fmean(row.floor["sliced_w2"] for row in means if row.target == target) for target in targets
    ]
    cells.append(["data against data", *map(_figure, [*floors, fmean(floors)])])
    return table(["one-step sliced W2", *targets, "mean"], cells)


def full_table(rows: Sequence[Row]) -> str:
    """Every target and recipe, mean over seeds: sliced W2 and exact W2 by number of jumps."""
    jumps = (*FEW_STEPS, MANY_STEPS)
    columns = [(k, name) for name in ("sliced_w2", "w2") for k in jumps]
    headings = [
        "target",
        "trained",
        *(f"{'sliced W2' if name == 'sliced_w2' else 'W2'}, {k}" for k, name in columns),
        "floor",
        "floor W2",
        "coverage, 1",
        *EFFORT,
    ]
    cells = [
        [
            row.target,
            row.trained,
            *(_figure(row.at(k, name)) for k, name in columns),
            _figure(row.floor["sliced_w2"]),
            _figure(row.floor["w2"]),
            _figure(row.at(1, "coverage")),
            *_effort(row.effort),
        ]
        for row in mean_over_seeds(rows)
    ]
    return table(headings, cells, names=2)


def board_table(rows: Sequence[Row]) -> str:
    """Histogram KL and forbidden mass of the checkerboard by number of jumps, mean over seeds."""
    means = mean_over_seeds(rows)
    headings = [
        "checkerboard",
        *(f"KL, {k}" if k == 1 else f"{k}" for k in FEW_STEPS),
        *(f"forbidden, {k}" if k == 1 else f"{k}" for k in FEW_STEPS),
        *EFFORT,
    ]
    cells = [
        [
            row.trained,
            *(_figure(row.at(k, "histogram_kl")) for k in FEW_STEPS),
            *(_share(row.at(k, "forbidden_mass")) for k in FEW_STEPS),
            *_effort(row.effort),
        ]
        for row in means
    ]
    floor = [_figure(fmean(row.floor["histogram_kl"] for row in means))] * len(FEW_STEPS)
    none = [_share(fmean(row.floor["forbidden_mass"] for row in means))] * len(FEW_STEPS)
    cells.append(["data", *floor, *none, "", "", ""])
    return table(headings, cells)


def exact_table(rows: Sequence[ExactRow]) -> str:
    """Errors of trained maps relative to the exact ones, a row for every training."""
    headings = ["learned", "trained", "seed", *EXACT.values(), *PROBED.values(), *EFFORT]
    cells = [
        [
            row.case,
            row.trained,
            str(row.seed),
            *(_share(row.figures.get(name, math.nan), 2) for name in EXACT),
            *(f"{row.figures.get(name, math.nan):.2g}" for name in PROBED),
            *_effort(row.effort),
        ]
        for row in rows
    ]
    return table(headings, cells, names=2)


def speed_table(rows: Sequence[SpeedRow]) -> str:
    """Milliseconds per step, ours and the other's, and the ratio of the medians."""
    headings = ["step", "against", "batch", "ours, ms", "p95", "other, ms", "p95", "×", "goal"]
    cells = [
        [
            row.case,
            row.other_name,
            f"{row.batch:,}",
            *(
                f"{value:.2f}"
                for timing in (row.ours, row.other)
                for value in (timing.median, timing.p95)
            ),
            f"{row.ratio:.2f}",
            f"≥ {row.goal:g}",
        ]
        for row in rows
    ]
    return table(headings, cells, names=2)


def diverged_lines(rows: Sequence[Row | ExactRow]) -> list[str]:
    """A sentence for every training that diverged."""
    return [
        f"{row.target if isinstance(row, Row) else row.case}, {row.trained}, seed {row.seed}: "
        f"{row.diverged}"
        for row in rows
        if row.diverged
    ]


def _peer_cells(row: Row, peer: Row) -> list[str]:
    values = [row.at(jumps, "sliced_w2") for jumps in FEW_STEPS]
    values += [peer.at(MANY_STEPS, "sliced_w2"), row.floor["sliced_w2"]]
    values += [row.at(1, "w2"), peer.at(MANY_STEPS, "w2"), row.floor["w2"]]
    return [row.target, *map(_figure, values)]


def _verdict_line(found: Verdict) -> str:
    name = {"sliced_w2": "sliced W2", "w2": "exact W2"}[found.name]
    return (
        f"By {name} our one step is no worse than the peer's 100 on {found.wins} of "
        f"{found.compared} targets, and within 1.5 × floor on {found.near} of {found.targets}."
    )


def _efforts(rows: Sequence[Row]) -> str:
    known = [row.effort for row in rows if row.effort is not None]
    if not known:
        return "diverged"
    steps = fmean(effort.steps for effort in known)
    seconds = fmean(effort.seconds for effort in known)
    return f"{steps:,.0f} steps in {seconds:.1f} s, {known[0].weights:,} weights"


def _effort(effort: Effort | None) -> list[str]:
    if effort is None:
        return ["diverged", "", ""]
    return [f"{effort.steps:,}", f"{effort.seconds:.1f}", f"{effort.rate:.0f}"]


def _figure(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "–"


def _share(value: float, digits: int = 1) -> str:
    return f"{value:.{digits}%}" if math.isfinite(value) else "–"
