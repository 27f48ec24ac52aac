"""Probes of maps that are built exactly give what is known in closed form."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from flowmap_studio.core import probes
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.draws import Draws
from flowmap_studio.core.errors import DataError
from flowmap_studio.core.flow_map import FlowMap
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.probes.density import log_density
from flowmap_studio.core.probes.flow import Flow
from flowmap_studio.core.probes.jacobian import forward_jacobian, reverse_jacobian
from flowmap_studio.core.run import Run
from flowmap_studio.core.targets import open_target

Raw = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, Any], torch.Tensor]
METHODS = {"both": "semigroup", "elapsed": "article", "start": "flow-matching"}
SCALES = (3.0, 0.5, 2.0, 1.5)


class Formula(torch.nn.Module):
    """A network that is a formula of x, s, t and the class."""

    def __init__(self, clock: str, raw: Raw) -> None:
        super().__init__()
        self.clock, self.raw = clock, raw

    def forward(self, x: torch.Tensor, times: torch.Tensor, cond: Any = None) -> torch.Tensor:
        first, last = times[:, :1], times[:, -1:]
        s = torch.zeros_like(first) if self.clock == "elapsed" else first
        t = {"both": first + last, "elapsed": first, "start": first}[self.clock]
        return self.raw(x, s, t, cond).to(x)


@pytest.fixture
def build(small_config: RunConfig) -> Callable[..., LoadedMap]:
    """Makes a loaded map of a formula for the mean velocity of a jump."""

    def build(
        raw: Raw, clock: str = "both", dim: int = 2, source: str = "normal", **parts: Any
    ) -> LoadedMap:
        config = small_config.replace(method=METHODS[clock], source=source)
        units = Normalisation(tuple(range(1, dim + 1)), SCALES[:dim])
        points = np.random.default_rng(1).normal(size=(400, 2))
        trainer = Run(config, open_target("moons"))
        snapshot = trainer.snapshot()
        loaded = LoadedMap(snapshot)
        changes = {"data": units.undo(np.tile(points, dim // 2)), **parts}
        loaded.draws = Draws(dataclasses.replace(snapshot, normalisation=units, **changes))
        loaded.flow_map = FlowMap(Formula(clock, raw), clock=clock, residual=True)  # type: ignore[arg-type]
        return loaded

    return build


def straight(gaussian: Any) -> Raw:
    """The optimal map of a Gaussian: along straight lines, so one formula for every clock."""

    def raw(x: torch.Tensor, s: torch.Tensor, t: torch.Tensor, cond: Any) -> torch.Tensor:
        roots = gaussian.spectrum.sqrt()
        centred = (x.double() - s * gaussian.mean) @ gaussian.axes
        return gaussian.mean + (centred * (roots - 1) / (1 - s + s * roots)) @ gaussian.axes.T

    return raw


def bent(gaussian: Any) -> Raw:
    """The map of independent pairs, (X_{s,t}(x) − x)/(t − s); the velocity on the diagonal."""

    def raw(x: torch.Tensor, s: torch.Tensor, t: torch.Tensor, cond: Any) -> torch.Tensor:
        same = s == t
        jump = gaussian.independent(x, s, t) - x
        mean = jump / torch.where(same, torch.ones_like(t), t - s)
        return torch.where(same, gaussian.independent_velocity(x, s), mean)

    return raw


def truth(loaded: LoadedMap, gaussian: Any, t: float, optimal: bool) -> Any:
    """The density at time t, in data units."""
    units = loaded.snapshot.normalisation
    widths = (1 - t + t * gaussian.spectrum.sqrt()) ** 2
    variance = widths if optimal else gaussian.variance_at(torch.tensor(t))
    covariance = gaussian.axes @ torch.diag(variance) @ gaussian.axes.T
    scale = np.array(units.scale)
    mean = np.array(units.shift) + scale * t * gaussian.mean.numpy()
    return multivariate_normal(mean, scale[:, None] * covariance.numpy() * scale)


def drawn(density: Any, count: int = 40) -> np.ndarray:
    return np.asarray(density.rvs(count, random_state=np.random.default_rng(3)))


# Log-likelihood


@pytest.mark.parametrize("t", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("clock", ["both", "elapsed", "start"])
def test_log_density_of_the_optimal_map(build: Any, gaussian: Any, clock: str, t: float) -> None:
    loaded = build(straight(gaussian), clock, gaussian.dim)
    density = truth(loaded, gaussian, t, optimal=True)
    points = drawn(density)
    found = log_density(loaded, points, t)
    np.testing.assert_allclose(found.nats, density.logpdf(points), atol=1e-6)
    assert not found.folded.any()


@pytest.mark.parametrize("clock", ["both", "start"])
def test_log_density_with_independent_pairs(build: Any, gaussian: Any, clock: str) -> None:
    loaded = build(bent(gaussian), clock, gaussian.dim)
    density = truth(loaded, gaussian, 1.0, optimal=False)
    points = drawn(density)
    limit = 1e-6 if clock == "both" else 1e-5  # of an ODE as well as it is solved
    np.testing.assert_allclose(log_density(loaded, points).nats, density.logpdf(points), atol=limit)


def test_log_density_of_a_conditional_map(build: Any) -> None:
    """Classes are shifted by their centres: a label gives one Gaussian, none their mixture."""
    centres = torch.tensor([[-2.0, 0.0], [1.0, 3.0]], dtype=torch.float64)
    classes = {"classes": ("left", "right"), "labels": np.array([0, 1, 1, 1])}
    loaded = build(lambda x, s, t, cond: x * 0 + cond @ centres, "both", **classes)
    units = loaded.snapshot.normalisation
    means = np.array(units.shift) + centres.numpy() * units.scale
    single = [multivariate_normal(mean, np.diag(np.square(units.scale))) for mean in means]
    points = np.concatenate([drawn(one, 10) for one in single])
    known = [one.logpdf(points) for one in single]
    for label, expected in zip(classes["classes"], known, strict=True):
        np.testing.assert_allclose(
            log_density(loaded, points, label=label).nats, expected, atol=1e-6
        )
    mixed = logsumexp([known[0] + np.log(0.25), known[1] + np.log(0.75)], axis=0)
    np.testing.assert_allclose(log_density(loaded, points).nats, mixed, atol=1e-6)
    with pytest.raises(DataError, match="no class 'middle'"):
        log_density(loaded, points, label="middle")


def test_log_density_from_a_gaussian_source(build: Any) -> None:
    """The identity map keeps the source's density, whatever the units of the map are."""
    loaded = build(lambda x, s, t, cond: x * 0, source="gaussian")
    root = np.array([[1.0, 0.4], [0.4, 0.6]])
    density = multivariate_normal([1.0, -0.5], root @ root)
    points = drawn(density)
    np.testing.assert_allclose(log_density(loaded, points).nats, density.logpdf(points), atol=1e-6)


