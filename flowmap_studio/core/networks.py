"""The raw network behind every map: the article's MLP, grown by options, or one for images."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import nn

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.dense import Dense
from flowmap_studio.core.image_networks import ResidualMlp, UNet, draw_weights
from flowmap_studio.core.images import ImageShape
from flowmap_studio.core.native import differentiable
from flowmap_studio.core.native import network as native
from flowmap_studio.core.network_shapes import DENSITY_WIDTHS, network_kind
from flowmap_studio.core.randomness import Stream, generator
from flowmap_studio.core.together import evaluate_together

LAST_LAYER_SCALE = 0.01
"""The article starts the last layer at 1 % of its size, so that the map starts near x."""


class FlowMapNet(nn.Module):
    """The article's network (§6.1): a time MLP beside x, then linear, LayerNorm, SiLU layers.

    One-time maps embed one time, two-time maps embed (s, t − s). With `position_features` = k,
    sines and cosines of k random projections of x stand beside x itself: sharp edges need them.
    Conditional maps (§6.4) embed the class, one-hot, by an MLP like that of the time; all zeros is
    the null class.

    Attributes:
        threads: That the compiled library works in; as many as torch does when None.
        rounded: Whether it makes jumps in whole numbers of 16 bits: a quarter quicker, and some
            1e-4 beside.

    Args:
        dim: Axes of the data.
        times: 1 or 2 time inputs.
        config: Gives width, depth, time embedding and position features.
        classes: Number of classes; 0 for an unconditional map.
    """

    frequencies: torch.Tensor

    def __init__(self, dim: int, times: int, config: RunConfig, classes: int = 0) -> None:
        super().__init__()
        embed, width = config.time_embed_dim, config.hidden_dim
        self.classes = classes
        self.threads: int | None = None
        self.rounded = False
        self.time_mlp = nn.Sequential(Dense(times, embed), nn.SiLU(), Dense(embed, embed))
        if classes:
            self.cond_mlp = nn.Sequential(Dense(classes, embed), nn.SiLU(), Dense(embed, embed))
        count = config.position_features
        self.register_buffer("frequencies", torch.empty(dim, count))
        layers: list[nn.Module] = []
        features = inputs = dim + 2 * count + embed * (2 if classes else 1)
        for _ in range(config.depth):
            layers += [Dense(inputs, width), nn.LayerNorm(width), nn.SiLU()]
            inputs = width
        layers.append(Dense(inputs, dim * config.outputs))
        self.net = nn.Sequential(*layers)
        if config.density_head == "on":
            sizes = (features, *DENSITY_WIDTHS, 1)
            units = [part for a, b in pairwise(sizes) for part in (Dense(a, b), nn.SiLU())]
            self.density = nn.Sequential(*units[:-1])

    @property
    def last(self) -> nn.Linear:
        """The layer that gives the output."""
        layer = self.net[-1]
        assert isinstance(layer, nn.Linear)  # noqa: S101 - tells mypy what __init__ built
        return layer

    def forward(
        self, x: torch.Tensor, times: torch.Tensor, cond: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(batch, dim) raw output; (batch, 2 dim) where the method learns the score too.

        Args:
            x: (batch, dim) positions.
            times: (batch, 1 or 2) times, or (1, 1 or 2) of all points.
            cond: (batch, classes) one-hot classes, rows of zeros for the null class, which None
                stands for too.
        """
        if times.shape[0] == 1 and torch.is_inference_mode_enabled():
            return evaluate_together(self, x, times, cond)
        told = (times, *self.known(x, cond))
        if native.suits(self, x, *told):
            whole = (one.expand(len(x), -1) for one in told)
            return differentiable.forward(self, x, *whole)
        out: torch.Tensor = self.net(self._features(x, times, cond))
        return out

    def log_volume_rate(
        self, x: torch.Tensor, times: torch.Tensor, cond: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(batch, 1) output of the density head, which leaves the rest of the network untaught."""
        with torch.no_grad():
            features = self._features(x, times, cond)
        out: torch.Tensor = self.density(features)
        return out

    def _features(
        self, x: torch.Tensor, times: torch.Tensor, cond: torch.Tensor | None
    ) -> torch.Tensor:
        """(batch, inputs) position and its Fourier features, embedded times and classes."""
        parts = [self.position_features(x), self.time_mlp(times).expand(len(x), -1)]
        parts += [self.cond_mlp(known) for known in self.known(x, cond)]
        return torch.cat(parts, dim=-1)

    def position_features(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, dim + 2 count) positions, and the sines and cosines of their projections."""
        if not self.frequencies.shape[1]:
            return x
        angle = x @ self.frequencies
        return torch.cat([x, torch.sin(angle), torch.cos(angle)], dim=-1)

    def known(self, x: torch.Tensor, cond: torch.Tensor | None) -> list[torch.Tensor]:
        """The (batch, classes) classes of a conditional map; nothing for others."""
        if not self.classes:
            return []
        return [x.new_zeros(len(x), self.classes) if cond is None else cond]


Network = FlowMapNet | ResidualMlp | UNet
"""What stands behind a map; all are called alike."""


def build_network(
    config: RunConfig, dim: int, classes: int = 0, image: ImageShape | None = None
) -> Network:
    """The network of a config and its data with its seeded starting weights, on the CPU.

    Raises:
        ConfigError: The network does not go with the data; see `network_kind`.
    """
    kind, times = network_kind(config, image), 2 if config.two_time else 1
    if kind == "mlp":
        return build_mlp(config, dim, classes)
    network: ResidualMlp | UNet
    with torch.device("meta"):
        if kind == "unet" and image is not None:
            network = UNet(image, times, config, classes)
        else:
            network = ResidualMlp(dim, times, config, classes)
    _give_memory(network)
    draw_weights(network, generator(config.seed, Stream.WEIGHTS))
    with torch.no_grad():
        network.last.weight.mul_(LAST_LAYER_SCALE)
        assert network.last.bias is not None  # noqa: S101 - it has one
        network.last.bias.zero_()
    return network


def build_mlp(config: RunConfig, dim: int, classes: int = 0) -> FlowMapNet:
    """The article's network, grown by options, with its seeded starting weights, on the CPU.

    Weights start as torch's Linear layers do (uniform within 1/√inputs), but drawn from an
    explicit generator; the last layer starts at 1 % and its bias at 0.
    """
    with torch.device("meta"):
        network = FlowMapNet(dim, 2 if config.two_time else 1, config, classes)
    _give_memory(network)
    draw = generator(config.seed, Stream.WEIGHTS)
    with torch.no_grad():
        for name, module in network.named_modules():
            if not name.startswith("density"):
                _draw_start(module, draw)
        network.last.weight.mul_(LAST_LAYER_SCALE)
        network.last.bias.zero_()
        _draw_frequencies(network.frequencies, position_scales(config), draw)
        if config.density_head == "on":  # last, so that the map's own weights stay what they are
            for module in network.density:
                _draw_start(module, draw)
    return network


def _give_memory(network: nn.Module) -> None:
    """Unfilled tensors on the CPU for a network that was made on torch's meta device.

    `to_empty` does the same, but first imports SymPy, which takes most of a second.
    """
    shapes = network.state_dict().items()
    memory = {name: torch.empty(one.shape, dtype=one.dtype) for name, one in shapes}
    network.load_state_dict(memory, assign=True)


def _draw_start(module: nn.Module, draw: torch.Generator) -> None:
    """Starting weights of one layer."""
    if isinstance(module, nn.Linear):
        bound = 1 / math.sqrt(module.in_features)
        module.weight.uniform_(-bound, bound, generator=draw)
        module.bias.uniform_(-bound, bound, generator=draw)
    elif isinstance(module, nn.LayerNorm):
        module.weight.fill_(1)
        module.bias.zero_()


def position_scales(config: RunConfig) -> tuple[float, float]:
    """Standard deviations of the position frequencies: of the coarser and of the finer half."""
    return 0.75 * math.sqrt(config.position_detail), config.position_detail


def _draw_frequencies(
    frequencies: torch.Tensor, scales_of_halves: tuple[float, float], draw: torch.Generator
) -> None:
    count = frequencies.shape[1]
    coarse, fine = scales_of_halves
    scales = torch.full((count,), coarse)
    scales[count // 2 :] = fine
    frequencies.normal_(generator=draw).mul_(scales)
