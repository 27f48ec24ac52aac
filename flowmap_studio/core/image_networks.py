"""Networks for images: a residual MLP and a U-Net, both modulated by times and classes."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.dense import Dense
from flowmap_studio.core.images import ImageShape
from flowmap_studio.core.network_shapes import (
    GROUPS,
    TIME_FREQUENCIES,
    unet_channels,
    unet_levels,
)

SMALL_START = 0.1
"""Size of the last layer of a residual block at the start, against torch's usual one."""


class Embedding(nn.Module):
    """(batch, width) what modulates the blocks: times as sines and cosines, classes one-hot.

    Args:
        times: 1 or 2 time inputs.
        width: Of the embedding.
        classes: Number of classes; 0 for an unconditional map. Zeros are the null class.
    """

    def __init__(self, times: int, width: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        inputs = times * (1 + 2 * TIME_FREQUENCIES)
        self.times = nn.Sequential(Dense(inputs, width), nn.SiLU(), Dense(width, width))
        if classes:
            self.label = Dense(classes, width)

    def forward(self, times: torch.Tensor, cond: torch.Tensor | None) -> torch.Tensor:
        """(batch, width); arguments as `FlowMapNet.forward`."""
        octaves = torch.arange(TIME_FREQUENCIES, dtype=times.dtype, device=times.device)
        angle = (times[:, :, None] * (0.5 * math.pi * 2**octaves)).flatten(1)
        told: torch.Tensor = self.times(torch.cat([times, angle.sin(), angle.cos()], dim=1))
        if self.classes:
            known = times.new_zeros(len(times), self.classes) if cond is None else cond
            told = told + self.label(known)
        return F.silu(told)


class MlpBlock(nn.Module):
    """h + W₂ SiLU(W₁ (LayerNorm(h)(1 + scale) + shift)), scale and shift by the embedding."""

    def __init__(self, width: int, embed: int) -> None:
        super().__init__()
        self.width = width
        self.modulation = Dense(embed, 2 * width)
        self.first = Dense(width, width)
        self.last = Dense(width, width)

    def forward(self, hidden: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        """(batch, width) from hidden (batch, width) and told (batch, embed)."""
        scale, shift = self.modulation(told).chunk(2, dim=1)
        plain = F.layer_norm(hidden, (self.width,)) * (1 + scale) + shift
        out: torch.Tensor = hidden + self.last(F.silu(self.first(plain)))
        return out


class ResidualMlp(nn.Module):
    """An MLP of residual blocks whose every block is told times and class (Peebles and Xie 2023).

    Args:
        dim: Axes of the data.
        times: 1 or 2 time inputs.
        config: Gives width, depth (blocks) and time embedding.
        classes: Number of classes; 0 for an unconditional map.
    """

    def __init__(self, dim: int, times: int, config: RunConfig, classes: int = 0) -> None:
        super().__init__()
        self.classes = classes
        width, embed = config.hidden_dim, config.time_embed_dim
        self.embedding = Embedding(times, embed, classes)
        self.first = Dense(dim, width)
        self.blocks = nn.ModuleList(MlpBlock(width, embed) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width)
        self.last = Dense(width, dim * config.outputs)

    def forward(
        self, x: torch.Tensor, times: torch.Tensor, cond: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(batch, dim) raw output; arguments as `FlowMapNet.forward`."""
        told = self.embedding(times, cond)
        hidden = self.first(x)
        for block in self.blocks:
            hidden = block(hidden, told)
        out: torch.Tensor = self.last(F.silu(self.norm(hidden)))
        return out


class ChannelNorm(nn.Module):
    """Normalisation in groups of channels, scaled and shifted channel by channel.

    As torch's GroupNorm, whose forward derivative asks for a layout in memory that convolutions
    do not keep.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(batch, channels, h, w) likewise."""
        plain = _grouped(hidden)
        return plain * self.weight[:, None, None] + self.bias[:, None, None]


def _grouped(hidden: torch.Tensor) -> torch.Tensor:
    """(batch, channels, h, w) of mean 0 and variance 1 in each group of channels."""
    groups = hidden.reshape(len(hidden), GROUPS, -1)
    return F.layer_norm(groups, groups.shape[-1:]).reshape(hidden.shape)


class ConvBlock(nn.Module):
    """Two 3 × 3 convolutions with a way past them, the second modulated by the embedding."""

    def __init__(self, inputs: int, outputs: int, embed: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(inputs)
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.modulation = Dense(embed, 2 * outputs)
        self.last = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.past = nn.Conv2d(inputs, outputs, 1)

    def forward(self, hidden: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        """(batch, outputs, h, w) from hidden (batch, inputs, h, w) and told (batch, embed)."""
        inner = self.first(F.silu(self.norm(hidden)))
        scale, shift = self.modulation(told)[:, :, None, None].chunk(2, dim=1)
        inner = _grouped(inner) * (1 + scale) + shift
        out: torch.Tensor = self.past(hidden) + self.last(F.silu(inner))
        return out


class UNet(nn.Module):
    """Convolutions at two or three scales (Ronneberger et al. 2015).

    Args:
        image: Shape of the data.
        times: 1 or 2 time inputs.
        config: Gives width (an eighth of it in channels at the finest scale), depth (blocks of
            each scale) and time embedding.
        classes: Number of classes; 0 for an unconditional map.
    """

    def __init__(self, image: ImageShape, times: int, config: RunConfig, classes: int = 0) -> None:
        super().__init__()
        self.classes, self._image, self._outputs = classes, image, config.outputs
        embed, depth = config.time_embed_dim, config.depth
        self.embedding = Embedding(times, embed, classes)
        sizes = [unet_channels(config) * 2**k for k in range(unet_levels(image) + 1)]
        self.first = nn.Conv2d(image.channels, sizes[0], 3, padding=1)
        self.down = nn.ModuleList(_scale(size, size, depth, embed) for size in sizes)
        self.up = nn.ModuleList(_scale(2 * size, size, depth, embed) for size in sizes[:-1])
        pairs = list(pairwise(sizes))
        self.coarser = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairs)
        self.finer = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairs)
        self.norm = ChannelNorm(sizes[0])
        self.last = nn.Conv2d(sizes[0], image.channels * config.outputs, 3, padding=1)

    def forward(
        self, x: torch.Tensor, times: torch.Tensor, cond: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(batch, dim) raw output; arguments as `FlowMapNet.forward`."""
        height, width, channels, _ = self._image
        told = self.embedding(times, cond)
        pixels = x.reshape(len(x), height, width, channels).permute(0, 3, 1, 2)
        hidden = self.first(pixels)
        kept = []
        for level, blocks in enumerate(self.down):
            hidden = _through(blocks, hidden, told)
            if level < len(self.coarser):
                kept.append(hidden)
                hidden = self.coarser[level](hidden)
        for level in reversed(range(len(self.up))):
            hidden = torch.cat([kept[level], self.finer[level](hidden)], dim=1)
            hidden = _through(self.up[level], hidden, told)
        out = self.last(F.silu(self.norm(hidden)))
        # Drift and score of a bridge stand one after the other, each pixel by pixel.
        parts = out.reshape(len(x), self._outputs, channels, height, width)
        flat: torch.Tensor = parts.permute(0, 1, 3, 4, 2).flatten(1)
        return flat


def _scale(inputs: int, outputs: int, depth: int, embed: int) -> nn.ModuleList:
    """The blocks of one scale; the first takes in what comes."""
    sizes = [inputs] + [outputs] * depth
    return nn.ModuleList(ConvBlock(a, b, embed) for a, b in pairwise(sizes))


def _through(blocks: nn.Module, hidden: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
    assert isinstance(blocks, nn.ModuleList)  # noqa: S101 - tells mypy what `_scale` gives
    for block in blocks:
        hidden = block(hidden, told)
    return hidden


@torch.no_grad()
def draw_weights(network: nn.Module, draw: torch.Generator) -> None:
    """Starting weights: torch's own (uniform within 1/√inputs), from an explicit generator.

    Blocks start at a tenth and the network's last layer at a hundredth of that, biases there at 0,
    so that the map starts near x.
    """
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            bound = _inputs(module) ** -0.5
            module.weight.uniform_(-bound, bound, generator=draw)
            assert module.bias is not None  # noqa: S101 - none of these layers goes without
            module.bias.uniform_(-bound, bound, generator=draw)
        elif isinstance(module, (nn.LayerNorm, ChannelNorm)):
            module.weight.fill_(1)
            module.bias.zero_()
    for module in network.modules():
        if isinstance(module, (MlpBlock, ConvBlock)):
            module.last.weight.mul_(SMALL_START)
            assert module.last.bias is not None  # noqa: S101 - it has one
            module.last.bias.zero_()


def _inputs(module: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> int:
    """Numbers that each output of a layer is made from, as torch counts them."""
    if isinstance(module, nn.Linear):
        return module.in_features
    per_channel = module.kernel_size[0] * module.kernel_size[1]
    wide = module.out_channels if isinstance(module, nn.ConvTranspose2d) else module.in_channels
    return wide * per_channel