def test_a_source_of_unknown_density_is_refused(build: Any) -> None:
    loaded = build(lambda x, s, t, cond: x * 0, source="8gaussians")
    with pytest.raises(DataError, match="starts from 8gaussians, whose density is not known"):
        log_density(loaded, np.zeros((3, 2)))


def test_too_many_axes_are_refused(build: Any) -> None:
    loaded = build(lambda x, s, t, cond: x * 0)
    wide = Normalisation((0.0,) * 65, (1.0,) * 65)
    loaded.draws = Draws(dataclasses.replace(loaded.snapshot, normalisation=wide))
    points = np.zeros((3, 65))
    for probe in (
        lambda: log_density(loaded, points),
        lambda: probes.invert(loaded, points, 0.0, 1.0),
        lambda: probes.area_change(loaded, points, 0.0, 1.0),
    ):
        with pytest.raises(DataError, match="for up to 64 axes; this map has 65"):
            probe()
    assert probes.fold_share(loaded) is None


# Inverse


@pytest.mark.parametrize(("s", "t"), [(0.0, 1.0), (0.2, 0.7), (0.9, 0.3), (0.5, 0.5)])
@pytest.mark.parametrize("clock", ["both", "start"])
def test_inverse_is_the_known_one(
    build: Any, gaussian: Any, clock: str, s: float, t: float
) -> None:
    loaded = build(bent(gaussian), clock, gaussian.dim)
    units = loaded.snapshot.normalisation
    start = torch.randn(30, gaussian.dim, dtype=torch.float64)
    column = torch.ones(30, 1, dtype=torch.float64)
    end = gaussian.independent(start, s * column, t * column)
    shift, scale = np.array(units.shift), np.array(units.scale)
    found = probes.invert(loaded, shift + scale * end.numpy(), s, t)
    assert found.converged.all()
    assert found.error.max() < 1e-5
    np.testing.assert_allclose(found.points, shift + scale * start.numpy(), atol=1e-5)


