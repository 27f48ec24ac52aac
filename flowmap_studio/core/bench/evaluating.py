"""How fast maps are evaluated, beside what the machine's matrix products allow. No Qt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import torch

from flowmap_studio.core.bench.figures import Figure, milliseconds
from flowmap_studio.core.bench.watch import Watch
from flowmap_studio.core.dense import dense
from flowmap_studio.core.drawing.axes import robust_extent
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.point_image import Frame, map_image

PART = "evaluating"
POINTS, FEWER, JUMPS = 4096, 1024, 8
MANY = 1_000_000
WIDTH, HEIGHT = 900, 700
"""Of the image that a million points are counted on, in pixels."""
SIDE, ROWS = 2048, 4096
"""Of the matrix products: square ones, and rows through a layer as wide as the map's."""


def evaluating_figures(
    loaded: LoadedMap, watch: Watch, repeats: int, many: int = MANY
) -> Iterator[Figure]:
    """Time the frames' evaluations by themselves, and a million points made an image.

    Args:
        loaded: A map of the plane.
        watch: Who looks on.
        repeats: Of each evaluation; fewer of the long ones.
        many: Points of the image.

    Yields:
        A figure when it is finished: first the rate of matrix products, which the limits are from.

    Raises:
        Stopped: The watch wants no more.
    """
    threads = torch.get_num_threads()
    rate = matrix_rate(loaded)
    yield Figure(
        part=PART, name=f"matrix product, {threads} threads", unit="GFLOP/s", median=rate / 1e9
    )
    flops = flops_per_row(loaded)
    noise = loaded.noise(POINTS, 0)
    if loaded.flow_map.compiled(noise):  # beside whose threads torch's would spin on the cores
        loaded.flow_map.work_in(threads)
        torch.set_num_threads(1)
    try:
        yield from _evaluations(loaded, noise, flops, rate, watch, repeats)
        yield _image_figure(loaded, watch, max(3, repeats // 10), many, flops * many / rate)
    finally:
        torch.set_num_threads(threads)


def _evaluations(
    loaded: LoadedMap, noise: torch.Tensor, flops: float, rate: float, watch: Watch, repeats: int
) -> Iterator[Figure]:
    ways = [("full and exact", POINTS, False), ("while dragging", FEWER, True)]
    if loaded.flow_map.jumps_together(noise):
        ways.insert(1, ("full, rounded", POINTS, True))
    for name, composed_points, rounded in ways:

        def frame(count: int = composed_points) -> None:
            loaded.at_ways(noise, 0.7, ((count, JUMPS), (len(noise), 1)))

        work = flops * (POINTS + JUMPS * composed_points)
        title = f"evaluation alone, {name}: {POINTS:,} + {composed_points:,} × {JUMPS}"
        loaded.round_off(rounded=rounded)
        times = timed(frame, repeats, watch, title)
        loaded.round_off(rounded=False)
        yield milliseconds(PART, title, times, limit=work / rate)


def _image_figure(loaded: LoadedMap, watch: Watch, repeats: int, many: int, limit: float) -> Figure:
    low, high = robust_extent(loaded.snapshot.data)
    shown = Frame((float(low[0]), float(low[1])), (float(high[0]), float(high[1])), WIDTH, HEIGHT)
    noise = loaded.noise(many, 0).to(loaded.device)
    name = f"{many:,} points evaluated and made an image ({loaded.device.type})"
    times = timed(lambda: map_image(loaded, noise, 1.0, 1, shown), repeats, watch, name)
    on_gpu = loaded.device.type == "cuda"
    return milliseconds(PART, name, times, goal=5.0 if on_gpu else None, limit=limit)


def timed(work: Callable[[], object], repeats: int, watch: Watch, what: str) -> list[float]:
    """Seconds of each of so many calls, after two that are not counted."""
    taken = []
    for place in range(repeats + 2):
        watch.at(what, place / (repeats + 2))
        _finish()
        began = time.perf_counter()
        work()
        _finish()
        taken.append(time.perf_counter() - began)
    return taken[2:]


def matrix_rate(loaded: LoadedMap, seconds: float = 0.5) -> float:
    """Floating-point operations a second of the fastest of two shapes of float32 products.

    Args:
        loaded: A map: one product is that of its widest layer, on its device.
        seconds: Of each shape.
    """
    width = loaded.snapshot.config.hidden_dim
    shapes = ((SIDE, SIDE, SIDE), (ROWS, width, width))
    return max(_product_rate(shape, loaded.device, seconds) for shape in shapes)


def _product_rate(shape: tuple[int, int, int], device: torch.device, seconds: float) -> float:
    rows, inner, columns = shape
    a, b = torch.ones(rows, inner, device=device), torch.ones(columns, inner, device=device)
    best, until = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < until or not best:
        _finish()
        began = time.perf_counter()
        dense(a, b)
        _finish()
        best = max(best, 2.0 * rows * inner * columns / (time.perf_counter() - began))
    return best


def flops_per_row(loaded: LoadedMap) -> int:
    """Floating-point operations of the matrix products of one evaluation of one point."""
    layers = [part for part in loaded.flow_map.modules() if isinstance(part, torch.nn.Linear)]
    return sum(2 * layer.in_features * layer.out_features for layer in layers)


def _finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
