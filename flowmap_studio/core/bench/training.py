"""How fast a training step is, beside the plain loops that it must beat, run in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from flowmap_studio.core.bench.loops import ArticleLoop, Contender, OurLoop, PlainLoop
from flowmap_studio.core.bench.peers import OtCfmLoop, peer_name, seeded_globals
from flowmap_studio.core.bench.speeds import SpeedRow, Timing
from flowmap_studio.core.bench.watch import Watch
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.dense import Dense
from flowmap_studio.core.devices import find_device
from flowmap_studio.core.networks import FlowMapNet, build_mlp
from flowmap_studio.core.pairs import CHUNK_STEPS
from flowmap_studio.core.targets import Target, open_target
from flowmap_studio.core.trainer import Trainer

TARGET = "moons"
WIDTH = 256
WARM_UP = 5 * CHUNK_STEPS
"""Steps of each turn that are not timed; they also use up the pairs prepared during the other's."""


def speed_rows(watch: Watch, rounds: int, steps: int, device: str = "cpu") -> Iterator[SpeedRow]:
    """Time each of our steps against its baseline, taking turns.

    Args:
        watch: Who looks on.
        rounds: Turns of each.
        steps: Timed steps of a turn, rounded down to whole groups of 16.
        device: Where both train.

    Yields:
        A row for every comparison, when it is finished.

    Raises:
        Stopped: The watch wants no more.
        DeviceError: The device is not there.
    """
    find_device(device)
    for case in CASES:
        yield _compared(case.on(device), watch, rounds, steps)


def article_config(batch: int) -> RunConfig:
    """The article's recipe: what its loop computes, nothing more."""
    return RunConfig(
        device="cpu",
        target=TARGET,
        normalisation="none",
        method="article",
        coupling="independent",
        time_rule="clamp",
        lambda_cons=0.1,
        hidden_dim=WIDTH,
        position_features=0,
        optimiser="adam",
        learning_rate=1e-3,
        warmup_steps=0,
        schedule="constant",
        ema_decay=0,
        batch_size=batch,
        steps=10**8,
    )


def plain(network: FlowMapNet) -> FlowMapNet:
    """The same network with torch's own linear layers, as a baseline has them."""
    for part in network.modules():
        if isinstance(part, Dense):
            part.__class__ = nn.Linear  # type: ignore[assignment]
    return network


def _article_loop(config: RunConfig, target: Target) -> Callable[[], object]:
    network = plain(build_mlp(config, target.dim)).to(find_device(config.device))
    return ArticleLoop(network, config, target).step


def _otcfm_loop(config: RunConfig, target: Target) -> Callable[[], object]:
    velocity = plain(build_mlp(config.replace(method="flow-matching"), target.dim))
    velocity.to(find_device(config.device))
    return OtCfmLoop(velocity, config, target, Trainer(config, target).normalisation).step


@dataclass(frozen=True)
class Case:
    """One comparison.

    Attributes:
        name: In words.
        goal: Our steps per second over the other's that are aimed at.
        gpu_goal: Likewise on a GPU.
        config: Of our run.
        other: Makes one step of the other's loop.
        other_name: Whose loop that is.
    """

    name: str
    goal: float
    gpu_goal: float
    config: RunConfig
    other: Callable[[RunConfig, Target], Callable[[], object]]
    other_name: Callable[[], str]

    def on(self, device: str) -> Case:
        """The case on a device."""
        if device == "cpu":
            return self
        config = self.config.replace(device=device)
        return replace(self, name=f"{self.name}, {device}", goal=self.gpu_goal, config=config)


def _article_case(batch: int, goal: float) -> Case:
    config = article_config(batch)
    return Case(
        name="article's step",
        goal=goal,
        gpu_goal=12.0,
        config=config,
        other=_article_loop,
        other_name=lambda: "the article's loop",
    )


CASES = (
    _article_case(1024, 1.6),
    _article_case(256, 2.0),
    Case(
        name="semigroup × ot step",
        goal=1.5,
        gpu_goal=1.5,
        config=RunConfig(device="cpu", target=TARGET, steps=10**8, batch_size=256, ot_batch=256),
        other=_otcfm_loop,
        other_name=peer_name,
    ),
)


def _compared(case: Case, watch: Watch, rounds: int, steps: int) -> SpeedRow:
    config = case.config
    torch.set_num_threads(config.threads)
    target = open_target(config.target)
    taken: tuple[list[float], list[float]] = ([], [])
    ours = OurLoop(config, target)
    contenders: tuple[Contender, Contender] = (ours, PlainLoop(case.other(config, target)))
    try:
        with seeded_globals(config.seed):
            for turn in range(rounds):
                for contender, times in zip(contenders, taken, strict=True):
                    contender.times(WARM_UP)
                    for _ in range(steps // CHUNK_STEPS):
                        watch.at(f"{case.name}, batch {config.batch_size:,}", turn / rounds)
                        times += contender.times(CHUNK_STEPS)
    finally:
        for contender in contenders:
            contender.close()
    return SpeedRow(
        case=f"{case.name}, recorded" if ours.recorded else case.name,
        batch=config.batch_size,
        ours=_timing(taken[0]),
        other=_timing(taken[1]),
        other_name=case.other_name(),
        goal=case.goal,
    )


def _timing(seconds: list[float]) -> Timing:
    median, p95 = np.percentile(seconds, [50, 95]) * 1e3
    return Timing(median=float(median), p95=float(p95))
