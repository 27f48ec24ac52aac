"""A training that can be watched and given up half way: what all benchmarks of quality share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flowmap_studio.core.bench.rows import Effort
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.run import Run
from flowmap_studio.core.targets import Target


class Stopped(Exception):  # noqa: N818 - no error: the user has had enough
    """The benchmark was given up; the rows that are finished stand."""


@dataclass(frozen=True)
class Watch:
    """Who looks on.

    Attributes:
        show: Told what is going on and which share of it is done, in [0, 1].
        stopped: Asked often; true ends the benchmark.
    """

    show: Callable[[str, float], None] = lambda _what, _share: None
    stopped: Callable[[], bool] = lambda: False

    def at(self, what: str, share: float) -> None:
        """Say how far it is.

        Raises:
            Stopped: It shall not go on.
        """
        self.show(what, share)
        if self.stopped():
            raise Stopped


def train(config: RunConfig, target: Target, watch: Watch, what: str) -> tuple[LoadedMap, Effort]:
    """Train to the end of the config's budget; the map, ready to evaluate, and what it cost.

    Args:
        config: The run.
        target: What to learn.
        watch: Who looks on.
        what: What to call the run.

    Raises:
        Stopped: The watch wants no more.
        TrainingDiverged: A loss or a weight became NaN or infinite.
    """
    run = Run(config, target)
    events = run.run()
    try:
        for progress in events:
            watch.at(what, progress.fraction)
    finally:
        events.close()
    watch.at(f"{what}: measuring", 1.0)
    loaded = LoadedMap(run.snapshot(), run.device)
    weights = sum(part.numel() for part in loaded.flow_map.parameters())
    return loaded, Effort(steps=run.step, seconds=run.seconds, weights=weights)
