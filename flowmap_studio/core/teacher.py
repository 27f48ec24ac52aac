"""A teacher's ODE paths, to take training pairs and passages from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.devices import sent
from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.objectives.base import Batch, Passage
from flowmap_studio.core.odes import solve
from flowmap_studio.core.pairs import CHUNK_STEPS, Chunk, draw_bridges, draw_uniforms
from flowmap_studio.core.randomness import Stream, generator
from flowmap_studio.core.samplers import even_times
from flowmap_studio.core.snapshot import Snapshot

MOST_PATHS = 32_768
"""Paths that are solved once and drawn from afterwards; fewer where a run draws fewer rows."""
PATH_STEPS = 12
"""Runge-Kutta steps of a path: of fourth order, 48 evaluations."""
PATHS_AT_ONCE = 4096


class TeacherStream:
    """Training draws from the ODE paths of a velocity: reflow pairs, and passages along them.

    Args:
        config: The run's config; its seed chooses the paths' starts.
        taught: The teacher.
        stage: Number of the run's stage: each draws its own paths.
        device: Where the training runs.
    """

    worth_preparing = False

    def __init__(
        self, config: RunConfig, taught: Snapshot, stage: int, device: torch.device
    ) -> None:
        self._config = config
        self._device = device
        teacher = LoadedMap(taught, device)
        self._count = min(MOST_PATHS, config.batch_size * config.steps)
        if config.seconds:  # nobody knows how many steps it will be
            self._count = MOST_PATHS
        starts = teacher.noise(self._count, config.seed + stage).to(device)
        self._cond = self._draw_classes(taught, stage)
        self._states, self._slopes = _solve_paths(teacher.flow_map, starts, self._cond)

    def _draw_classes(self, taught: Snapshot, stage: int) -> torch.Tensor | None:
        """(paths, classes) one-hot classes, as often as the data has them; some are hidden."""
        if taught.labels is None:
            return None
        draw = generator(self._config.seed, Stream.CLASSES, stage)
        labels = torch.from_numpy(taught.labels.astype(np.int64))
        chosen = labels[torch.randint(len(labels), (self._count,), generator=draw)]
        told = torch.rand(self._count, 1, generator=draw) >= self._config.label_dropout
        cond = torch.nn.functional.one_hot(chosen, len(taught.classes)).float() * told
        return cond.to(self._device)

    def chunk(self, index: int, unwanted: Callable[[], bool] = lambda: False) -> Chunk:  # noqa: ARG002
        """The draws of steps `index · CHUNK_STEPS` and following, on the training device."""
        config = self._config
        rows = CHUNK_STEPS * config.batch_size
        draw = generator(config.seed, Stream.PATHS, index)
        chosen = sent(torch.randint(self._states.shape[1], (rows,), generator=draw), self._device)
        uniforms = sent(draw_uniforms(config, index), self._device)
        passage = self._passage(chosen, uniforms) if config.method == "trajectory" else None
        ends = self._states[0, chosen], self._states[-1, chosen]
        cond = None if self._cond is None else self._cond[chosen]
        bridge = draw_bridges(config, index, ends[0].shape[1], self._device)
        return Chunk(config.batch_size, Batch(*ends, uniforms, passage, cond, bridge))

    def _passage(self, chosen: torch.Tensor, uniforms: torch.Tensor) -> Passage:
        """Two points of each row's path; half of the rows begin at the source."""
        first, second = uniforms[:, 0:1], uniforms[:, 1:2]
        s, t = torch.minimum(first, second), torch.maximum(first, second)
        s = torch.where(uniforms[:, 2:3] < 0.5, torch.zeros_like(s), s)
        return Passage(s, t, self.at(chosen, s), self.at(chosen, t))

    def at(self, paths: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """(batch, dim) points of the paths (batch,) at times t (batch, 1): Hermite's cubic."""
        place = (t[:, 0] * PATH_STEPS).clamp(max=PATH_STEPS * (1 - 1e-7))
        step = place.long().clamp(max=PATH_STEPS - 1)
        a, h = (place - step)[:, None], 1 / PATH_STEPS
        b = 1 - a
        before, after = self._states[step, paths], self._states[step + 1, paths]
        leaving, arriving = self._slopes[step, paths], self._slopes[step + 1, paths]
        return (
            b * b * (1 + 2 * a) * before
            + a * a * (1 + 2 * b) * after
            + h * a * b * (b * leaving - a * arriving)
        )


@torch.no_grad()
def _solve_paths(
    velocity: FlowMap, x0: torch.Tensor, cond: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """States and velocities at even times, both (PATH_STEPS + 1, n, dim)."""
    times = even_times(0.0, 1.0, PATH_STEPS)
    states, slopes = [], []
    for start in range(0, len(x0), PATHS_AT_ONCE):
        rows = slice(start, start + PATHS_AT_ONCE)
        told = None if cond is None else cond[rows]

        def v(x: torch.Tensor, t: torch.Tensor, told: torch.Tensor | None = told) -> torch.Tensor:
            return velocity.velocity(x, t, told)

        part = solve(v, x0[rows], times).states
        states.append(part)
        slopes.append(
            torch.stack(
                [v(x, torch.full_like(x[:, :1], t)) for x, t in zip(part, times, strict=True)]
            )
        )
    return torch.cat(states, dim=1), torch.cat(slopes, dim=1)