def test_round_trip_of_a_trained_map(small_config: RunConfig) -> None:
    for method in ("semigroup", "article", "flow-matching"):
        config = small_config.replace(method=method, steps=100, learning_rate=0.02)
        run = Run(config, open_target("moons"))
        list(run.run())
        loaded = LoadedMap(run.snapshot())
        noise = loaded.source(300, 5)
        flow = Flow.of(loaded)
        with torch.no_grad():
            end = flow.in_data_units(flow(flow.normalised(noise), 0.0, 1.0))
        found = probes.invert(loaded, end, 0.0, 1.0)
        assert found.converged.all()
        with torch.no_grad():
            again = flow.in_data_units(flow(flow.normalised(found.points), 0.0, 1.0))
        np.testing.assert_allclose(again, end, atol=1e-6)
        if method != "flow-matching":
            np.testing.assert_allclose(loaded.carry(found.points, 0, 1, 1), end, atol=1e-3)


def test_a_point_out_of_reach_is_told(build: Any) -> None:
    """X_{0,1} = 2 tanh(x): nothing arrives beyond 2."""
    loaded = build(lambda x, s, t, cond: 2 * torch.tanh(x) - x, "elapsed")
    units = loaded.snapshot.normalisation
    points = units.undo(np.array([[0.5, -1.5], [3.0, 0.0]]))
    found = probes.invert(loaded, points, 0.0, 1.0)
    assert found.converged.tolist() == [True, False]
    assert found.error[1] == pytest.approx(1, abs=0.05)
    nats = log_density(loaded, points).nats
    z = np.arctanh([0.25, -0.75])
    slope = 2 * (1 - np.tanh(z) ** 2) * np.array(units.scale)
    exact = -0.5 * (z @ z) - np.log(2 * np.pi) - np.log(slope).sum()
    assert nats[0] == pytest.approx(exact, abs=1e-5)
    assert np.isnan(nats[1])
    velocity = probes.map_velocity(loaded, points, 1.0)
    assert np.isnan(velocity[1]).all()
    paths = probes.trajectories(loaded, points, [0.0, 1.0], at=1.0)
    assert paths.converged.tolist() == [True, False]


# Jacobian and folds


@pytest.mark.parametrize("clock", ["both", "elapsed", "start"])
def test_determinant_against_finite_differences(small_config: RunConfig, clock: str) -> None:
    config = small_config.replace(method=METHODS[clock], steps=60, learning_rate=0.02)
    run = Run(config, open_target("spiral"))
    list(run.run())
    loaded = LoadedMap(run.snapshot())
    points = loaded.source(20, 1)
    flow, h = Flow.of(loaded), 1e-5
    x = flow.normalised(points)
    s = 0.0 if clock == "elapsed" else 0.25
    with torch.no_grad():
        columns = [
            (flow(x + h * e, s, 0.8) - flow(x - h * e, s, 0.8)) / (2 * h)
            for e in torch.eye(2, dtype=torch.float64)
        ]
    expected = torch.linalg.det(torch.stack(columns, dim=2))
    found = probes.area_change(loaded, points, s, 0.8)
    np.testing.assert_allclose(found.determinant, expected, rtol=1e-6)


def test_forward_and_reverse_mode_agree() -> None:
    def function(x: torch.Tensor) -> torch.Tensor:
        return torch.stack([x[:, 0] * x[:, 1], x[:, 0].exp(), x[:, 2] - x[:, 0] ** 3], dim=1)

    x = torch.randn(5, 3, dtype=torch.float64)
    with torch.no_grad():
        forward, reverse = forward_jacobian(function, x), reverse_jacobian(function, x)
    torch.testing.assert_close(forward, reverse)
    assert reverse[1][0, 0].tolist() == pytest.approx([float(x[0, 1]), float(x[0, 0]), 0])


