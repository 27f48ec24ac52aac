"""The one frozen configuration that form, command line and preset file are made from.

Torch-free, so that the window can build its form before torch is imported.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from types import MappingProxyType
from typing import Any

from flowmap_studio.core.errors import ConfigError
from flowmap_studio.core.methods import METHODS
from flowmap_studio.core.setting import Setting, checked, setting
from flowmap_studio.core.target_names import TARGETS

COUPLINGS: Mapping[str, str] = {
    "ot": "Exact optimal transport within a minibatch: short, uncrossed pairs",
    "independent": "Noise and data drawn apart: pairs cross, so one-time maps collapse to the mean",
    "sinkhorn": "Entropic optimal transport within a minibatch: between ot and independent",
    "reflow": "Noise with where a flow-matching teacher's ODE carries it; the teacher comes first",
}
"""Couplings of (x0, x1) by name, with a line each."""

NORMAL = "normal"
"""The name of the usual source: a standard normal in normalised units."""
EARLIER: Mapping[str, Any] = {"time_power": 1.0}
"""What fields stood for before they existed, where that is not their default."""
DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """All that determines a training run: the same config and seed give the same map.

    Raises:
        ConfigError: A value is out of range or two values contradict each other.
    """

    target: str = setting(
        "moons",
        group="Data",
        label="Target",
        help="What to learn: a name, a point file (.npy .csv .txt) or a picture (.png .jpg)",
    )
    source: str = setting(
        NORMAL,
        group="Data",
        label="Source",
        suggestions=(NORMAL, *TARGETS),
        help="Where the map starts: normal, or any target's name or file (8gaussians to moons is "
        "the classic)",
    )
    labels: str = setting(
        "off",
        group="Data",
        label="Labels",
        choices=("off", "on"),
        help="on: a conditional map, told the class of each point (moon, Gaussian, ring …; the "
        "last column of a point file)",
    )
    label_dropout: float = setting(
        0.1,
        group="Data",
        label="Null class",
        minimum=0,
        maximum=1,
        advanced=True,
        help="Conditional maps: share of points whose class is hidden, so that the map also learns "
        "all classes together, which guidance needs",
    )
    coupling: str = setting(
        "ot",
        group="Data",
        label="Coupling",
        choices=tuple(COUPLINGS),
        help="How noise points are paired with data points. Independent pairs cross, and a "
        "one-time map then learns their mean",
    )
    ot_batch: int = setting(
        256,
        group="Data",
        label="OT batch",
        minimum=2,
        maximum=2048,
        unit="points",
        help="Pairs are matched optimally in groups of this size, apart from the batch size; "
        "larger is straighter and slower (time grows about with its square)",
    )
    entropy: float = setting(
        0.1,
        group="Data",
        label="Entropy ε",
        minimum=0.005,
        maximum=100,
        logarithmic=True,
        help="Sinkhorn coupling: weight of the entropy, in squared units of the data's spread; "
        "towards 0 it is ot, large it is independent. Method schrodinger-bridge: its diffusion is "
        "σ = √(ε/2)",
    )
    pair_reuse: int = setting(
        2,
        group="Data",
        label="Pair reuse",
        minimum=1,
        maximum=64,
        unit="times",
        advanced=True,
        help="How often an OT pair is trained on, each time at another t: hides the solver's cost",
    )
    normalisation: str = setting(
        "auto",
        group="Data",
        label="Normalise",
        choices=("auto", "isotropic", "per-axis", "none"),
        advanced=True,
        help="Data is shifted and scaled to unit spread for training and back on output. Auto: one "
        "scale for all axes, unless their spreads differ more than tenfold",
    )
    method: str = setting(
        "semigroup",
        group="Method",
        label="Method",
        choices=tuple(METHODS),
        help="Which objective the map is trained with",
    )
    lambda_cons: float = setting(
        1.0,
        group="Method",
        label="λ consistency",
        minimum=0,
        maximum=100,
        help="Weight of the consistency (composition) term; the article uses 0.1",
    )
    lambda_id: float = setting(
        0.1,
        group="Method",
        label="λ identity",
        minimum=0,
        maximum=100,
        help="Weight of the identity term ‖X(x, t, t) − x‖²; no effect in the residual form, "
        "where it is 0 by construction",
    )
    time_rule: str = setting(
        "triangle",
        group="Method",
        label="s + t ≤ 1",
        choices=("triangle", "clamp", "modulo"),
        help="Article method: draw only s + t ≤ 1 (triangle), cut the sum at 1 in the direct term "
        "(clamp, as in the article's code) or wrap it round (modulo)",
    )
    diagonal_share: float = setting(
        0.75,
        group="Method",
        label="Diagonal share",
        minimum=0.05,
        maximum=1.0,
        advanced=True,
        help="Two-time methods: share of the batch spent on s = t, where the velocity is learned",
    )
    time_power: float = setting(
        0.75,
        group="Method",
        label="Time power",
        minimum=0.1,
        maximum=10,
        advanced=True,
        help="Two-time methods: times are drawn as 1 − (1 − r)^p with r even in [0, 1]; p below 1 "
        "draws more of them near the source, where paths part, above 1 near the data",
    )
    midpoint: str = setting(
        "uniform",
        group="Method",
        label="Middle time u",
        choices=("midpoint", "uniform"),
        advanced=True,
        help="Semigroup method: where the two short jumps meet, half way (PSD-M) or "
        "anywhere (PSD-U)",
    )
    adaptive_power: float = setting(
        1.0,
        group="Method",
        label="Adaptive power",
        minimum=0,
        maximum=2,
        advanced=True,
        help="Eulerian method: rows count with the weight (1 + ‖error‖²)^−p, which tames its "
        "spikes; 0 is the plain mean square",
    )
    reflows: int = setting(
        1,
        group="Method",
        label="Reflows",
        minimum=1,
        maximum=3,
        unit="times",
        help="Rectified flow: how often the velocity is trained again on the pairs of its own ODE; "
        "the run is divided evenly",
    )
    teacher_share: float = setting(
        0.5,
        group="Method",
        label="Teacher's share",
        minimum=0.05,
        maximum=0.95,
        advanced=True,
        help="Method trajectory and coupling reflow: share of the run in which the flow-matching "
        "teacher is trained",
    )
    parametrisation: str = setting(
        "residual",
        group="Network",
        label="Form",
        choices=("residual", "free"),
        help="residual: x + (t−s)·net, the identity is exact. free: x + net, "
        "the identity is learned",
    )
    network: str = setting(
        "auto",
        group="Network",
        label="Network",
        choices=("auto", "mlp", "resmlp", "unet"),
        help="mlp: the article's. resmlp: residual blocks, each told the times. unet: "
        "convolutions, for images. auto takes mlp for points and resmlp for images",
    )
    hidden_dim: int = setting(
        256,
        group="Network",
        label="Width",
        minimum=1,
        maximum=4096,
        unit="units",
        help="Units of each hidden layer; a U-Net has an eighth of it in channels",
    )
    depth: int = setting(
        2,
        group="Network",
        label="Depth",
        minimum=1,
        maximum=16,
        unit="layers",
        help="Hidden layers, the article has 2; residual blocks of the other networks",
    )
    time_embed_dim: int = setting(
        64,
        group="Network",
        label="Time embedding",
        minimum=1,
        maximum=1024,
        unit="units",
        advanced=True,
        help="Width of the little network that embeds the times",
    )
    position_features: int = setting(
        64,
        group="Network",
        label="Position features",
        minimum=0,
        maximum=512,
        unit="frequencies",
        help="Random Fourier frequencies of the position beside the position itself; sharp edges "
        "(checkerboard) need them. 0 is the article's network",
    )
    position_detail: float = setting(
        4.0,
        group="Network",
        label="Position detail",
        minimum=0.1,
        maximum=100,
        logarithmic=True,
        advanced=True,
        help="Standard deviation of the finer half of the position frequencies, for unit noise; "
        "the coarser half has three quarters of its root. A sharper edge needs more of it, and "
        "more frequencies",
    )
    density_head: str = setting(
        "off",
        group="Network",
        label="Density head",
        choices=("off", "on"),
        advanced=True,
        help="on: a second small network learns log|det ∂X_{0,t}/∂x| of the map beside it, so that "
        "a sample's log-density costs one evaluation instead of a Jacobian",
    )
    optimiser: str = setting(
        "muon",
        group="Optimiser",
        label="Optimiser",
        choices=("muon", "adam", "adamw"),
        help="muon: AdamW, but matrices step along their orthogonalised momentum, which learns "
        "more a step. Adam, or AdamW with decoupled weight decay",
    )
    learning_rate: float = setting(
        2e-3,
        group="Optimiser",
        label="Learning rate",
        minimum=1e-7,
        maximum=1.0,
        logarithmic=True,
        help="Peak learning rate, after the warm-up",
    )
    weight_decay: float = setting(
        0.0,
        group="Optimiser",
        label="Weight decay",
        minimum=0,
        maximum=1,
        advanced=True,
        help="Pull of the weights to zero (AdamW decouples it from the gradient)",
    )
    warmup_steps: int = setting(
        100,
        group="Optimiser",
        label="Warm-up",
        minimum=0,
        maximum=1_000_000,
        unit="steps",
        help="Steps over which the learning rate rises from 0 to its peak",
    )
    schedule: str = setting(
        "cosine",
        group="Optimiser",
        label="Decay",
        choices=("cosine", "constant"),
        help="How the learning rate falls after the warm-up",
    )
    clip_norm: float = setting(
        5.0,
        group="Optimiser",
        label="Gradient clip",
        minimum=0,
        maximum=1e6,
        help="Largest norm of the gradient; 0 does not clip. The article uses 5",
    )
    ema_decay: float = setting(
        0.995,
        group="Optimiser",
        label="EMA",
        minimum=0,
        maximum=0.99999,
        advanced=True,
        help="Decay of the moving average of the weights that samples are drawn with; 0 is off",
    )
    batch_size: int = setting(
        512,
        group="Run",
        label="Batch",
        minimum=1,
        maximum=1_048_576,
        unit="points",
        help="Pairs per training step",
    )
    steps: int = setting(
        3000,
        group="Run",
        label="Steps",
        minimum=1,
        maximum=100_000_000,
        unit="steps",
        help="Length of the run; the decay of the learning rate ends there",
    )
    seconds: float = setting(
        0.0,
        group="Run",
        label="Time limit",
        minimum=0,
        maximum=1e7,
        unit="s",
        help="Length of the run in seconds instead of steps; 0 counts steps",
    )
    seed: int = setting(
        0,
        group="Run",
        label="Seed",
        minimum=0,
        maximum=2**31 - 1,
        help="The same settings and seed give the same map on the same machine",
    )
    device: str = setting(
        "auto",
        group="Run",
        label="Device",
        choices=DEVICES,
        help="auto takes CUDA, then Apple's MPS, then the CPU",
    )
    threads: int = setting(
        1,
        group="Run",
        label="CPU threads",
        minimum=1,
        maximum=256,
        advanced=True,
        help="Threads of the training step on the CPU; one leaves the window smooth on two cores",
    )

    def __post_init__(self) -> None:
        described = settings()
        for name, kind in types().items():
            value = checked(name, described[name], kind, getattr(self, name))
            object.__setattr__(self, name, value)
        self._check_combinations()

    def _check_combinations(self) -> None:
        if self.method != "article" and self.parametrisation != "residual":
            raise ConfigError(
                f"Method {self.method} needs the residual form, because it learns a velocity "
                "(X − x)/(t − s); choose parametrisation residual, or method article.",
                "parametrisation",
            )
        if self.density_head == "on" and METHODS[self.method].clock == "start":
            raise ConfigError(
                f"Method {self.method} learns a velocity, and a density head needs a map; choose "
                "density head off, or another method.",
                "density_head",
            )
        if not self.source.strip():
            raise ConfigError(f"Source is empty; give {NORMAL}, a name or a file.", "source")
        if not self.target.strip():
            raise ConfigError("Target is empty; give a name, a point file or a picture.", "target")

    @property
    def needs_teacher(self) -> bool:
        """Whether the run trains a flow-matching teacher before the map."""
        return METHODS[self.method].learns_from_teacher or self.coupling == "reflow"

    @property
    def two_time(self) -> bool:
        """Whether the network is told both times, so that its maps compose exactly."""
        return METHODS[self.method].clock == "both"

    @property
    def outputs(self) -> int:
        """Vectors that the network gives: 1, or 2 where it learns the score beside a velocity."""
        return 2 if METHODS[self.method].has_score else 1

    @property
    def diffusion(self) -> float:
        """σ of the Brownian bridges, √(ε/2), in normalised units.

        Sinkhorn's plan of ⟨P, |x0 − x1|²⟩ + ε Σ P log P is the Schrödinger bridge's for σ² = ε/2:
        entropic transport with the cost |x0 − x1|²/2 and entropy σ².
        """
        return math.sqrt(self.entropy / 2)

    def replace(self, **changes: Any) -> RunConfig:
        """A copy with some fields changed, checked again.

        Raises:
            ConfigError: As for the constructor.
        """
        return dataclasses.replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        """Plain values by field name, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunConfig:
        """The config that `as_dict` wrote; fields that did not exist then are as they were meant.

        Raises:
            ConfigError: A field is unknown or its value is not allowed.
        """
        unknown = sorted(set(values) - set(settings()))
        if unknown:
            raise ConfigError(f"Unknown setting {unknown[0]!r}; remove it or update the program.")
        return cls(**{**EARLIER, **values})


@cache
def settings() -> Mapping[str, Setting]:
    """The description of every field of `RunConfig`, in the order of the form."""
    return MappingProxyType({f.name: f.metadata["setting"] for f in fields(RunConfig)})


@cache
def defaults() -> Mapping[str, Any]:
    """The default value of every field of `RunConfig`."""
    return MappingProxyType({f.name: f.default for f in fields(RunConfig)})


@cache
def types() -> Mapping[str, type]:
    """The type of every field of `RunConfig`: int, float or str."""
    return MappingProxyType(typing.get_type_hints(RunConfig))
