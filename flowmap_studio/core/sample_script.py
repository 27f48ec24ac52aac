"""Draw the samples of a Flow Map Studio preset with numpy, torch and safetensors.

It reads PRESET from its own folder and writes OUT there, an array (NUM, axes) of float32 in the
data's own units: where noise at time 0 is at TIME after STEPS jumps of the map, or steps of SOLVER
where the map is a velocity. Two rare cases need more: solvers other than Euler's the package
torchdiffeq, and maps whose source is not a normal the studio itself (flowmap_studio), which draws
from it.
"""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from torch.nn import functional as F

# --- what to draw ---------------------------------------------------------------------------------
PRESET = "preset.flowmap"
OUT = "samples.npy"
NUM = 4096
STEPS = 1
TIME = 1.0
SEED = 0
SOLVER = "euler"
LABEL: str | None = None
GUIDANCE = 1.0
# --- how ------------------------------------------------------------------------------------------
NOISE, CLASSES = 4, 10  # streams of random numbers, as the studio numbers them
ROWS = 1024  # points at once
ODEINT = {"midpoint": "midpoint", "heun": "heun2", "rk4": "rk4", "dopri5": "dopri5"}
TWO_TIMES = ("semigroup", "lagrangian", "eulerian", "trajectory")
VELOCITIES = ("flow-matching", "rectified-flow", "schrodinger-bridge")

Weights = dict[str, torch.Tensor]


def stream(seed: int, number: int) -> torch.Generator:
    """The random numbers of a stream."""
    state = np.random.SeedSequence([seed, number, 0]).generate_state(1, np.uint64)
    made = torch.Generator()
    made.manual_seed(int(state[0] >> np.uint64(1)))
    return made


