"""The compiled network does what torch's operations do, and stands back where it can't."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from flowmap_studio.core import loaded_map
from flowmap_studio.core.bench.training import plain
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.flow_map import FlowMap, build_flow_map
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.methods import METHODS
from flowmap_studio.core.native import library, loading
from flowmap_studio.core.native import network as native
from flowmap_studio.core.native.binding import bound
from flowmap_studio.core.native.ready import Ready
from flowmap_studio.core.native.sources import FOLDER, LIBRARIES, source_digest
from flowmap_studio.core.networks import FlowMapNet
from flowmap_studio.core.run import Run
from flowmap_studio.core.targets import open_target
from flowmap_studio.core.trainer import Trainer
from tests.core.conftest import COMPILER

FUNCTIONS = (
    *(f"network_{name}" for name in ("at", "told", "begin", "jumps")),
    *(f"network_{name}" for name in ("sizes", "ready", "forward", "backward", "unfold")),
)


def make_network(
    dim: int = 2, classes: int = 0, times: int = 2, scale: float = 1.0, **changes: Any
) -> FlowMapNet:
    """One with weights that are nothing special."""
    method = "semigroup" if times == 2 else "article"
    network = FlowMapNet(dim, times, RunConfig(method=method, **changes), classes)
    draw = torch.Generator().manual_seed(3)
    with torch.no_grad():
        network.frequencies.normal_(generator=draw)
        for parameter in network.parameters():
            spread = scale / parameter.shape[-1] ** 0.5 if parameter.ndim > 1 else 0.3
            parameter.normal_(generator=draw).mul_(spread)
    return network


def draws(rows: int, dim: int, times: int, classes: int) -> tuple[torch.Tensor, ...]:
    """Positions, times, classes and slopes of a loss."""
    draw = torch.Generator().manual_seed(rows)
    cond = torch.eye(classes + 1)[torch.randint(classes + 1, (rows,), generator=draw), :classes]
    x = torch.randn(rows, dim, generator=draw)
    return x, torch.rand(rows, times, generator=draw), cond, torch.randn(rows, dim, generator=draw)


SHAPES: list[dict[str, Any]] = [
    {"hidden_dim": 256},
    {"hidden_dim": 32, "depth": 1, "time_embed_dim": 32, "position_features": 0, "times": 1},
    {"hidden_dim": 96, "depth": 4, "position_features": 20},
    {"hidden_dim": 160, "dim": 3, "time_embed_dim": 96, "position_features": 16, "depth": 3},
    {"hidden_dim": 64, "classes": 5, "dim": 16, "position_features": 0},
    {"hidden_dim": 32, "classes": 2, "dim": 1, "position_features": 16, "times": 1},
]
OF_EIGHT: list[dict[str, Any]] = [
    {"hidden_dim": 16, "depth": 1, "time_embed_dim": 16, "position_features": 0, "times": 1},
    {"hidden_dim": 48, "dim": 3, "time_embed_dim": 80, "position_features": 8, "depth": 3},
]
"""What vectors of sixteen are too long for."""
ROWS = [1, 6, 95, 96, 97, 192, 193, 400]


@pytest.mark.parametrize("shape", SHAPES + OF_EIGHT, ids=str)
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("by_x", [False, True])
def test_outputs_and_derivatives_are_torchs(
    shape: dict[str, Any], rows: int, by_x: bool, use: Callable[[bool], None]
) -> None:
    network = make_network(**shape)
    dim, classes = shape.get("dim", 2), shape.get("classes", 0)
    x, t, cond, slope = draws(rows, dim, shape.get("times", 2), classes)
    x.requires_grad_(by_x)
    found = []
    for yes in (True, False):
        use(yes)
        fits = shape not in OF_EIGHT or library.lanes() == 8
        assert native.suits(network, x, t) == (yes and fits)
        out = network(x, t, cond if classes else None)
        inputs = [*([x] if by_x else []), *network.parameters()]
        found.append([out.detach(), *torch.autograd.grad(out, inputs, slope)])
    for mine, expected in zip(*found, strict=True):
        # Sums over the rows of what may nearly cancel.
        torch.testing.assert_close(mine, expected, rtol=1e-4, atol=2e-5 * rows**0.5)


def test_derivatives_are_those_of_finite_differences(use: Callable[[bool], None]) -> None:
    network = make_network(hidden_dim=32, time_embed_dim=32, position_features=16, depth=2)
    x, t, _, slope = draws(50, 2, 2, 0)
    gradient = torch.autograd.grad((network(x, t) * slope).sum(), list(network.parameters()))
    use(False)
    exact = copy.deepcopy(network).double()
    draw = torch.Generator().manual_seed(1)
    along = [torch.randn(one.shape, generator=draw).double() for one in network.parameters()]

    def loss(step: float) -> torch.Tensor:
        with torch.no_grad():
            for mine, own, way in zip(exact.parameters(), network.parameters(), along, strict=True):
                mine.copy_(own.double() + step * way)
            return (exact(x.double(), t.double()) * slope.double()).sum()

    difference = (loss(1e-5) - loss(-1e-5)) / 2e-5
    found = sum((g.double() * way).sum() for g, way in zip(gradient, along, strict=True))
    assert float(found) == pytest.approx(float(difference), rel=1e-4)


def test_frozen_weights_and_second_derivatives(use: Callable[[bool], None]) -> None:
    network = make_network(hidden_dim=32, position_features=16)
    x, t, _, _ = draws(40, 2, 2, 0)
    x = x.t().contiguous().t()  # in another order in memory
    x.requires_grad_()
    found = []
    for yes in (True, False):
        use(yes)
        network.requires_grad_(requires_grad=False)
        (by_x,) = torch.autograd.grad(network(x, t).sum(), x)
        network.requires_grad_()
        (slope,) = torch.autograd.grad((network(x, t) ** 2).sum(), x, create_graph=True)
        found.append([by_x, *torch.autograd.grad((slope**2).sum(), [x, network.last.weight])])
    for mine, expected in zip(*found, strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES + OF_EIGHT, ids=str)
@pytest.mark.parametrize("rows", [1, 96, 250])
def test_evaluations_and_jumps_are_torchs(
    shape: dict[str, Any], rows: int, use: Callable[[bool], None]
) -> None:
    network = make_network(**shape)
    classes, times = shape.get("classes", 0), shape.get("times", 2)
    x, t, cond, _ = draws(rows, shape.get("dim", 2), times, classes)
    clock = "both" if times == 2 else "elapsed"
    flow_map = FlowMap(network, clock=clock, residual=classes == 0)
    found = []
    for yes in (True, False):
        use(yes)
        with torch.inference_mode():
            told = network(x, t[:1], cond) if classes else network(x, t[:1])
            found.append([told, network(x, t[:1]), flow_map.jumps(x, [0.0, 0.3, 0.7, 1.0])])
    for mine, expected in zip(*found, strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-4, atol=1e-4)
    use(True)
    with torch.inference_mode():
        for threads in (2, 3, 7):  # what torch tells it of times is rounded as torch does
            torch.set_num_threads(threads)
            torch.testing.assert_close(network(x, t[:1]), found[0][1], rtol=1e-5, atol=1e-5)
            jumped = flow_map.jumps(x, [0.0, 0.3, 0.7, 1.0])
            torch.testing.assert_close(jumped, found[0][2], rtol=1e-5, atol=1e-5)


def test_all_evaluations_are_counted(use: Callable[[bool], None]) -> None:
    flow_map = FlowMap(make_network(hidden_dim=32), clock="both", residual=True)
    for yes in (True, False):
        use(yes)
        counted: list[int] = []
        flow_map.watchers[:] = [counted.append]
        with torch.inference_mode():
            flow_map.jumps(torch.randn(70, 2), [0.0, 0.25, 0.5, 1.0])
        assert sum(counted) == 210


def test_far_points_and_steep_layers(use: Callable[[bool], None]) -> None:
    """Sines of large angles, and sigmoids at both ends."""
    network = make_network(hidden_dim=32, position_features=16)
    with torch.no_grad():
        network.net[1].weight.mul_(300)
        network.net[4].bias.sub_(100)
    x, t, _, _ = draws(64, 2, 2, 0)
    x = x * torch.logspace(0, 5, 64)[:, None]
    use(False)
    expected = network(x, t).detach()
    use(True)
    mine = network(x, t).detach()
    assert torch.isfinite(mine).all()
    torch.testing.assert_close(mine, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


def test_what_is_not_a_number_stays_so(use: Callable[[bool], None]) -> None:
    """A run that diverges must be seen to."""
    network = make_network(hidden_dim=32)
    x, t, _, _ = draws(20, 2, 2, 0)
    x[3] = torch.nan
    out = network(x, t)
    assert out[3].isnan().all()
    assert torch.isfinite(out[[0, 19]]).all()
    with torch.no_grad():
        network.net[3].weight[0, 0] = torch.inf
    assert not torch.isfinite(network(x, t)).any()


def test_new_weights_are_seen(use: Callable[[bool], None]) -> None:
    network, other = make_network(hidden_dim=32), make_network(hidden_dim=32, scale=2.0)
    x, t, _, _ = draws(20, 2, 2, 0)
    first = network(x, t)
    expected = other(x, t)
    with torch.no_grad():
        for mine, theirs in zip(network.parameters(), other.parameters(), strict=True):
            mine.data = theirs.data.clone()
    assert torch.equal(network(x, t), expected)
    network.load_state_dict(make_network(hidden_dim=32).state_dict(), assign=True)
    assert torch.equal(network(x, t), first)
    copied = copy.deepcopy(network)
    with torch.no_grad():
        copied.last.bias.add_(1)
    assert torch.equal(network(x, t), first)
    assert not torch.equal(copied(x, t), first)


def test_what_it_cant_do_is_torchs(use: Callable[[bool], None]) -> None:
    x, t, _, _ = draws(30, 2, 2, 0)
    assert native.suits(make_network(hidden_dim=32), x, t)
    assert not native.suits(make_network(hidden_dim=40), x, t)
    assert not native.suits(make_network(hidden_dim=32, time_embed_dim=20), x, t)
    assert not native.suits(make_network(hidden_dim=32, dim=17), x, t)
    assert not native.suits(make_network(hidden_dim=32), x.double(), t)
    assert not native.suits(make_network(hidden_dim=32), x[:0], t)
    assert not native.suits(make_network(hidden_dim=32), x, t.clone().requires_grad_())
    assert not native.suits(plain(make_network(hidden_dim=32)), x, t)
    assert type(plain(make_network(hidden_dim=32)).net[0]) is nn.Linear
    network = make_network(hidden_dim=32)
    value, along = torch.func.jvp(lambda at: network(at, t), (x,), (torch.ones_like(x),))
    moved = (network(x + 1e-2, t) - network(x - 1e-2, t)) / 2e-2
    torch.testing.assert_close(value, network(x, t), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(along, moved, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("method", METHODS)
def test_a_run_learns_the_map_that_it_learns_without(
    method: str, use: Callable[[bool], None]
) -> None:
    coupling = "sinkhorn" if METHODS[method].has_score else "ot"
    config = RunConfig(
        method=method,
        coupling=coupling,
        hidden_dim=32,
        time_embed_dim=32,
        batch_size=64,
        ot_batch=64,
        steps=24,
        device="cpu",
    )

    def trained(yes: bool) -> tuple[np.ndarray, np.ndarray]:
        use(yes)
        run = Run(config, open_target(config.target))
        losses = [event.losses for event in run.run() if hasattr(event, "losses")]
        snapshot = run.snapshot()
        return np.concatenate(losses), np.concatenate(
            [w.ravel() for w in snapshot.weights.values()]
        )

    losses, weights = trained(True)
    again, same = trained(True)
    np.testing.assert_array_equal(losses, again)
    np.testing.assert_array_equal(weights, same)
    expected, other = trained(False)
    np.testing.assert_allclose(losses, expected, rtol=5e-3, atol=5e-4)
    np.testing.assert_allclose(weights, other, atol=5e-3)


@pytest.mark.parametrize(("embed", "of_torch"), [(32, 1), (8, 2)])
def test_torch_has_the_threads_of_what_the_library_cannot_train(
    embed: int, of_torch: int, use: Callable[[bool], None]
) -> None:
    config = RunConfig(
        hidden_dim=32, time_embed_dim=embed, coupling="independent", device="cpu", threads=2
    )
    trainer = Trainer(config, open_target(config.target))
    next(iter(trainer.run()))
    assert torch.get_num_threads() == of_torch
    assert isinstance(trainer.flow_map.network, FlowMapNet)
    assert trainer.flow_map.network.threads == (2 if of_torch == 1 else None)


def test_memory_that_runs_out_is_an_error(
    use: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = make_network(hidden_dim=32)
    x, t, _, _ = draws(20, 2, 2, 0)
    out = network(x, t)
    lanes = library.lanes()
    full = SimpleNamespace(**dict.fromkeys(FUNCTIONS, lambda *_: -1), library_lanes=lambda: lanes)
    monkeypatch.setattr(library, "library", lambda: full)
    with pytest.raises(MemoryError):
        network(x, t)
    with pytest.raises(MemoryError):
        out.sum().backward()
    with pytest.raises(MemoryError), torch.inference_mode():
        network(x, t[:1])


def test_a_library_of_other_sources_is_not_used(compiled: Path, tmp_path: Path) -> None:
    other = tmp_path / compiled.name
    digest = source_digest().encode()
    other.write_bytes(compiled.read_bytes().replace(digest, digest[::-1]))
    assert loading.load(other) is None
    assert loading.load(tmp_path / "none") is None
    (tmp_path / "text").write_text("no library")
    assert loading.load(tmp_path / "text") is None


def test_without_a_compiler_the_package_is_built_all_the_same(
    build: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in LIBRARIES:
        (tmp_path / name).write_text("an old one")
    monkeypatch.setenv("CC", str(tmp_path / "no-compiler"))
    assert build.compiled(tmp_path) == []
    assert not list(tmp_path.glob("*.compiled"))
    if COMPILER is not None and sys.platform == "linux":
        said = capsys.readouterr().err
        assert [f"Built without {name}" in said for name in LIBRARIES] == [True, True]


@pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")
def test_the_installed_library_is_of_these_sources(compiled: Path) -> None:
    """Else this checkout is to be installed again: `pip install -e .`."""
    assert loading.load(FOLDER / compiled.name) is not None


@pytest.mark.parametrize("shape", SHAPES + OF_EIGHT, ids=str)
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("by_x", [False, True])
def test_gradients_are_added_to_those_that_are_there(
    shape: dict[str, Any], threads: int, by_x: bool, use: Callable[[bool], None]
) -> None:
    network = make_network(**shape)
    dim, classes = shape.get("dim", 2), shape.get("classes", 0)
    x, t, cond, slope = draws(200, dim, shape.get("times", 2), classes)
    x.requires_grad_(by_x)
    network.threads = threads
    flow_map = FlowMap(network, clock="both", residual=True)
    known = cond if classes else None
    before = [torch.full_like(weight, 0.5) for weight in network.parameters()]
    found = []
    for in_place in (False, True):
        x.grad = None
        for weight, there in zip(network.parameters(), before, strict=True):
            weight.grad = there.clone()
        places = [weight.grad.data_ptr() for weight in network.parameters()]
        with flow_map.adding_gradients() if in_place else nullcontext():
            first, second = network(x, t, known), network(x, 0.5 * t, known)
            ((first + second) * slope).sum().backward()
        assert [weight.grad.data_ptr() for weight in network.parameters()] == places
        gradients = [weight.grad for weight in network.parameters()]
        found.append(gradients + ([x.grad] if by_x else []))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-4)
    network.zero_grad(set_to_none=True)  # without any they are made
    with flow_map.adding_gradients():
        (network(x, t, known) * slope).sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())
    assert bound(network).step is None


def ready_to_learn() -> tuple[FlowMapNet, torch.Tensor, torch.Tensor]:
    """A network whose gradients are zero, positions and times."""
    network = make_network(hidden_dim=32)
    for weight in network.parameters():
        weight.grad = torch.zeros_like(weight)
    x, t, _, _ = draws(20, 2, 2, 0)
    return network, x, t


def test_a_way_back_that_comes_too_late_is_told(use: Callable[[bool], None]) -> None:
    network, x, t = ready_to_learn()
    with FlowMap(network, clock="both", residual=True).adding_gradients():
        out = network(x, t)
    with pytest.raises(RuntimeError, match="go back within adding_gradients"):
        out.sum().backward()
    assert not any(weight.grad.any() for weight in network.parameters())


def test_gradients_that_are_gone_are_told(use: Callable[[bool], None]) -> None:
    network, x, t = ready_to_learn()

    def lose_them() -> None:
        with FlowMap(network, clock="both", residual=True).adding_gradients():
            out = network(x, t)
            network.zero_grad(set_to_none=True)
            out.sum().backward()

    with pytest.raises(RuntimeError, match="gradients are gone"):
        lose_them()
    assert bound(network).step is None


def test_a_network_is_copied_in_the_midst_of_a_step(use: Callable[[bool], None]) -> None:
    network, x, t = ready_to_learn()
    with FlowMap(network, clock="both", residual=True).adding_gradients():
        out = network(x, t)
        assert torch.equal(copy.deepcopy(network)(x, t), out)


def test_what_does_not_go_together_is_refused(use: Callable[[bool], None]) -> None:
    network = make_network(hidden_dim=32, position_features=16)
    x, t, _, _ = draws(20, 2, 2, 0)
    weights = list(bound(network).weights())
    ready = Ready(network, weights, both_ways=False)
    assert torch.equal(ready.evaluate(x, [t]), network(x, t))
    for given, told in ((x, t[:1]), (x[:1], t), (x[:, :1], t), (x, t[:, :1])):
        with pytest.raises(ValueError, match="rows or columns"):
            ready.evaluate(given.contiguous(), [told.contiguous()])
    other = make_network(hidden_dim=32, time_embed_dim=20)
    with pytest.raises(ValueError, match="not written for"):
        Ready(other, list(bound(other).weights()), both_ways=False)
    with pytest.raises(ValueError, match="not written for"):
        native.told_at(other, t)
    for changes in ({"hidden_dim": 40}, {"hidden_dim": 32, "position_features": 20}):
        with pytest.raises(ValueError, match="not written for"):
            native.begin(make_network(**changes), x)


def test_added_gradients_are_not_differentiated_in_their_turn(
    use: Callable[[bool], None],
) -> None:
    network, x, t = ready_to_learn()
    x.requires_grad_()
    with FlowMap(network, clock="both", residual=True).adding_gradients():
        out = network(x, t)
        with pytest.raises(RuntimeError, match="leave adding_gradients"):
            torch.autograd.grad(out.sum(), x, create_graph=True)


def test_maps_of_a_run_are_evaluated_by_it(use: Callable[[bool], None]) -> None:
    """A map as the trainer makes it, whose weights lie in one vector."""
    flow_map = build_flow_map(RunConfig(hidden_dim=32, time_embed_dim=32), 2)
    assert isinstance(flow_map.network, FlowMapNet)
    assert native.suits(flow_map.network, torch.randn(8, 2), torch.rand(8, 2))
    assert native.can_jump(flow_map.network, torch.randn(8, 2))


@pytest.mark.parametrize("classes", [0, 3])
def test_routes_end_where_each_does_alone(classes: int, use: Callable[[bool], None]) -> None:
    network = make_network(hidden_dim=64, position_features=16, classes=classes)
    flow_map = FlowMap(network, clock="both", residual=True)
    x, _, _, _ = draws(300, 2, 2, 0)
    with torch.inference_mode():
        begun = flow_map.begin(x)
        routes = [(x[:130], [0.0, 0.3, 0.7, 1.0], begun[:130]), (x, [0.0, 0.6], None)]
        rows: list[int] = []
        flow_map.watchers.append(rows.append)
        for threads in (1, 2, 3):
            flow_map.work_in(threads)
            for found, route in zip(flow_map.routes(routes), routes, strict=True):
                torch.testing.assert_close(found, flow_map.jumps(*route), rtol=0, atol=0)
        assert rows == 3 * [130 * 3 + 300, 130 * 3, 300]
        use(False)
        plain = flow_map.jumps(x, [0.0, 0.6])
    torch.testing.assert_close(found, plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("width", [32, 96, 256])
@pytest.mark.parametrize("rows", [1, 91, 250])
def test_jumps_that_are_begun_end_where_others_do(
    width: int, rows: int, use: Callable[[bool], None]
) -> None:
    network = make_network(hidden_dim=width, position_features=16)
    flow_map = FlowMap(network, clock="both", residual=True)
    x, _, _, _ = draws(rows, 2, 2, 0)
    with torch.inference_mode():
        begun = flow_map.begin(x)
        for times in ([0.0, 0.6], [0.0, 0.3, 0.7, 1.0]):
            for threads in (1, 2):
                flow_map.work_in(threads)
                found = flow_map.jumps(x, times, begun)
                torch.testing.assert_close(found, flow_map.jumps(x, times), rtol=0, atol=0)
                other = flow_map.jumps(x, times, 2 * begun)
                assert (other - found).abs().max() > 1e-3  # it is what it begins with


def test_only_the_noise_that_is_kept_is_begun(
    use: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(RunConfig(hidden_dim=32, position_features=16), open_target("moons"))
    plain, keeping = LoadedMap(run.snapshot()), LoadedMap(run.snapshot())
    begun: list[int] = []
    begin = FlowMap.begin

    def counted(self: FlowMap, x: torch.Tensor) -> torch.Tensor:
        begun.append(len(x))
        return begin(self, x)

    monkeypatch.setattr(FlowMap, "begin", counted)
    noise, same = keeping.noise(300, 1), plain.noise(300, 1)
    times = [0.0, 0.2, 0.9]
    keeping.normalised(noise, times)
    assert not begun  # nobody has said that it is asked for again
    keeping.keep_begun()
    for rows in (slice(None), slice(40), slice(120, 299), slice(0, 0)):
        found = keeping.normalised(noise[rows], times)
        expected = plain.normalised(same[rows], times)
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert begun == [300]
    for other in (noise.clone(), noise[::2], noise.flip(0)):
        expected = plain.normalised(other.clone(), times)
        torch.testing.assert_close(keeping.normalised(other, times), expected, rtol=0, atol=0)
    assert begun == [300]
    other = keeping.noise(310, 2)
    expected = plain.normalised(other.clone(), times)
    torch.testing.assert_close(keeping.normalised(other, times), expected, rtol=0, atol=0)
    assert begun == [300, 310]
    monkeypatch.setattr(loaded_map, "MOST_BEGUN", 300)
    keeping.normalised(keeping.noise(301, 2), times)
    assert begun == [300, 310]
