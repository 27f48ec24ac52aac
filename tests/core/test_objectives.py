"""The objectives' exact optima, time rules and gradients, without training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flow_map import FlowMap, build_flow_map
from flowmap_studio.core.interpolants import interpolant_velocity, interpolate
from flowmap_studio.core.methods import METHODS, term_states
from flowmap_studio.core.objectives import Batch, Passage, objective
from flowmap_studio.core.objectives.article import composition_times
from flowmap_studio.core.objectives.eulerian import advected_velocity
from flowmap_studio.core.objectives.lagrangian import end_and_slope
from flowmap_studio.core.objectives.two_time import diagonal_rows, draw_two_times

Move = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


class StubMap:
    """A known map in place of a trained one, with what objectives use of a `FlowMap`."""

    def __init__(self, forward: Move, raw: Move | None = None, *, residual: bool = True) -> None:
        self._forward = forward
        self._raw = raw
        self.residual = residual

    def raw(self, x: torch.Tensor, s: torch.Tensor, t: torch.Tensor, _cond: None) -> torch.Tensor:
        return self._raw(x, s, t)

    def __call__(
        self, x: torch.Tensor, s: torch.Tensor, t: torch.Tensor, _cond: None = None
    ) -> torch.Tensor:
        return self._forward(x, s, t)


def draw_batch(target: Any, count: int = 20_000) -> Batch:
    draw = torch.Generator().manual_seed(3)
    x1 = target.sample(count, draw).double()
    x0 = torch.randn(count, target.dim, generator=draw).double()
    return Batch(x0, x1, torch.rand(count, 3, generator=draw).double())


def mean_velocity_map(target: Any, extra: Move | None = None) -> StubMap:
    """The exact two-time map of a Gaussian with independent pairs, plus a disturbance."""

    def raw(x: torch.Tensor, s: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        span = t - s
        safe = torch.where(span == 0, torch.ones_like(span), span)
        mean = (target.independent(x, s, t) - x) / safe
        exact = torch.where(span == 0, target.independent_velocity(x, s), mean)
        return exact if extra is None else exact + extra(x, s, t)

    return StubMap(lambda x, s, t: x + (t - s) * raw(x, s, t), raw)


def test_interpolant_has_exact_ends_and_its_slope_is_the_velocity() -> None:
    x0, x1 = torch.randn(2, 50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    t = torch.linspace(0, 0.9, 50, dtype=torch.float64)[:, None]
    assert torch.equal(interpolate(x0, x1, 0 * t), x0)
    assert torch.equal(interpolate(x0, x1, 0 * t + 1), x1)
    slope = (interpolate(x0, x1, t + 0.1) - interpolate(x0, x1, t)) / 0.1
    torch.testing.assert_close(slope, interpolant_velocity(x0, x1))


@pytest.mark.parametrize("method", list(METHODS))
def test_every_method_of_the_registry_has_an_objective(method: str) -> None:
    config = RunConfig(method=method, hidden_dim=8, time_embed_dim=4)
    draw = torch.Generator().manual_seed(0)
    batch = Batch(torch.randn(16, 2), torch.randn(16, 2), torch.rand(16, 3, generator=draw))
    s = torch.rand(16, 1, generator=draw) / 2
    passage = Passage(s, s + 0.5, batch.x0, batch.x1)
    batch = batch._replace(passage=passage, bridge=torch.randn(16, 2, generator=draw))
    terms = objective(method)(build_flow_map(config, 2), batch, config)
    states = term_states(method, config.parametrisation)
    assert (terms.consistency is not None) == (states["consistency"] == "live")
    assert (terms.identity is not None) == (states["identity"] == "live")
    assert terms.match.requires_grad


# The article's method


def test_article_match_is_least_at_the_mean_map_with_independent_pairs(gaussian: Any) -> None:
    batch, config = draw_batch(gaussian), RunConfig(method="article")

    def match(forward: Move) -> float:
        return float(objective("article")(StubMap(forward), batch, config).match)

    mean = gaussian.mean
    best = match(lambda x, _s, t: (1 - t) * x + t * mean)
    # E t² tr Σ / dim: what is left is the spread of the data about its mean.
    assert best == pytest.approx(float(gaussian.spectrum.mean()) / 3, rel=0.04)
    others: dict[str, Move] = {
        "shifted": lambda x, _s, t: (1 - t) * x + t * (mean + 0.2),
        "wider": lambda x, _s, t: (1 - t) * x + t * mean + 0.2 * t * x,
        "narrower": lambda x, _s, t: 0.8 * (1 - t) * x + t * mean,
        "bent": lambda x, _s, t: (1 - t) * x + t * mean + 0.2 * torch.sin(3 * x) * t * (1 - t),
        "optimal": lambda x, s, t: gaussian.optimal(x, 0 * s, t),
        "exact flow": lambda x, s, t: gaussian.independent(x, 0 * s, t),
    }
    worse = {name: match(forward) for name, forward in others.items()}
    assert min(worse.values()) > best, worse


def test_article_match_is_zero_at_the_optimal_map_with_optimal_pairs(gaussian: Any) -> None:
    batch = draw_batch(gaussian)
    paired = batch._replace(x1=gaussian.mean + batch.x0 @ gaussian.root)
    stub = StubMap(lambda x, s, t: gaussian.optimal(x, 0 * s, t))
    terms = objective("article")(stub, paired, RunConfig(method="article"))
    assert float(terms.match) < 1e-24


def test_composition_term_is_zero_for_an_autonomous_flow_only() -> None:
    rate = torch.tensor([[0.2, -1.0], [0.7, -0.4]], dtype=torch.float64)

    def flow(x: torch.Tensor, s: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        turned = torch.linalg.matrix_exp((t - s)[:, :, None] * rate)
        return (turned @ x[:, :, None])[:, :, 0]

    draw = torch.Generator().manual_seed(0)
    x0 = torch.randn(500, 2, generator=draw).double()
    batch = Batch(x0, x0, torch.rand(500, 3, generator=draw).double())

    def consistency(forward: Move, rule: str) -> float:
        config = RunConfig(method="article", time_rule=rule)
        return float(objective("article")(StubMap(forward), batch, config).consistency)

    assert consistency(flow, "triangle") < 1e-24
    # Both other rules compare maps over different spans where s + u > 1.
    assert consistency(flow, "clamp") > 0.01
    assert consistency(flow, "modulo") > 0.01
    assert consistency(lambda x, s, t: flow(x, s, t) + 0.1 * (t - s) ** 2, "triangle") > 1e-4


def test_triangle_rule_is_uniform_on_the_triangle() -> None:
    a, b = torch.rand(2, 200_000, 1, generator=torch.Generator().manual_seed(1))
    s, u, joint = composition_times(a, b, "triangle")
    assert torch.equal(joint, s + u)
    assert float(joint.max()) <= 1 + 1e-6
    assert float(s.min()) >= 0
    assert float(u.min()) >= 0
    # The triangle cut in 16 by a grid of quarters: 6 whole squares and 4 halves.
    column, row = (4 * s).long(), (4 * u).long()
    shares = torch.bincount((4 * column + row).flatten(), minlength=16).view(4, 4) / len(s)
    for i in range(4):
        for j in range(4):
            expected = 2 / 16 if i + j < 3 else 1 / 16 if i + j == 3 else 0
            assert float(shares[i, j]) == pytest.approx(expected, abs=0.004), (i, j)


def test_clamp_and_modulo_rules_keep_the_draws() -> None:
    a = torch.tensor([[0.2], [0.75]])
    b = torch.tensor([[0.5], [0.5]])
    for rule, expected in (("clamp", [0.7, 1.0]), ("modulo", [0.7, 0.25])):
        s, u, joint = composition_times(a, b, rule)
        assert torch.equal(s, a)
        assert torch.equal(u, b)
        torch.testing.assert_close(joint.flatten(), torch.tensor(expected))


def articles_own_loss(model: Move, batch: Batch, config: RunConfig) -> torch.Tensor:
    """§6.2 of the article as it stands, five forwards, with the draws handed in."""
    x0, x1, (t, s, u) = batch.x0, batch.x1, batch.uniforms.split(1, dim=1)
    target = (1 - t) * x0 + t * x1
    pred = model(x0, t)
    loss_match = ((pred - target) ** 2).mean()
    mask = (s + u).clamp(max=1.0)
    phi_u = model(x0, u)
    comp = model(phi_u, s)
    direct = model(x0, mask)
    loss_cons = ((comp - direct) ** 2).mean()
    identity_loss = ((model(x0, torch.zeros_like(t)) - x0) ** 2).mean()
    return loss_match + config.lambda_cons * loss_cons + config.lambda_id * identity_loss


@pytest.mark.parametrize("form", ["residual", "free"])
def test_article_gradients_equal_the_articles_own_code(form: str, small_config: RunConfig) -> None:
    config = small_config.replace(
        method="article", parametrisation=form, time_rule="clamp", lambda_cons=0.1
    )
    batch = Batch(
        *(torch.randn(64, n, dtype=torch.float64) for n in (2, 2)), torch.rand(64, 3).double()
    )
    flow_map = build_flow_map(config, 2).double()

    def one_time(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        delta = flow_map.network(x, t)
        return x + t * delta if form == "residual" else x + delta

    plain = articles_own_loss(one_time, batch, config)
    ours = objective("article")(flow_map, batch, config).total(config)
    assert float(ours.detach()) == pytest.approx(float(plain.detach()), rel=1e-12)
    weights = list(flow_map.network.parameters())
    for mine, own in zip(
        torch.autograd.grad(ours, weights), torch.autograd.grad(plain, weights), strict=True
    ):
        torch.testing.assert_close(mine, own, rtol=1e-9, atol=1e-12)


# The semigroup method


@pytest.mark.parametrize("rule", ["midpoint", "uniform"])
def test_semigroup_term_is_zero_for_the_exact_flow(gaussian: Any, rule: str) -> None:
    batch, config = draw_batch(gaussian, 4000), RunConfig(midpoint=rule)
    exact = objective("semigroup")(mean_velocity_map(gaussian), batch, config)
    assert float(exact.consistency) < 1e-20
    wrong = mean_velocity_map(gaussian, lambda x, s, t: 0.3 * (t - s) * torch.sin(x))
    assert float(objective("semigroup")(wrong, batch, config).consistency) > 1e-4
    # The disturbance vanishes on the diagonal, which alone the match term looks at.
    assert float(objective("semigroup")(wrong, batch, config).match) == float(exact.match)


def test_semigroup_match_is_least_at_the_exact_velocity(gaussian: Any) -> None:
    batch, config = draw_batch(gaussian), RunConfig(diagonal_share=1.0)

    def match(extra: Move | None = None) -> float:
        terms = objective("semigroup")(mean_velocity_map(gaussian, extra), batch, config)
        assert terms.consistency is None
        return float(terms.match)

    best = match()
    others: list[Move] = [
        lambda x, _s, _t: 0.2 + 0 * x,
        lambda x, _s, _t: 0.15 * x,
        lambda x, _s, _t: -0.15 * x,
        lambda x, _s, t: 0.3 * torch.sin(2 * x) * (1 - t),
    ]
    assert min(match(extra) for extra in others) > best


@pytest.mark.parametrize("rule", ["midpoint", "uniform"])
def test_semigroup_gradients_equal_a_plain_row_by_row_loss(
    rule: str, small_config: RunConfig
) -> None:
    config = small_config.replace(midpoint=rule, diagonal_share=0.5)
    flow_map = build_flow_map(config, 2).double()
    batch = Batch(
        torch.randn(12, 2).double(), torch.randn(12, 2).double(), torch.rand(12, 3).double()
    )
    diagonal, rest = [], []
    for row in range(12):
        x0, x1 = batch.x0[row : row + 1], batch.x1[row : row + 1]
        a, b = (1 - (1 - batch.uniforms[row, :2].view(2, 1, 1)) ** config.time_power).unbind()
        w = batch.uniforms[row, 2].view(1, 1)
        if row < 6:
            error = flow_map.raw((1 - a) * x0 + a * x1, a, a) - (x1 - x0)
            diagonal.append((error**2).mean())
            continue
        s, t = min(a, b), max(a, b)
        u = s + (0.5 if rule == "midpoint" else w) * (t - s)
        x = (1 - s) * x0 + s * x1
        with torch.no_grad():
            jumped = flow_map(flow_map(x, s, u), u, t)
        rest.append(((flow_map.raw(x, s, t) - (jumped - x) / (t - s)) ** 2).mean())
    plain = torch.stack(diagonal).mean() + config.lambda_cons * torch.stack(rest).mean()
    ours = objective("semigroup")(flow_map, batch, config).total(config)
    weights = list(flow_map.network.parameters())
    for mine, own in zip(
        torch.autograd.grad(ours, weights), torch.autograd.grad(plain, weights), strict=True
    ):
        torch.testing.assert_close(mine, own, rtol=1e-6, atol=1e-9)


# The methods of derivatives


@pytest.mark.parametrize("method", ["lagrangian", "eulerian"])
def test_derivative_terms_are_zero_for_the_exact_flow_only(gaussian: Any, method: str) -> None:
    batch, config = draw_batch(gaussian, 4000), RunConfig(method=method)
    exact = objective(method)(mean_velocity_map(gaussian), batch, config)
    assert float(exact.consistency) < 1e-18
    wrong = mean_velocity_map(gaussian, lambda x, s, t: 0.3 * (t - s) * torch.sin(x))
    assert float(objective(method)(wrong, batch, config).consistency) > 1e-4
    assert float(objective(method)(wrong, batch, config).match) == float(exact.match)


def test_end_and_slope_equal_differences(small_config: RunConfig) -> None:
    flow_map = _far_from_start(build_flow_map(small_config, 2).double())
    x, s = torch.randn(20, 2).double(), torch.rand(20, 1).double() * 0.4
    t, step = s + 0.3, 1e-6
    reached, slope = end_and_slope(flow_map, x, s, t)
    with torch.no_grad():
        ahead, behind = flow_map(x, s, t + step), flow_map(x, s, t - step)
        torch.testing.assert_close(reached, flow_map(x, s, t))
    torch.testing.assert_close(slope, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-6)


def test_advected_velocity_equals_differences(small_config: RunConfig) -> None:
    flow_map = _far_from_start(build_flow_map(small_config, 2).double())
    x, s = torch.randn(20, 2).double(), torch.rand(20, 1).double() * 0.4
    t, step = s + 0.5, 1e-6
    with torch.no_grad():
        v = flow_map.raw(x, s, s)
        ahead = flow_map.raw(x + step * v, s + step, t)
        behind = flow_map.raw(x - step * v, s - step, t)
        expected = v + (t - s) * (ahead - behind) / (2 * step)
    found = advected_velocity(flow_map, x, s, t)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_lagrangian_gradients_flow_through_the_slope_alone(small_config: RunConfig) -> None:
    config = small_config.replace(method="lagrangian", diagonal_share=0.5)
    flow_map = build_flow_map(config, 2).double()
    batch = Batch(*(torch.randn(8, 2).double() for _ in range(2)), torch.rand(8, 3).double())
    x, s, t, _, diagonal = draw_two_times(batch, config)
    off = slice(diagonal, None)
    reached, slope = end_and_slope(flow_map, x[off], s[off], t[off])
    there = flow_map.raw(reached, t[off], t[off]).detach()
    plain = ((slope - there) ** 2).mean()
    ours = objective("lagrangian")(flow_map, batch, config).consistency
    weights = list(flow_map.network.parameters())
    for mine, own in zip(
        torch.autograd.grad(ours, weights), torch.autograd.grad(plain, weights), strict=True
    ):
        torch.testing.assert_close(mine, own, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_adaptive_weight_tames_large_errors(gaussian: Any, power: float) -> None:
    config = RunConfig(method="eulerian", adaptive_power=power, diagonal_share=0.05)
    batch = draw_batch(gaussian, 2000)

    def consistency(size: float) -> float:
        wrong = mean_velocity_map(gaussian, lambda x, s, t: size * (t - s) + 0 * x)
        return float(objective("eulerian")(wrong, batch, config).consistency)

    growth = consistency(1e3) / consistency(1e2)
    assert growth == pytest.approx(100.0 if power == 0 else 1.0, rel=0.2)


def test_flow_matching_is_least_at_the_exact_velocity(gaussian: Any) -> None:
    batch, config = draw_batch(gaussian), RunConfig(method="flow-matching")

    def match(extra: Move | None = None) -> float:
        terms = objective("flow-matching")(mean_velocity_map(gaussian, extra), batch, config)
        assert terms.consistency is None
        assert terms.identity is None
        return float(terms.match)

    best = match()
    others: list[Move] = [lambda x, _s, _t: 0.2 + 0 * x, lambda x, _s, _t: 0.15 * x]
    assert min(match(extra) for extra in others) > best


def test_trajectory_is_zero_on_the_teachers_paths(gaussian: Any) -> None:
    draw = torch.Generator().manual_seed(1)
    x0 = torch.randn(500, gaussian.dim, generator=draw).double()
    uniforms = torch.rand(500, 3, generator=draw).double()
    s, t = uniforms[:, :1] / 2, 0.5 + uniforms[:, 1:2] / 2
    start = gaussian.independent(x0, 0 * s, s)
    batch = Batch(x0, x0, uniforms, Passage(s, t, start, gaussian.independent(start, s, t)))
    config = RunConfig(method="trajectory")
    exact = objective("trajectory")(mean_velocity_map(gaussian), batch, config)
    assert float(exact.match) < 1e-20
    assert float(exact.consistency) < 1e-20
    wrong = mean_velocity_map(gaussian, lambda x, _s, _t: 0.1 + 0 * x)
    assert float(objective("trajectory")(wrong, batch, config).match) == pytest.approx(0.01)
    with pytest.raises(ValueError, match="teacher"):
        objective("trajectory")(mean_velocity_map(gaussian), batch._replace(passage=None), config)


@given(st.integers(1, 5000), st.floats(0.05, 1.0))
def test_diagonal_has_at_least_one_row_and_its_share(count: int, share: float) -> None:
    rows = diagonal_rows(count, share)
    assert 1 <= rows <= count
    assert abs(rows - share * count) <= 1


# The residual form


@pytest.mark.parametrize("method", list(METHODS))
def test_residual_form_is_the_identity_to_the_bit(method: str, small_config: RunConfig) -> None:
    config = small_config.replace(method=method)
    flow_map = _far_from_start(build_flow_map(config, 2))
    x = torch.randn(300, 2) * torch.logspace(-3, 6, 300)[:, None]
    t = torch.rand(300, 1)
    assert torch.equal(flow_map(x, t, t), x)
    assert not torch.equal(flow_map(x, 0 * t, t), x)


def test_free_form_has_to_learn_the_identity(small_config: RunConfig) -> None:
    config = small_config.replace(method="article", parametrisation="free")
    flow_map = _far_from_start(build_flow_map(config, 2))
    x, t = torch.randn(50, 2), torch.rand(50, 1)
    assert not torch.equal(flow_map(x, t, t), x)
    terms = objective("article")(flow_map, Batch(x, x, torch.rand(50, 3)), config)
    zero = torch.zeros(50, 1)
    torch.testing.assert_close(terms.identity, F.mse_loss(flow_map(x, zero, zero), x))
    assert float(terms.identity.detach()) > 0


def _far_from_start(flow_map: FlowMap) -> FlowMap:
    with torch.no_grad():
        for parameter in flow_map.parameters():
            parameter.add_(torch.randn_like(parameter))
    return flow_map


def test_total_weighs_the_terms() -> None:
    config = RunConfig(lambda_cons=3.0, lambda_id=0.5, method="article", parametrisation="free")
    flow_map = build_flow_map(config, 2)
    batch = Batch(torch.randn(32, 2), torch.randn(32, 2), torch.rand(32, 3))
    terms = objective("article")(flow_map, batch, config)
    expected = terms.match + 3.0 * terms.consistency + 0.5 * terms.identity
    torch.testing.assert_close(terms.total(config), expected)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_times_are_drawn_with_the_power_that_was_asked_for(power: float) -> None:
    draw = torch.Generator().manual_seed(0)
    rows = torch.randn(20_000, 2, generator=draw)
    batch = Batch(rows, rows, torch.rand(20_000, 3, generator=draw))
    diagonal = draw_two_times(batch, RunConfig(time_power=power, diagonal_share=1.0))
    # P(s ≤ x) = P(r ≤ 1 − (1 − x)^(1/p)) for even r.
    for x in (0.2, 0.5, 0.9):
        expected = 1 - (1 - x) ** (1 / power)
        assert (diagonal.s <= x).double().mean().item() == pytest.approx(expected, abs=0.012)
    off = draw_two_times(batch, RunConfig(time_power=power, diagonal_share=0.05))
    assert (off.s <= off.t).all()
    assert off.t.max() <= 1


def test_runs_of_earlier_versions_drew_their_times_evenly() -> None:
    kept = RunConfig().as_dict()
    del kept["time_power"]
    assert RunConfig.from_dict(kept).time_power == 1.0
