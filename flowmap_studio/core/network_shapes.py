"""Names and shapes of a network's weights, computed from its config. Torch-free."""

from __future__ import annotations

from itertools import pairwise

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import ConfigError
from flowmap_studio.core.images import ImageShape

DENSITY_WIDTHS = (128, 128)
"""Units of the hidden layers of a density head."""
UNTRAINED = ("frequencies",)
"""Tensors of the network that no training changes."""
TIME_FREQUENCIES = 8
"""Octaves of sines and cosines of a time that the networks for images are told."""
GROUPS = 4
"""Groups of channels that a U-Net normalises together."""
COARSEST = 4
"""A U-Net halves even sides while they stay at least so long, twice at the most."""

Shapes = dict[str, tuple[int, ...]]


def network_kind(config: RunConfig, image: ImageShape | None) -> str:
    """Which network a config means for such data: mlp, resmlp or unet.

    auto is the residual MLP for images: on the digits, one minute of training on one core, its
    one-step Fréchet distance was 0.74 times the MLP's and 0.46 times a U-Net's.

    Raises:
        ConfigError: A U-Net is wanted for points that are no images, or a density head for
            another network than the MLP.
    """
    kind = config.network
    if kind == "auto":
        kind = "mlp" if image is None else "resmlp"
    if kind == "unet" and image is None:
        raise ConfigError(
            "Network unet needs images; choose auto, mlp or resmlp for points.", "network"
        )
    if kind != "mlp" and config.density_head == "on":
        raise ConfigError(
            f"A density head goes with network mlp, not {kind}; switch it off or choose mlp.",
            "density_head",
        )
    return kind


def weight_shapes(
    config: RunConfig, dim: int, classes: int = 0, image: ImageShape | None = None
) -> Shapes:
    """Names and shapes of all tensors of the network, computed without building it.

    A preset must hold exactly these; a test keeps this equal to the real network.

    Raises:
        ConfigError: As for `network_kind`.
    """
    kind = network_kind(config, image)
    if kind == "mlp":
        return _mlp(config, dim, classes)
    shapes = _embedding(config, classes)
    if kind == "resmlp" or image is None:
        return shapes | _residual_mlp(config, dim)
    return shapes | _unet(config, image)


def unet_channels(config: RunConfig) -> int:
    """Channels at a U-Net's finest scale: an eighth of the width, in whole groups."""
    return max(1, round(config.hidden_dim / 8 / GROUPS)) * GROUPS


def unet_levels(image: ImageShape) -> int:
    """How often a U-Net halves such images."""
    levels, height, width = 0, image.height, image.width
    while levels < 2 and height % 2 == 0 == width % 2 and min(height, width) >= 2 * COARSEST:
        levels, height, width = levels + 1, height // 2, width // 2
    return levels


def _mlp(config: RunConfig, dim: int, classes: int) -> Shapes:
    embed, width, count = config.time_embed_dim, config.hidden_dim, config.position_features
    times = 2 if config.two_time else 1
    shapes: Shapes = {"frequencies": (dim, count)}
    shapes |= _linear("time_mlp.0", times, embed) | _linear("time_mlp.2", embed, embed)
    if classes:
        shapes |= _linear("cond_mlp.0", classes, embed) | _linear("cond_mlp.2", embed, embed)
    features = inputs = dim + 2 * count + embed * (2 if classes else 1)
    for layer in range(config.depth):
        at = 3 * layer
        shapes |= _linear(f"net.{at}", inputs, width) | _norm(f"net.{at + 1}", width)
        inputs = width
    if config.density_head == "on":
        sizes = (features, *DENSITY_WIDTHS, 1)
        for layer, (fed, given) in enumerate(pairwise(sizes)):
            shapes |= _linear(f"density.{2 * layer}", fed, given)
    return shapes | _linear(f"net.{3 * config.depth}", inputs, dim * config.outputs)


def _embedding(config: RunConfig, classes: int) -> Shapes:
    embed, times = config.time_embed_dim, 2 if config.two_time else 1
    told = times * (1 + 2 * TIME_FREQUENCIES)
    shapes = _linear("embedding.times.0", told, embed) | _linear("embedding.times.2", embed, embed)
    return shapes | (_linear("embedding.label", classes, embed) if classes else {})


def _residual_mlp(config: RunConfig, dim: int) -> Shapes:
    width, embed = config.hidden_dim, config.time_embed_dim
    shapes = _linear("first", dim, width)
    for at in range(config.depth):
        shapes |= _linear(f"blocks.{at}.modulation", embed, 2 * width)
        shapes |= _linear(f"blocks.{at}.first", width, width)
        shapes |= _linear(f"blocks.{at}.last", width, width)
    return shapes | _norm("norm", width) | _linear("last", width, dim * config.outputs)


def _unet(config: RunConfig, image: ImageShape) -> Shapes:
    sizes = [unet_channels(config) * 2**k for k in range(unet_levels(image) + 1)]
    shapes = _conv("first", image.channels, sizes[0], 3)
    for at, size in enumerate(sizes):
        shapes |= _blocks(f"down.{at}", size, size, config)
    for at, (fine, coarse) in enumerate(pairwise(sizes)):
        shapes |= _blocks(f"up.{at}", 2 * fine, fine, config)
        shapes |= _conv(f"coarser.{at}", fine, coarse, 2)
        # A transposed convolution keeps its inputs first.
        shapes |= {f"finer.{at}.weight": (coarse, fine, 2, 2), f"finer.{at}.bias": (fine,)}
    return (
        shapes
        | _norm("norm", sizes[0])
        | _conv("last", sizes[0], image.channels * config.outputs, 3)
    )


def _blocks(name: str, inputs: int, outputs: int, config: RunConfig) -> Shapes:
    shapes: Shapes = {}
    for at in range(config.depth):
        part, fed = f"{name}.{at}", outputs if at else inputs
        shapes |= _norm(f"{part}.norm", fed) | _conv(f"{part}.first", fed, outputs, 3)
        shapes |= _linear(f"{part}.modulation", config.time_embed_dim, 2 * outputs)
        shapes |= _conv(f"{part}.last", outputs, outputs, 3)
        shapes |= _conv(f"{part}.past", fed, outputs, 1)
    return shapes


def _linear(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _conv(name: str, inputs: int, outputs: int, side: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs, side, side), f"{name}.bias": (outputs,)}
