"""The Schrödinger bridge against its closed forms: one pair, and Gaussians.

From N(0, I) to N(μ, Σ) with σ² = ε/2 the entropic plan is Gaussian with the covariance
C = ½((4Σ + σ⁴)^½ − σ²) between x0 and x1 (Janati et al. 2020, "Entropic optimal transport between
unbalanced Gaussian measures has a closed form"), and the marginals are Gaussian with the covariance
P_t = (1 − t)² + t² Σ + t(1 − t)(2C + σ²) (Bunne et al. 2023).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.couplings import entropic_partners
from flowmap_studio.core.errors import DataError
from flowmap_studio.core.flow_map import BridgeMap, build_flow_map
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.objectives import Batch, objective
from flowmap_studio.core.odes import solve
from flowmap_studio.core.run import Run
from flowmap_studio.core.samplers import even_times
from flowmap_studio.core.sde import diffused, euler_maruyama
from flowmap_studio.core.stages import plan

SIGMA = 0.8
CONFIG = RunConfig(method="schrodinger-bridge", coupling="sinkhorn", entropy=2 * SIGMA**2)


class ExactBridge(BridgeMap):
    """A bridge whose heads are known: `heads(x, t)` of a pair or of Gaussians."""

    def __init__(self, heads: Any) -> None:
        super().__init__(nn.Identity(), CONFIG.diffusion)
        self._heads = heads

    def heads(self, x: torch.Tensor, t: torch.Tensor, cond: Any = None) -> Any:
        return self._heads(x, t)


class GaussianBridge:
    """The closed form, in the axes of Σ, where all matrices are diagonal."""

    def __init__(self, gaussian: Any, sigma: float) -> None:
        self.gaussian, self.sigma = gaussian, sigma
        spectrum = gaussian.spectrum
        self.joint = 0.5 * ((4 * spectrum + sigma**4).sqrt() - sigma**2)

    def variance(self, t: torch.Tensor) -> torch.Tensor:
        widths = self.gaussian.variance_at(t)
        return widths + t * (1 - t) * (2 * self.joint + self.sigma**2)

    def covariance(self, t: float) -> torch.Tensor:
        axes = self.gaussian.axes
        return axes @ torch.diag(self.variance(torch.tensor(t).double())) @ axes.T

    def heads(self, x: torch.Tensor, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        gaussian = self.gaussian
        place = (x.double() - t * gaussian.mean) @ gaussian.axes / self.variance(t.double())
        slope = t * gaussian.spectrum - (1 - t) + (1 - 2 * t) * self.joint
        drift = gaussian.mean + (slope * place) @ gaussian.axes.T
        return drift, -place @ gaussian.axes.T

    def pairs(self, count: int, draw: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draws of the entropic plan."""
        x0, z = torch.randn(2, count, self.gaussian.dim, generator=draw).double()
        rest = (self.gaussian.spectrum - self.joint**2).sqrt()
        x1 = (self.joint * (x0 @ self.gaussian.axes) + rest * z) @ self.gaussian.axes.T
        return x0, x1 + self.gaussian.mean


def moments_are(points: torch.Tensor, bridge: GaussianBridge, t: float, within: float) -> None:
    """Mean and covariance are those of the marginal at t, in units of the data's variance."""
    wide = points.double()
    spread = bridge.gaussian.spread()
    off = (wide.mean(dim=0) - t * bridge.gaussian.mean).norm() / spread
    apart = (torch.cov(wide.T) - bridge.covariance(t)).norm() / spread**2
    assert float(off) < within, ("mean", t, float(off))
    assert float(apart) < within, ("covariance", t, float(apart))


