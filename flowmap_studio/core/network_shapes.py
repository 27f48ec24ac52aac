"""Names and shapes of a network's weights, computed from its config. Torch-free."""

from __future__ import annotations

from itertools import pairwise

from flowmap_studio.core.config import RunConfig

DENSITY_WIDTHS = (128, 128)
"""Units of the hidden layers of a density head."""
UNTRAINED = ("frequencies",)
"""Tensors of the network that no training changes."""


def weight_shapes(config: RunConfig, dim: int, classes: int = 0) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all tensors of the network, computed without building it.

    A preset must hold exactly these; a test keeps this equal to the real network.
    """
    embed, width, count = config.time_embed_dim, config.hidden_dim, config.position_features
    times = 2 if config.two_time else 1
    shapes: dict[str, tuple[int, ...]] = {"frequencies": (dim, count)}
    shapes |= {"time_mlp.0.weight": (embed, times), "time_mlp.0.bias": (embed,)}
    shapes |= {"time_mlp.2.weight": (embed, embed), "time_mlp.2.bias": (embed,)}
    if classes:
        shapes |= {"cond_mlp.0.weight": (embed, classes), "cond_mlp.0.bias": (embed,)}
        shapes |= {"cond_mlp.2.weight": (embed, embed), "cond_mlp.2.bias": (embed,)}
    inputs = dim + 2 * count + embed * (2 if classes else 1)
    for layer in range(config.depth):
        at = 3 * layer
        shapes |= {f"net.{at}.weight": (width, inputs), f"net.{at}.bias": (width,)}
        shapes |= {f"net.{at + 1}.weight": (width,), f"net.{at + 1}.bias": (width,)}
        inputs = width
    if config.density_head == "on":
        features = dim + 2 * count + embed * (2 if classes else 1)
        sizes = (features, *DENSITY_WIDTHS, 1)
        for layer, (fed, given) in enumerate(pairwise(sizes)):
            shapes |= {f"density.{2 * layer}.weight": (given, fed)}
            shapes |= {f"density.{2 * layer}.bias": (given,)}
    at = 3 * config.depth
    outputs = dim * config.outputs
    shapes |= {f"net.{at}.weight": (outputs, inputs), f"net.{at}.bias": (outputs,)}
    return shapes
