"""The map over a network: one interface `flow_map(x, s, t)` for one-time and two-time maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TypeAlias, cast

import numpy as np
import torch
from torch import nn

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.images import ImageShape
from flowmap_studio.core.methods import METHODS, Clock
from flowmap_studio.core.native import network as native
from flowmap_studio.core.native.step import Step, in_hand
from flowmap_studio.core.networks import FlowMapNet, Network, build_network
from flowmap_studio.core.together import jump_together

Route: TypeAlias = tuple[torch.Tensor, Sequence[float], torch.Tensor | None]
"""Positions, the times of their jumps, and what `FlowMap.begin` made of the positions."""


class FlowMap(nn.Module):
    """X_{s,t}(x): where a point that is at x at time s is at time t, in normalised units.

    Two-time maps see s and t − s and compose exactly once trained. A one-time map answers
    φ(x, t − s), the article's composition rule, which is exact for autonomous flows only. A
    velocity sees s and answers with one Euler step, so that composed sampling is Euler's method.

    residual: X = x + (t − s) · net, so that X_{s,s} = x to the bit.
    free: X = x + net, so that the identity has to be learned.

    Attributes:
        raw_is_output: Whether `raw` is the network's output and nothing is made of it.
        watchers: Told, before each evaluation of the network, of how many rows.

    Args:
        network: What is evaluated.
        clock: Which times the network sees: "both" (s, t − s), "elapsed" t − s or "start" s.
        residual: The parametrisation.
    """

    raw_is_output = True

    def __init__(self, network: Network, *, clock: Clock, residual: bool) -> None:
        super().__init__()
        self.network = network
        self.clock = clock
        self.residual = residual
        self.watchers: list[Callable[[int], None]] = []

    def raw(
        self,
        x: torch.Tensor,
        s: torch.Tensor,
        t: torch.Tensor,
        cond: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """(batch, dim) output of the network.

        In the residual form it is the mean velocity (X_{s,t}(x) − x)/(t − s), and on the diagonal
        s = t of a two-time map the velocity v_t(x) itself.

        Args:
            x: (batch, dim) positions at time s.
            s: (batch, 1) start times in [0, 1], or (1, 1) that of all points.
            t: (batch, 1) end times in [0, 1], or (1, 1).
            cond: (batch, classes) one-hot classes of a conditional map; zeros or None for none.
        """
        self.announce(len(x))
        out: torch.Tensor = self.network(x, self._times(s, t), cond)
        return out

    def told(
        self, x: torch.Tensor, s: torch.Tensor, t: torch.Tensor, cond: torch.Tensor | None = None
    ) -> list[torch.Tensor]:
        """What the network is told besides positions: (batch, 1 or 2) times, and the classes.

        Args:
            x: (batch, dim) positions; the others as for `raw`.
            s: Start times.
            t: End times.
            cond: Classes.
        """
        return [self._times(s, t), *cast("FlowMapNet", self.network).known(x, cond)]

    def announce(self, rows: int) -> None:
        """Tell the watchers that the network is about to be evaluated at so many rows."""
        for watcher in self.watchers:
            watcher(rows)

    def _times(self, s: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """(batch, 1 or 2) what the network sees of the times."""
        if self.clock == "both":
            return torch.cat([s, t - s], dim=-1)
        return s if self.clock == "start" else t - s

    def log_volume(
        self, x: torch.Tensor, t: torch.Tensor, cond: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(batch, 1) the density head's log|det ∂X_{0,t}/∂x|, 0 at t = 0; shapes as `raw`."""
        times = torch.cat([torch.zeros_like(t), t], dim=-1) if self.clock == "both" else t
        assert isinstance(self.network, FlowMapNet)  # noqa: S101 - see `network_kind`
        return t * self.network.log_volume_rate(x, times, cond)

    def forward(
        self,
        x: torch.Tensor,
        s: torch.Tensor,
        t: torch.Tensor,
        cond: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """(batch, dim) positions at time t of points that are at x at time s; shapes as `raw`."""
        raw = self.raw(x, s, t, cond)
        return x + (t - s) * raw if self.residual else x + raw

    def jump(
        self, x: torch.Tensor, s: float, t: float, cond: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(batch, dim) positions at time t of points that are all at time s; as `forward`."""
        moved: torch.Tensor = self(x, x.new_full((1, 1), s), x.new_full((1, 1), t), cond)
        return moved

    def jumps(
        self, x: torch.Tensor, times: Sequence[float], begun: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(batch, dim) positions at times[-1] of points x that are all at times[0], by way of all.

        Args:
            x: (batch, dim) positions.
            times: At least two.
            begun: What `begin` made of x, which spares it doing so again.
        """
        if torch.is_inference_mode_enabled() and self.jumps_together(x):
            return self.routes([(x, times, begun)])[0]
        for s, t in pairwise(times):
            x = self.jump(x, s, t)
        return x

    def routes(self, routes: Sequence[Route]) -> list[torch.Tensor]:
        """(batch, dim) where the points of each route end: `jumps`, of all at once.

        Args:
            routes: (batch, dim) positions, times and what `begin` made of them, as for `jumps`, of
                points of `jumps_together`; the longest one is best the first.
        """
        pairs = [pair for _, times, _ in routes for pair in pairwise(times)]
        whole = routes[0][0].new_tensor(pairs)
        start, end = whole[:, :1], whole[:, 1:]
        gaps = end - start if self.residual else torch.ones_like(end)
        counts = [len(times) - 1 for _, times, _ in routes]
        self.announce(sum(len(x) * count for (x, _, _), count in zip(routes, counts, strict=True)))
        starts = [(x, begun) for x, _, begun in routes]
        network = cast("FlowMapNet", self.network)
        return jump_together(network, starts, self._times(start, end), gaps, counts)

    def begin(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, width) what stays of an evaluation at x whatever the times are.

        Args:
            x: (batch, dim) positions of `jumps_together`.
        """
        return native.begin(cast("FlowMapNet", self.network), x)

    def jumps_together(self, x: torch.Tensor) -> bool:
        """Whether `jumps` of such points are made all at once, in inference mode."""
        network = self.network
        plain = self.raw_is_output and isinstance(network, FlowMapNet)
        return plain and native.can_jump(cast("FlowMapNet", network), x)

    def compiled(self, x: torch.Tensor, *, in_training: bool = False) -> bool:
        """Whether the compiled library evaluates the network at such points.

        Args:
            x: (batch, dim) positions.
            in_training: Whether each has times of its own, which the library has to embed too.
        """
        network = self.network
        if not isinstance(network, FlowMapNet) or not native.suits(network, x):
            return False
        return native.embeds(network) or not in_training

    def work_in(self, threads: int | None) -> None:
        """Let the compiled library work in so many threads; in as many as torch when None."""
        if isinstance(self.network, FlowMapNet):
            self.network.threads = threads

    @contextmanager
    def adding_gradients(self) -> Iterator[Step | None]:
        """What is evaluated within it, `backward` may add up in the weights' gradients by itself.

        That spares a step copies of all of them, and all its evaluations but one the preparation
        of the network. `backward` belongs into it too, and nothing else is to be asked of what was
        evaluated: `torch.autograd.grad` by positions would add to the weights' gradients too. The
        gradients are whole behind it.

        Yields:
            The step, for `Passes`; None where the network has no use for one.
        """
        network = self.network
        if not isinstance(network, FlowMapNet):
            yield None
            return
        with in_hand(network) as step:
            yield step

    def round_off(self, *, rounded: bool) -> None:
        """Let the compiled library make jumps in whole numbers, or in floats again."""
        if isinstance(self.network, FlowMapNet):
            self.network.rounded = rounded

    def velocity(
        self, x: torch.Tensor, t: torch.Tensor, cond: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(batch, dim) v_t(x) of a two-time map's diagonal or of a velocity; shapes as `raw`.

        Raises:
            ValueError: A one-time map has no velocity to read off; see `probes.map_velocity`.
        """
        if self.clock == "elapsed":
            raise ValueError("a one-time map gives its velocity by differentiation only")
        return self.raw(x, t, t, cond)


class BridgeMap(FlowMap):
    """The velocity and the score of Brownian bridges between pairs, of diffusion σ.

    The network gives the drift m_t(x) = E[x1 − x0 | x_t = x] and the score s_t(x) = ∇log p_t(x).
    The velocity of the probability-flow ODE is m_t − σ² (1 − 2t)/2 s_t, that of the SDE with
    noise σ is m_t + σ² t s_t: neither divides by anything that vanishes at t = 0 or 1. As a
    `FlowMap` it is the former, with one Euler step as its jump.

    Args:
        network: With 2 dim outputs.
        sigma: σ in normalised units.
    """

    raw_is_output = False

    def __init__(self, network: Network, sigma: float) -> None:
        super().__init__(network, clock="start", residual=True)
        self.sigma = sigma

    def heads(
        self, x: torch.Tensor, t: torch.Tensor, cond: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """m_t(x) and s_t(x), both (batch, dim), of points x (batch, dim) at times t (batch, 1)."""
        drift, score = super().raw(x, t, t, cond).chunk(2, dim=-1)
        return drift, score

    def raw(
        self,
        x: torch.Tensor,
        s: torch.Tensor,
        t: torch.Tensor,  # noqa: ARG002 - a velocity knows but one time
        cond: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """(batch, dim) velocity of the probability-flow ODE; arguments as `FlowMap.raw`."""
        drift, score = self.heads(x, s, cond)
        return drift - 0.5 * self.sigma**2 * (1 - 2 * s) * score

    def sde_drift(
        self, x: torch.Tensor, t: torch.Tensor, cond: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(batch, dim) drift of dx = (v_t + σ²/2 s_t) dt + σ dW, whose marginals are the ODE's."""
        drift, score = self.heads(x, t, cond)
        return drift + self.sigma**2 * t * score


def build_flow_map(
    config: RunConfig, dim: int, classes: int = 0, image: ImageShape | None = None
) -> FlowMap:
    """The untrained map of a config, with seeded weights, on the CPU.

    Args:
        config: The run's config.
        dim: Axes of the data.
        classes: Number of classes that it is told apart; 0 for an unconditional map.
        image: What the axes are as an image; None for points.

    Raises:
        ConfigError: The network does not go with the data; see `network_kind`.
    """
    network = build_network(config, dim, classes, image)
    if METHODS[config.method].has_score:
        return BridgeMap(network, config.diffusion)
    return FlowMap(
        network,
        clock=METHODS[config.method].clock,
        residual=config.parametrisation == "residual",
    )


def load_weights(flow_map: FlowMap, weights: Mapping[str, np.ndarray]) -> None:
    """Copy named arrays (as in a snapshot) into the map's network.

    Raises:
        RuntimeError: Names or shapes do not fit the network.
    """
    flow_map.network.load_state_dict({k: torch.tensor(v) for k, v in weights.items()})