def test_one_pair_is_a_brownian_bridge() -> None:
    start, end = torch.tensor([[0.5, -1.0]]).double(), torch.tensor([[2.0, 1.0]]).double()
    sigma = CONFIG.diffusion
    assert sigma == pytest.approx(SIGMA)

    def heads(x: torch.Tensor, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        middle = (1 - t) * start + t * end
        return (end - start).expand(len(x), 2), -(x - middle) / (sigma**2 * t * (1 - t))

    bridge = ExactBridge(heads)
    draw = torch.Generator().manual_seed(0)
    uniforms = torch.rand(500, 3, generator=draw).double().clamp(0.001, 0.999)
    noise = torch.randn(500, 2, generator=draw).double()
    batch = Batch(start.expand(500, 2), end.expand(500, 2), uniforms, bridge=noise)
    terms = objective(CONFIG.method)(bridge, batch, CONFIG)
    assert float(terms.match) == pytest.approx(0, abs=1e-24)
    assert float(terms.score) == pytest.approx(0, abs=1e-20)
    assert terms.consistency is None
    assert terms.identity is None
    worse = ExactBridge(lambda x, t: (heads(x, t)[0], heads(x, t)[1] + 0.1))
    assert float(objective(CONFIG.method)(worse, batch, CONFIG).total(CONFIG)) > 1e-4

    t, x = uniforms[:, :1], noise
    middle = (1 - t) * start + t * end
    known = (1 - 2 * t) / (2 * t * (1 - t)) * (x - middle) + end - start  # [SF]²M, their (8)
    torch.testing.assert_close(bridge.velocity(x, t), known)
    torch.testing.assert_close(bridge.sde_drift(x, t), (end - x) / (1 - t))


def test_closed_form_is_the_minimiser_and_its_velocity_moves_the_marginals(gaussian: Any) -> None:
    exact = GaussianBridge(gaussian, CONFIG.diffusion)
    draw = torch.Generator().manual_seed(1)
    x0, x1 = exact.pairs(20_000, draw)
    uniforms = torch.rand(20_000, 3, generator=draw).double()
    noise = torch.randn(x0.shape, generator=draw).double()
    batch = Batch(x0, x1, uniforms, bridge=noise)

    def total(change: Any) -> float:
        bridge = ExactBridge(lambda x, t: change(*exact.heads(x, t), x, t))
        return float(objective(CONFIG.method)(bridge, batch, CONFIG).total(CONFIG))

    best = total(lambda drift, score, _x, _t: (drift, score))
    worse = [
        total(lambda drift, score, _x, _t: (drift + 0.1, score)),
        total(lambda drift, score, _x, _t: (1.1 * drift, score)),
        total(lambda drift, score, x, _t: (drift + 0.1 * x, score)),
        total(lambda drift, score, _x, _t: (drift, 1.15 * score)),
        total(lambda drift, score, _x, _t: (drift, 0.85 * score)),
        total(lambda drift, score, x, t: (drift, score + 0.2 * torch.sin(3 * x) * t)),
    ]
    assert min(worse) > best, (best, worse)
    # v = μ + ½ P_t' P_t⁻¹ (x − tμ), whatever the heads are made of.
    t = torch.full((200, 1), 0.3).double()
    step = 1e-4
    rate = (exact.variance(t + step) - exact.variance(t - step)) / (2 * step)
    place = (x0[:200] - t * gaussian.mean) @ gaussian.axes
    expected = gaussian.mean + (0.5 * rate / exact.variance(t) * place) @ gaussian.axes.T
    torch.testing.assert_close(ExactBridge(exact.heads).velocity(x0[:200], t), expected)


def test_ode_and_sde_have_the_closed_forms_marginals(plane_gaussian: Any) -> None:
    exact = GaussianBridge(plane_gaussian, CONFIG.diffusion)
    bridge = ExactBridge(exact.heads)
    draw = torch.Generator().manual_seed(2)
    noise = torch.randn(20_000, 2, generator=draw).double()
    for t in (0.5, 1.0):
        times = even_times(0.0, t, 40)
        moments_are(solve(bridge.velocity, noise, times).states[-1], exact, t, within=0.05)
        ways = euler_maruyama(bridge.sde_drift, bridge.sigma, noise, times, draw)
        moments_are(ways, exact, t, within=0.08)


def test_random_ways_have_the_plans_correlation(plane_gaussian: Any) -> None:
    exact = GaussianBridge(plane_gaussian, CONFIG.diffusion)
    bridge = ExactBridge(exact.heads)
    draw = torch.Generator().manual_seed(3)
    noise = torch.randn(20_000, 2, generator=draw).double()
    ends = euler_maruyama(bridge.sde_drift, bridge.sigma, noise, even_times(0.0, 1.0, 80), draw)
    across = noise.T @ (ends - ends.mean(dim=0)) / len(noise)
    expected = plane_gaussian.axes @ torch.diag(exact.joint) @ plane_gaussian.axes.T
    assert float((across - expected).abs().max()) < 0.05


def test_sinkhorns_entropy_is_twice_the_diffusions_square(plane_gaussian: Any) -> None:
    exact = GaussianBridge(plane_gaussian, CONFIG.diffusion)
    draw = torch.Generator().manual_seed(4)
    found = []
    for _ in range(8):
        x0 = torch.randn(512, 2, generator=draw)
        x1 = plane_gaussian.sample(512, draw)
        x1 = x1[entropic_partners(x0, x1, CONFIG.entropy, draw)]
        found.append(x0.T.double() @ (x1.double() - plane_gaussian.mean) / 512)
    across = plane_gaussian.axes.T @ torch.stack(found).mean(dim=0) @ plane_gaussian.axes
    torch.testing.assert_close(across.diagonal(), exact.joint, rtol=0.1, atol=0.03)
    # Another tie of ε to σ would be seen.
    for factor in (0.5, 2.0):
        other = GaussianBridge(plane_gaussian, CONFIG.diffusion * factor**0.5).joint
        assert float((across.diagonal() - other).abs().max()) > 0.08


@pytest.fixture(scope="module")
def trained(plane_gaussian: Any) -> Any:
    """A short run on a Gaussian with the diffusion of `CONFIG`, and its closed form."""
    config = CONFIG.replace(
        target="gaussian",
        normalisation="none",
        hidden_dim=64,
        time_embed_dim=32,
        position_features=0,
        batch_size=256,
        steps=400,
        learning_rate=3e-3,
        ema_decay=0.98,
        device="cpu",
    )
    run = Run(config, plane_gaussian)
    rows = np.concatenate([progress.losses for progress in run.run()])
    return LoadedMap(run.snapshot()), GaussianBridge(plane_gaussian, SIGMA), rows


def test_training_ends_at_the_closed_forms_marginals(trained: Any) -> None:
    loaded, exact, _ = trained
    noise = loaded.noise(8000, 5)
    for t in (0.5, 1.0):
        with torch.inference_mode():
            by_ode = solve(loaded.flow_map.velocity, noise, even_times(0.0, t, 20)).states[-1]
        moments_are(by_ode, exact, t, within=0.25)
        by_sde = torch.from_numpy(diffused(loaded, noise, t, 50, seed=6))
        moments_are(by_sde, exact, t, within=0.25)


def test_losses_of_a_run(trained: Any) -> None:
    rows = trained[2]
    match, consistency, identity, total, score = rows.T[:5]
    assert np.isnan(consistency).all()
    assert np.isnan(identity).all()
    np.testing.assert_allclose(total, match + score, rtol=1e-5)
    assert score[-100:].mean() < score[:20].mean()


def test_random_ways_are_of_their_seed(trained: Any) -> None:
    loaded = trained[0]
    noise = loaded.noise(100, 5)
    one, same, other = (diffused(loaded, noise, 1.0, 5, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_only_a_bridge_has_random_ways() -> None:
    config = RunConfig(method="flow-matching", hidden_dim=4, time_embed_dim=4, steps=1)
    run = Run(config.replace(device="cpu", batch_size=8, ot_batch=8), _moons())
    loaded = LoadedMap(run.snapshot())
    with pytest.raises(DataError, match="schrodinger-bridge"):
        diffused(loaded, loaded.noise(3, 0), 1.0, 2, seed=0)
    batch = Batch(torch.zeros(4, 2), torch.zeros(4, 2), torch.rand(4, 3))
    with pytest.raises(ValueError, match="score"):
        objective(CONFIG.method)(build_flow_map(CONFIG, 2), batch, CONFIG)


def test_reflow_pairs_do_not_lend_a_velocitys_weights_to_a_bridge() -> None:
    config = CONFIG.replace(
        coupling="reflow", hidden_dim=8, time_embed_dim=4, steps=6, batch_size=16, device="cpu"
    )
    assert not plan(config)[1].warm
    run = Run(config, _moons())
    assert len(np.concatenate([progress.losses for progress in run.run()])) == 6


def _moons() -> Any:
    from flowmap_studio.core.targets import SHAPES

    return SHAPES["moons"]