def folding(x: torch.Tensor, s: torch.Tensor, t: torch.Tensor, cond: Any) -> torch.Tensor:
    """X_{0,t}: the first axis goes to x + 2t sin x, which turns back once 2t cos x < −1."""
    return torch.stack([2 * torch.sin(x[:, 0]), 0 * x[:, 1]], dim=1)


def test_folds_are_marked(build: Any) -> None:
    loaded = build(folding, "elapsed")
    noise = loaded.noise(4000, 3).numpy()
    points = loaded.snapshot.normalisation.undo(noise)
    for t in (0.4, 1.0):
        found = probes.area_change(loaded, points, 0.0, t)
        exact = 1 + 2 * t * np.cos(noise[:, 0])
        np.testing.assert_allclose(found.determinant, exact, atol=1e-5)
        sure = np.abs(exact) > 1e-4
        np.testing.assert_array_equal(found.folded[sure], exact[sure] < 0)
        assert found.share == found.folded.mean()
    # |x| > 2π/3 folds: of a normal's mass 3.6 %.
    assert probes.fold_share(loaded, 20_000) == pytest.approx(0.0362, abs=0.005)
    units = loaded.snapshot.normalisation
    turned = units.undo(np.array([[np.pi, 0.0], [0.0, 1.0]]))
    ends = loaded.carry(turned, 0, 1, 1)
    back = probes.invert(loaded, ends, 0.0, 1.0)
    assert back.converged.all()  # to one of three places
    np.testing.assert_allclose(loaded.carry(back.points, 0, 1, 1), ends, atol=1e-5)


def test_flows_of_a_velocity_do_not_fold(build: Any) -> None:
    assert probes.fold_share(build(folding, "start")) is None
    loaded = build(folding, "both")
    assert probes.fold_share(loaded) > 0
    steep = build(lambda x, s, t, cond: 9 * folding(x, s, t, cond), "start")
    points = steep.source(200, 1)
    assert probes.area_change(steep, points, 0.0, 0.5).share == 0


# Velocity, semigroup, paths


@pytest.mark.parametrize("clock", ["both", "elapsed", "start"])
def test_velocity_from_the_map(build: Any, plane_gaussian: Any, clock: str) -> None:
    loaded = build(straight(plane_gaussian), clock)
    units = loaded.snapshot.normalisation
    x, t = torch.randn(30, 2, dtype=torch.float64), 0.7
    column = torch.full((30, 1), t, dtype=torch.float64)
    exact = straight(plane_gaussian)(x, column, column, None).numpy() * units.scale
    points = np.array(units.shift) + x.numpy() * units.scale
    np.testing.assert_allclose(probes.map_velocity(loaded, points, t), exact, atol=1e-6)


def test_semigroup_residual_of_exact_flows_is_zero(build: Any, gaussian: Any) -> None:
    times = [0.0, 0.3, 0.6, 1.0]
    later = np.triu(np.ones((4, 4), bool), 1)
    for clock, limit in (("both", 1e-12), ("start", 1e-6)):
        found = probes.semigroup_residual(build(bent(gaussian), clock, gaussian.dim), times, 100)
        assert np.isnan(found[~later]).all()
        assert found[later].max() < limit


def test_semigroup_residual_of_the_articles_composition_is_its_drift(
    build: Any, plane_gaussian: Any
) -> None:
    """φ_t(x) = x + t (μ + (Σ^½ − 1) x): φ_a ∘ φ_a − φ_2a = a² (Σ^½ − 1)(μ + (Σ^½ − 1) x)."""
    gaussian = plane_gaussian
    loaded = build(straight(gaussian), "elapsed")
    found = probes.semigroup_residual(loaded, [0.0, 0.5, 1.0], 4000)
    flow, a = Flow.of(loaded), 0.5
    x = loaded.noise(4000, probes.residual.SEED).double()
    less_one = gaussian.root - torch.eye(2, dtype=torch.float64)
    gap = a**2 * (gaussian.mean + x @ less_one) @ less_one
    spread = flow.normalised(loaded.snapshot.data).var(dim=0).mean().sqrt()
    assert found[0, 2] == pytest.approx(float(gap.square().mean().sqrt() / spread), rel=1e-6)
    assert found[0, 2] > 0.01


