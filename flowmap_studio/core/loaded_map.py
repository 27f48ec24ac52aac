"""A snapshot made ready to evaluate: numpy in, numpy out, in data units."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch

from flowmap_studio.core.draws import Draws
from flowmap_studio.core.errors import Unwanted
from flowmap_studio.core.flow_map import FlowMap, build_flow_map, load_weights
from flowmap_studio.core.guidance import Guide, GuidedMap
from flowmap_studio.core.memory import keep_freed_memory
from flowmap_studio.core.odes import solve
from flowmap_studio.core.samplers import composed, even_times
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.solvers import SOLVERS

ROWS_AT_ONCE = 1024
"""Rows per forward: what two threads share out, and a lost request waits for no more than these.
One core took 6.0 ms for 4,096 points so, 5.9 for all of them at once and 7.5 in parts of 256."""

ROWS_OF_THREADS = 16_384
"""Likewise where threads share each part out, which meet for each anew."""

JUMPS_AT_ONCE = 36_864
"""Likewise of jumps that are made together, rows times jumps: all 8 of the stage's points and their
one step. 41.9 ms for the 8 at once, 43.5 in two parts."""

GPU_ROWS = 8192
"""Likewise on a GPU, in one thread: enough to keep it busy, few enough for a small one."""

MOST_BEGUN = 16_384
"""Points of which the first layer's sums are kept: 16 MiB where it is 256 wide."""

Points = npt.NDArray[np.float32]
Share = Callable[[Callable[[slice], torch.Tensor], Sequence[slice]], list[torch.Tensor]]
"""What calls a function for each of several parts, in whatever threads, and gives the results."""


