"""The peer that our maps are compared with: OT-CFM as TorchCFM's own 2-D example trains it.

Tong et al. 2024, "Improving and generalizing flow-based generative models with minibatch optimal
transport". Where TorchCFM is installed (the extra "bench", or without its many requirements, which
are not needed here, by `pip install --no-deps torchcfm`) it chooses pairs and path itself. Else
the same is done in this file, and the name in the table says so.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from flowmap_studio.core.bench.rows import Effort
from flowmap_studio.core.bench.watch import Watch
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.couplings import optimal_assignment
from flowmap_studio.core.loaded_map import ROWS_AT_ONCE
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.randomness import Stream, generator
from flowmap_studio.core.samplers import composed, even_times
from flowmap_studio.core.targets import Target

HIDDEN_LAYERS = 3
LEARNING_RATE = 1e-3
SIGMA = 0.0
"""Width of the path round its pair. The example has 0.1, which blurs: 0 favours the peer."""
REPORT_STEPS = 10


class PathPoint(NamedTuple):
    """Points of paths (batch, dim) at times (batch, 1), and the velocities (batch, dim) there."""

    t: torch.Tensor
    x: torch.Tensor
    velocity: torch.Tensor


class ExampleNet(nn.Module):
    """The example's network: time appended to x, three hidden layers with SELU.

    Args:
        dim: Axes of the data.
        width: Units of a hidden layer.
        draw: For the starting weights, drawn as torch's own are.
    """

    def __init__(self, dim: int, width: int, draw: torch.Generator) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = dim + 1
        for _ in range(HIDDEN_LAYERS):
            layers += [nn.Linear(inputs, width), nn.SELU()]
            inputs = width
        self.net = nn.Sequential(*layers, nn.Linear(inputs, dim))
        with torch.no_grad():
            for layer in self.net:
                if isinstance(layer, nn.Linear):
                    bound = layer.in_features**-0.5
                    layer.weight.uniform_(-bound, bound, generator=draw)
                    layer.bias.uniform_(-bound, bound, generator=draw)

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """(batch, dim) velocity at positions x (batch, dim) and times t (batch, 1)."""
        out: torch.Tensor = self.net(torch.cat([x, t], dim=-1))
        return out

    @torch.inference_mode()
    def sample(self, noise: torch.Tensor, steps: int) -> torch.Tensor:
        """(n, dim) where Euler's method in `steps` equal steps carries noise (n, dim)."""

        def jump(x: torch.Tensor, s: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            moved: torch.Tensor = x + (t - s) * self(x, s)
            return moved

        times = even_times(0.0, 1.0, steps)
        return torch.cat([composed(jump, part, times) for part in torch.split(noise, ROWS_AT_ONCE)])


class OtCfmLoop:
    """The example's loop: Adam at 1e-3, no schedule, no clipping, no averaged weights.

    Args:
        net: A velocity, called with positions (batch, dim) and times (batch, 1), on its device.
        config: Gives batch and seed.
        target: What to learn.
        normalisation: Of our maps, so that both learn in the same units.
    """

    def __init__(
        self, net: nn.Module, config: RunConfig, target: Target, normalisation: Normalisation
    ) -> None:
        self._net = net
        self._batch = config.batch_size
        self._target = target
        self._device = next(net.parameters()).device
        self._shift = torch.tensor(normalisation.shift, device=self._device)
        self._scale = torch.tensor(normalisation.scale, device=self._device)
        self._draw = generator(config.seed, Stream.PAIRS, device=self._device)
        self._matcher = _torchcfm()
        self._optimiser = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)

    def step(self) -> torch.Tensor:
        """One training step; its loss, which the example doesn't read back each time."""
        x1 = (self._target.sample(self._batch, self._draw) - self._shift) / self._scale
        x0 = torch.randn(x1.shape, generator=self._draw, device=self._device)
        t, x, velocity = _path_point(self._matcher, x0, x1, self._draw)
        loss = (self._net(x, t) - velocity).square().mean()
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()
        found: torch.Tensor = loss.detach()
        return found


def peer_name() -> str:
    """Who chooses the peer's pairs and path, its version included."""
    if _torchcfm() is None:
        return "OT-CFM after TorchCFM's example"
    return f"TorchCFM {importlib.metadata.version('torchcfm')} OT-CFM"


def train_peer(
    config: RunConfig, target: Target, normalisation: Normalisation, watch: Watch, what: str
) -> tuple[ExampleNet, Effort]:
    """Train the example's network, as wide as ours, for as many steps of as many points.

    Args:
        config: Gives steps, batch, width, threads and seed.
        target: What to learn.
        normalisation: Of our maps.
        watch: Who looks on.
        what: What to call the run.

    Raises:
        Stopped: The watch wants no more.
    """
    torch.set_num_threads(config.threads)
    net = ExampleNet(target.dim, config.hidden_dim, generator(config.seed, Stream.WEIGHTS))
    loop = OtCfmLoop(net, config, target, normalisation)
    began = time.perf_counter()
    with seeded_globals(config.seed):
        for step in range(config.steps):
            loop.step()
            if step % REPORT_STEPS == 0:
                watch.at(what, step / config.steps)
    seconds = time.perf_counter() - began
    watch.at(f"{what}: measuring", 1.0)
    weights = sum(part.numel() for part in net.parameters())
    return net.eval(), Effort(steps=config.steps, seconds=seconds, weights=weights)


@contextmanager
def seeded_globals(seed: int) -> Iterator[None]:
    """TorchCFM draws from the global generators of torch and NumPy: seeded here, then put back."""
    before = np.random.get_state()  # noqa: NPY002 - the one that it uses
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002


def _torchcfm() -> Any:
    """TorchCFM's matcher for exact minibatch OT; None where it is not installed."""
    try:
        module = importlib.import_module("torchcfm.conditional_flow_matching")
    except ImportError:
        return None
    return module.ExactOptimalTransportConditionalFlowMatcher(sigma=SIGMA)


def _path_point(
    matcher: Any, x0: torch.Tensor, x1: torch.Tensor, draw: torch.Generator
) -> PathPoint:
    t = torch.rand(len(x0), generator=draw, device=x0.device)
    if matcher is not None:
        _, x, velocity = matcher.sample_location_and_conditional_flow(x0, x1, t=t)
        return PathPoint(t[:, None], x, velocity)
    # TorchCFM draws the batch from the plan with replacement; the plan is a permutation.
    drawn = torch.randint(len(x0), (len(x0),), generator=draw, device=x0.device)
    partner = optimal_assignment(x0, x1).to(x0.device)
    x0, x1 = x0[drawn], x1[partner[drawn]]
    t = t[:, None]
    return PathPoint(t, (1 - t) * x0 + t * x1, x1 - x0)