class Map:
    """X_{s,t}(x) in normalised units.

    Args:
        header: The preset's description.
        weights: Its tensors.
    """

    def __init__(self, header: dict[str, Any], weights: Weights) -> None:
        self.config, self.weights = header["config"], weights
        self.method = self.config["method"]
        self.classes: list[str] = header.get("classes", [])

    def layer(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """One linear layer."""
        return F.linear(x, self.weights[f"map.{name}.weight"], self.weights[f"map.{name}.bias"])

    def embedded(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """Times or classes through their own small network."""
        return self.layer(f"{name}.2", F.silu(self.layer(f"{name}.0", x)))

    def network(
        self, x: torch.Tensor, times: torch.Tensor, cond: torch.Tensor | None
    ) -> torch.Tensor:
        """Positions, their Fourier features, times and classes; linear, LayerNorm, SiLU."""
        parts = [x, self.embedded("time_mlp", times)]
        if self.classes:
            known = x.new_zeros(len(x), len(self.classes)) if cond is None else cond
            parts.append(self.embedded("cond_mlp", known))
        frequencies = self.weights["map.frequencies"]
        if frequencies.shape[1]:
            angle = x @ frequencies
            parts[1:1] = [torch.sin(angle), torch.cos(angle)]
        hidden = torch.cat(parts, dim=-1)
        depth = self.config["depth"]
        for at in range(0, 3 * depth, 3):
            scale = self.weights[f"map.net.{at + 1}.weight"]
            shift = self.weights[f"map.net.{at + 1}.bias"]
            hidden = F.layer_norm(self.layer(f"net.{at}", hidden), scale.shape, scale, shift)
            hidden = F.silu(hidden)
        return self.layer(f"net.{3 * depth}", hidden)

    def raw(
        self, x: torch.Tensor, s: torch.Tensor, t: torch.Tensor, cond: torch.Tensor | None
    ) -> torch.Tensor:
        """What the network says of a jump from time s to t."""
        if self.method in TWO_TIMES:
            return self.network(x, torch.cat([s, t - s], dim=-1), cond)
        out = self.network(x, s if self.method in VELOCITIES else t - s, cond)
        if self.method != "schrodinger-bridge":
            return out
        drift, score = out.chunk(2, dim=-1)  # the velocity of the probability-flow ODE
        sigma = math.sqrt(self.config["entropy"] / 2)
        return drift - 0.5 * sigma**2 * (1 - 2 * s) * score

    def guided(
        self, x: torch.Tensor, s: torch.Tensor, t: torch.Tensor, cond: torch.Tensor | None
    ) -> torch.Tensor:
        """The same, held to classes: GUIDANCE 1 as learned, 0 not at all."""
        told = self.raw(x, s, t, cond)
        if cond is None or GUIDANCE == 1.0:
            return told
        return torch.lerp(self.raw(x, s, t, None), told, GUIDANCE)

    def jump(self, x: torch.Tensor, s: float, t: float, cond: torch.Tensor | None) -> torch.Tensor:
        """Where points (n, axes) at time s are at time t: one evaluation."""
        column = x.new_empty((len(x), 1))
        start, end = torch.full_like(column, s), torch.full_like(column, t)
        raw = self.guided(x, start, end, cond)
        residual = self.config["parametrisation"] == "residual"
        return x + (end - start) * raw if residual else x + raw

    def move(self, x: torch.Tensor, cond: torch.Tensor | None) -> torch.Tensor:
        """Where points (n, axes) at time 0 are at TIME."""
        times = [TIME * number / STEPS for number in range(STEPS)] + [TIME]
        if SOLVER != "euler" and self.method in VELOCITIES and TIME > 0:
            return self.solved(x, times if SOLVER != "dopri5" else [0.0, TIME], cond)
        for s, t in pairwise(times):
            x = self.jump(x, s, t, cond)
        return x

    def solved(
        self, x: torch.Tensor, times: list[float], cond: torch.Tensor | None
    ) -> torch.Tensor:
        """The same by another solver than Euler's."""
        from torchdiffeq import odeint

        def slope(t: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
            column = torch.full((len(at), 1), float(t))
            return self.guided(at, column, column, cond)

        how = {"method": ODEINT[SOLVER], "rtol": 1e-5, "atol": 1e-5}
        states: torch.Tensor = odeint(slope, x, torch.tensor(times), **how)
        return states[-1]


def classes_of(made: Map, labels: torch.Tensor | None) -> torch.Tensor | None:
    """(NUM, classes) the class of each point: LABEL, or all as often as the data has them."""
    if labels is None:
        return None
    if LABEL is not None:
        chosen = torch.full((NUM,), made.classes.index(LABEL))
    else:
        draw = torch.randint(len(labels), (NUM,), generator=stream(SEED, CLASSES))
        chosen = labels.long()[draw]
    return F.one_hot(chosen, len(made.classes)).float()


def source_points(made: Map, path: Path, axes: int) -> torch.Tensor:
    """(NUM, axes) where the points start, in normalised units."""
    if made.config["source"] == "normal":
        return torch.randn(NUM, axes, generator=stream(SEED, NOISE))
    from flowmap_studio.core.loaded_map import LoadedMap
    from flowmap_studio.core.presets import read_preset

    return LoadedMap(read_preset(path).snapshot).noise(NUM, SEED)


@torch.inference_mode()
def samples(path: Path) -> npt.NDArray[np.float32]:
    """(NUM, axes) samples of a preset in the data's own units."""
    with safe_open(str(path), "pt") as file:
        header = json.loads(file.metadata()["flowmap"])
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
    made = Map(header, weights)
    shift, scale = header["normalisation"]["shift"], header["normalisation"]["scale"]
    x = source_points(made, path, len(shift))
    cond = classes_of(made, weights.get("labels"))
    parts = [
        made.move(x[at : at + ROWS], None if cond is None else cond[at : at + ROWS])
        for at in range(0, NUM, ROWS)
    ]
    wide = torch.cat(parts).numpy().astype(np.float64) * scale + shift
    return np.asarray(wide, np.float32)


if __name__ == "__main__":
    folder = Path(__file__).resolve().parent
    np.save(folder / OUT, samples(folder / PRESET))
