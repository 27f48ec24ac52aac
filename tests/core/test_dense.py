"""Linear layers by oneDNN: the same numbers and derivatives as torch's, whatever is asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F

from flowmap_studio.core import dense as module
from flowmap_studio.core.dense import Dense, dense, onednn_pays
from flowmap_studio.core.memory import keep_freed_memory


@pytest.fixture(autouse=True)
def both_ways() -> Iterator[None]:
    """The choice is made anew before and after a test that changes the machine."""
    onednn_pays.cache_clear()
    yield
    onednn_pays.cache_clear()


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


INPUTS = {
    "plain": draw(40, 48),
    "transposed": draw(48, 40).t(),
    "columns": draw(40, 60)[:, :48],
    "every other row": draw(80, 48)[::2],
    "one row for all": draw(1, 48).expand(40, 48),
    "one number for all": torch.ones(1, 1).expand(40, 48),
    "not aligned": draw(40 * 48 + 1)[1:].view(40, 48),
    "a single row": draw(1, 48),
    "no rows": draw(0, 48),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("layout", ["plain", "transposed", "columns"])
def test_the_numbers_are_those_of_float64(name: str, layout: str, *, bias: bool) -> None:
    x = INPUTS[name]
    weight = {
        "plain": draw(32, 48),
        "transposed": draw(48, 32).t(),
        "columns": draw(32, 64)[:, 16:],
    }[layout]
    added = draw(32) if bias else None
    exact = F.linear(x.double(), weight.double(), None if added is None else added.double())
    torch.testing.assert_close(dense(x, weight, added).double(), exact, rtol=1e-5, atol=1e-5)


def test_first_and_second_derivatives_are_torchs() -> None:
    def taken(product: object) -> list[torch.Tensor]:
        x, weight, bias = (
            draw(*shape).double().float().requires_grad_() for shape in ((40, 48), (32, 48), (32,))
        )
        out = product(x, weight, bias)  # type: ignore[operator]
        (slope,) = torch.autograd.grad(out.tanh().sum(), x, create_graph=True)
        loss = slope.square().sum() + out.square().mean()
        return [out, slope, *torch.autograd.grad(loss, (x, weight, bias))]

    for ours, torchs in zip(taken(dense), taken(F.linear), strict=True):
        torch.testing.assert_close(ours, torchs, rtol=2e-4, atol=2e-4)


def test_derivatives_that_nobody_asks_for_are_not_made() -> None:
    x, weight = draw(40, 48).requires_grad_(), draw(32, 48)
    dense(x, weight).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    torch.testing.assert_close(x.grad, weight.sum(0).expand(40, 48), rtol=1e-5, atol=1e-5)
    assert weight.grad is None
    assert not dense(draw(40, 48), weight).requires_grad


@pytest.mark.parametrize("graph", [True, False])
def test_forward_mode_and_batched_maps_go_by_torchs_own_layer(*, graph: bool) -> None:
    x, along, weight = draw(40, 48), draw(40, 48) / 3, draw(32, 48)
    with torch.set_grad_enabled(graph):
        value, slope = torch.func.jvp(lambda at: dense(at, weight), (x,), (along,))
        batched = torch.func.vmap(lambda at: dense(at, weight))(torch.stack([x, along]))
    torch.testing.assert_close(value, x @ weight.t(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(slope, along @ weight.t(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(batched[1], along @ weight.t(), rtol=1e-5, atol=1e-5)


def test_what_inference_mode_made_can_be_used_outside_of_it() -> None:
    with torch.inference_mode():
        x = draw(40, 48) + 0
        inside = dense(x, draw(32, 48))
    assert torch.equal(dense(x, draw(32, 48)), inside)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions_are_torchs_own(dtype: torch.dtype) -> None:
    x, weight, bias = (draw(*shape).to(dtype) for shape in ((40, 48), (32, 48), (32,)))
    assert torch.equal(dense(x, weight, bias), F.linear(x, weight, bias))


def test_a_machine_without_it_has_torchs_own_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert not onednn_pays()
    monkeypatch.setattr(module, "_product", None)  # would raise if it were called
    layer = Dense(48, 32)
    assert torch.equal(layer(INPUTS["plain"]), F.linear(INPUTS["plain"], layer.weight, layer.bias))
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    onednn_pays.cache_clear()
    assert not onednn_pays()


def test_layers_have_the_names_and_weights_of_torchs() -> None:
    layer, other = Dense(48, 32), torch.nn.Linear(48, 32)
    other.load_state_dict(layer.state_dict())
    torch.testing.assert_close(layer(INPUTS["plain"]), other(INPUTS["plain"]))


def test_freed_memory_is_kept_where_there_is_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = keep_freed_memory()
    assert kept == (sys.platform == "linux" and "glibc" in _libc())
    keep_freed_memory.cache_clear()
    monkeypatch.setattr(sys, "platform", "win32")
    assert not keep_freed_memory()
    keep_freed_memory.cache_clear()


def _libc() -> str:
    import platform

    return platform.libc_ver()[0]