@pytest.mark.parametrize("clock", ["both", "elapsed", "start"])
def test_path_energy_of_a_translation_is_its_squared_length(build: Any, clock: str) -> None:
    way = torch.tensor([3.0, 4.0], dtype=torch.float64)
    scale = torch.tensor(SCALES[:2], dtype=torch.float64)
    loaded = build(lambda x, s, t, cond: x * 0 + way / scale, clock)
    energy = probes.path_energy(loaded, loaded.source(50, 1))
    np.testing.assert_allclose(energy, 25.0, rtol=1e-9)


def test_path_energy_of_the_optimal_map_is_w2_squared(build: Any, plane_gaussian: Any) -> None:
    """W2² between N(0, I) and N(μ, Σ), in units where the scales are one."""
    gaussian = plane_gaussian
    loaded = build(straight(gaussian))
    units = Normalisation((0.0, 0.0), (1.0, 1.0))
    loaded.draws = Draws(dataclasses.replace(loaded.snapshot, normalisation=units))
    energy = probes.path_energy(loaded, loaded.source(40_000, 1)).mean()
    roots = gaussian.spectrum.sqrt()
    exact = gaussian.mean.square().sum() + (roots - 1).square().sum()
    assert energy == pytest.approx(float(exact), rel=0.02)


@pytest.mark.parametrize("clock", ["both", "elapsed", "start"])
def test_trajectories_forth_and_back(build: Any, plane_gaussian: Any, clock: str) -> None:
    loaded = build(straight(plane_gaussian), clock)
    units = loaded.snapshot.normalisation
    times = [0.0, 0.25, 0.6, 1.0]
    noise = loaded.source(20, 2)
    forth = probes.trajectories(loaded, noise, times)
    assert forth.positions.shape == (4, 20, 2)
    x = torch.tensor((noise - np.array(units.shift)) / units.scale)
    zero = torch.zeros(20, 1, dtype=torch.float64)
    for t, found in zip(times, forth.positions, strict=True):
        exact = plane_gaussian.optimal(x, zero, zero + t).numpy() * units.scale + units.shift
        np.testing.assert_allclose(found, exact, atol=1e-5)
    again = probes.trajectories(loaded, forth.positions[2], times, at=0.6)
    assert again.converged.all()
    np.testing.assert_allclose(again.positions, forth.positions, atol=1e-5)


# What is carried


@pytest.mark.parametrize("clock", ["both", "elapsed"])
def test_the_velocity_where_a_map_carries_its_noise(build: Any, clock: str) -> None:
    """X_{0,t}(x) = x + t (1 + t) x, so that it moves with (1 + 2 t) x there."""
    loaded = build(lambda x, s, t, cond: (1 + t) * x, clock)
    units = loaded.snapshot.normalisation
    noise = np.array([[0.5, -1.0], [2.0, 0.25]])
    found = probes.carried_velocity(loaded, units.undo(noise), 0.5)
    np.testing.assert_allclose(found.places, units.undo(1.75 * noise), atol=1e-6)
    np.testing.assert_allclose(found.velocity, 2 * noise * np.array(units.scale), atol=1e-6)


def test_a_velocity_is_not_carried(build: Any) -> None:
    loaded = build(lambda x, s, t, cond: x, "start")
    with pytest.raises(ValueError, match="map_velocity"):
        probes.carried_velocity(loaded, loaded.source(3, 0), 0.5)


def test_the_lattice_and_the_density_of_the_source(build: Any) -> None:
    loaded = build(lambda x, s, t, cond: 0 * x)
    lattice = probes.source_lattice(loaded, 5, 2.0)
    units = loaded.snapshot.normalisation
    shift, scale = np.array(units.shift), np.array(units.scale)
    np.testing.assert_allclose(lattice[0, 0], shift - 2 * scale)
    np.testing.assert_allclose(lattice[0, 4], shift + [2, -2] * scale)
    np.testing.assert_allclose(lattice[2, 2], shift)
    points = lattice.reshape(-1, 2)
    exact = multivariate_normal(shift, np.diag(scale**2)).logpdf(points)
    np.testing.assert_allclose(probes.source_log_density(loaded, points), exact)