class LoadedMap:
    """The one evaluator of trained maps, used by window and command line alike.

    Attributes:
        rounded: Whether anything was rounded off since `round_off`.
        draws: The points that the map starts from.

    Args:
        snapshot: The weights, which are copied.
        device: Where to evaluate.
    """

    def __init__(self, snapshot: Snapshot, device: torch.device | str = "cpu") -> None:
        keep_freed_memory()
        self.device = torch.device(device)
        self._share: Share | None = None
        self.draws = Draws(snapshot)
        self.rounded = self._rounds = self._keeps_begun = False
        self._begun: tuple[torch.Tensor, torch.Tensor] | None = None
        flow_map = build_flow_map(
            snapshot.config, snapshot.dim, len(snapshot.classes), snapshot.image
        )
        load_weights(flow_map, snapshot.weights)
        self.flow_map = flow_map.to(self.device).eval().requires_grad_(requires_grad=False)

    @property
    def snapshot(self) -> Snapshot:
        """The map's, with its units and classes."""
        return self.draws.snapshot

    def parted_by(self, share: Share | None) -> None:
        """Let two threads evaluate parts of the points; None for the caller's thread alone.

        Each part is evaluated by the caller's number of torch threads or the other thread's own.
        The parts, and so the rounding, are the same whoever evaluates them. The compiled library
        shares out what it can do by itself.
        """
        self._share = share
        self.flow_map.work_in(None if share is None else 2)

    def round_off(self, *, rounded: bool) -> None:
        """Evaluate quicker and a little beside, for frames that move; or as exactly as ever.

        Where the compiled library makes the jumps, its products are of whole numbers of 16 bits.
        """
        self._rounds, self.rounded = rounded, False
        self.flow_map.round_off(rounded=rounded)

    def keep_begun(self) -> None:
        """Be asked for the same noise at many times: keep what the first layer makes of it.

        Where the compiled library jumps, that saves a quarter of a jump of the article's network.
        Where nothing is rounded off the points end where they would without, to the last bit.
        """
        self._keeps_begun = True

    def give_up_when(self, unwanted: Callable[[], bool]) -> None:
        """Break off whatever is evaluated, at the next forward of the network, by `Unwanted`.

        Jumps that are made all at once count as one forward. Copies of the flow map are broken off
        with it.

        Args:
            unwanted: Looked at before each forward.
        """

        def look(_rows: int) -> None:
            if unwanted():
                raise Unwanted

        self.flow_map.watchers.append(look)

    def noise(self, count: int, seed: int) -> torch.Tensor:
        """(count, dim) source points x0 in normalised units, on the CPU, see `Draws`."""
        return self.draws.noise(count, seed)

    def source(self, count: int, seed: int) -> Points:
        """(count, dim) source points in data units, see `Draws`."""
        return self.draws.source(count, seed)

    def guide(
        self, count: int, seed: int, label: str | None = None, scale: float = 1.0
    ) -> Guide | None:
        """Classes for `count` points of a conditional map; None for other maps, see `Draws`.

        Raises:
            DataError: The map has no such class.
        """
        return self.draws.guide(count, seed, label, scale)

    def sample(
        self, count: int, steps: int, seed: int, label: str | None = None, scale: float = 1.0
    ) -> Points:
        """(count, dim) samples at t = 1 in data units, composed of `steps` equal jumps.

        Args:
            count: Number of samples.
            steps: Number of jumps.
            seed: Of the noise.
            label: Class of a conditional map; all, as often as the data has them, when None.
            scale: Of the guidance.

        Raises:
            DataError: The map has no such class.
        """
        guide = self.guide(count, seed, label, scale)
        return self._finish(self.noise(count, seed), even_times(0.0, 1.0, steps), guide)

    def at(
        self,
        noise: torch.Tensor,
        t: float,
        steps: int,
        guide: Guide | None = None,
        solver: str = "euler",
    ) -> Points:
        """(n, dim) where noise (n, dim, normalised, time 0) is at time t, in data units.

        Args:
            noise: Where the points start.
            t: Flow time in [0, 1].
            steps: Equal jumps of a map, or steps of a velocity's solver.
            guide: Classes of a conditional map.
            solver: A velocity's, see `normalised`.
        """
        moved = self.normalised(noise, even_times(0.0, t, steps), guide, solver)
        return self.snapshot.normalisation.undo(moved.numpy())

    def at_ways(
        self, noise: torch.Tensor, t: float, ways: Sequence[tuple[int, int]]
    ) -> list[Points]:
        """`at` of the first points of the noise, in several ways that don't wait for each other.

        Args:
            noise: (n, dim) where the points start.
            t: Flow time in [0, 1].
            ways: Points and equal jumps of each; the longest is best the first.
        """
        jumps = sum(points * steps for points, steps in ways)
        if not self.flow_map.jumps_together(noise) or jumps > JUMPS_AT_ONCE:
            return [self.at(noise[:points], t, steps) for points, steps in ways]
        self.rounded |= self._rounds
        begun = self._begun_of(noise) if self._keeps_begun else None
        routes = [
            (noise[:points], even_times(0.0, t, steps), None if begun is None else begun[:points])
            for points, steps in ways
        ]
        with torch.inference_mode():
            found = self.flow_map.routes(routes)
        return [self.snapshot.normalisation.undo(moved.numpy()) for moved in found]

    def carry(
        self,
        points: npt.NDArray[np.floating],
        s: float,
        t: float,
        steps: int,
        guide: Guide | None = None,
    ) -> Points:
        """(n, dim) where points (n, dim) in data units at time s are at time t."""
        start = torch.from_numpy(self.snapshot.normalisation.apply(points))
        return self._finish(start, even_times(s, t, steps), guide)

    def normalised(
        self,
        noise: torch.Tensor,
        times: list[float],
        guide: Guide | None = None,
        solver: str = "euler",
    ) -> torch.Tensor:
        """(n, dim) positions at times[-1] in normalised units, on the CPU.

        Args:
            noise: (n, dim) positions at times[0].
            times: At least two; a map jumps, a velocity steps from one to the next.
            guide: Classes of a conditional map.
            solver: A name in `SOLVERS`, for velocities; maps jump whatever it is.
        """

        @torch.inference_mode()
        def moved(rows: slice) -> torch.Tensor:
            move = self.guided(None if guide is None else guide.rows(rows))
            some = None if begun is None else begun[rows]
            return self._moved(move, noise[rows].to(self.device), times, solver, some).cpu()

        together = guide is None and self.flow_map.jumps_together(noise)
        jump = together and (self.jumps(solver) or times[0] == times[-1])
        self.rounded |= jump and self._rounds
        begun = self._begun_of(noise) if jump and self._keeps_begun else None
        share = None if self.flow_map.compiled(noise) else self._share
        parts = _parts(len(noise), self._at_once(len(noise), len(times) - 1, together=together))
        found = [moved(rows) for rows in parts] if share is None else share(moved, parts)
        with torch.inference_mode():
            return torch.cat(found) if found else noise.clone()

    def jumps(self, solver: str) -> bool:
        """Whether points jump, whatever the solver's name; a velocity's jump is an Euler step."""
        return solver == "euler" or self.flow_map.clock != "start"

    def _at_once(self, count: int, jumps: int, *, together: bool) -> int:
        """Rows of each part of so many points; the jumps of one may be made together."""
        if self.device.type != "cpu":
            return GPU_ROWS
        several = torch.get_num_threads() > 1
        if together:
            several |= self._share is not None
            return max(ROWS_AT_ONCE, JUMPS_AT_ONCE // jumps if several else 0)
        if several and self._share is None:
            return ROWS_OF_THREADS
        return min(ROWS_AT_ONCE, max(1, math.ceil(count / 2)))  # two at least, for two threads

    def _begun_of(self, noise: torch.Tensor) -> torch.Tensor | None:
        """What the first layer makes of the noise that is kept, or of rows of it."""
        kept = self.draws.newest_noise
        same = kept is not None and kept.untyped_storage().data_ptr() == (
            noise.untyped_storage().data_ptr()
        )
        if kept is None or not same or not noise.is_contiguous() or len(kept) > MOST_BEGUN:
            return None
        if self._begun is None or self._begun[0] is not kept:
            with torch.inference_mode():
                self._begun = kept, self.flow_map.begin(kept)
        first = (noise.storage_offset() - kept.storage_offset()) // kept.shape[1]
        return self._begun[1][first : first + len(noise)]

    def _moved(
        self,
        move: FlowMap | GuidedMap,
        x: torch.Tensor,
        times: list[float],
        solver: str,
        begun: torch.Tensor | None,
    ) -> torch.Tensor:
        if self.jumps(solver) or times[0] == times[-1]:  # no time at all is no solver's business
            if begun is not None:
                return self.flow_map.jumps(x, times, begun)
            return composed(move, x, times)
        ends = times if SOLVERS[solver].stages else [times[0], times[-1]]

        def velocity(at: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            return move.velocity(at, t[:1])  # all points share their time

        return solve(velocity, x, ends, solver).states[-1]

    def guided(self, guide: Guide | None) -> FlowMap | GuidedMap:
        """The map held to a guide's classes; the map itself when None."""
        return self.flow_map if guide is None else GuidedMap(self.flow_map, guide)

    def _finish(self, start: torch.Tensor, times: list[float], guide: Guide | None) -> Points:
        return self.snapshot.normalisation.undo(self.normalised(start, times, guide).numpy())


def _parts(count: int, at_once: int) -> list[slice]:
    return [slice(start, min(start + at_once, count)) for start in range(0, count, at_once)]
